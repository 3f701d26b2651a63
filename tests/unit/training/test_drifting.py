"""An incident in the simulated plant, in its own times: the alert of the model that forecasts begins and ends once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alerting.board import Board
from bench.retrain import readings
from physics import layout
from physics.faults import Fault
from physics.history import record
from physics.plant import Plant
from racktwin.messages import Prediction
from runner import predictor
from scorecard.judge import Judge, promise_of
from scorecard.ledger import Ledger
from scorecard.tallies import Tallies
from training.simulated import START_S, Recorded, history_of

# Panels are missing from and until (min); until nothing may begin again (h).
_BEGINS, _ENDS, _HOURS = 180, 200, 9
_RACKS = 6


def _history(definition):
    """A room in which panels go missing in all racks for a while, as the model reads it."""
    begins, ends = START_S + _BEGINS * 60, START_S + _ENDS * 60
    faults = [Fault("blanking-missing", f"rack-{k}", 0.6, begins, ends) for k in range(_RACKS)]
    place = layout.assumed("lab", [(f"rack-{k}", "row", 0.6 * k, 6000.0) for k in range(_RACKS)])
    plant = Plant(place, [91], start_s=START_S, faults=faults)
    said = record(plant, _HOURS * 3600.0, float(definition.resolution_s))
    history = history_of(Recorded(0, 91, definition.resolution_s, place, said, faults), definition)
    return replace(history, things=[f"racktwin.lab:rack-{k}" for k in range(_RACKS)])


def _predictions(now, things, loaded, version, window):
    definition = loaded.manifest.definition
    value, lo, hi = loaded.predict(loaded.plan.compute(np.ascontiguousarray(window.transpose(1, 2, 0))))
    for row, thing in enumerate(things):
        for column, output in enumerate(definition.outputs()):
            channel = definition.channel_of(definition.targets[output.target])
            if not np.isfinite(value[row, column]):
                continue
            yield Prediction(
                v=1, thing=thing, model=definition.name, model_version=version,
                target=f"{channel.feature}/{channel.property}", horizon_s=output.horizon_s,
                value=float(value[row, column]), lo=float(lo[row, column]), hi=float(hi[row, column]),
                unit=channel.unit, issued_at=now, valid_at=now + output.horizon_s * 1000, based_on=now, kind="rack",
            )  # fmt: skip


def test_panels_that_go_missing_and_come_back_are_one_alert_of_the_model(trained):
    folder, result = trained
    loaded = predictor.load(folder)
    definition = loaded.manifest.definition
    history = _history(definition)
    values = history.values
    ledger, tallies, board = Ledger(), Tallies(), Board()
    judge = Judge(promise_of(loaded.manifest.metrics, definition.coverage))
    told = []
    every = 60 // definition.resolution_s
    for cell in range(definition.cells, len(values), every):
        minute = cell // every
        now = round((START_S + cell * definition.resolution_s) * 1000)
        for reading in readings(history, cell):
            for scored in ledger.read(reading):
                tallies.add(scored)
        window = values[cell - definition.cells + 1 : cell + 1, :, : definition.windowed]
        for prediction in _predictions(now, history.things, loaded, result.version, window):
            ledger.predicted(prediction)
        tally = tallies.versions.get((definition.name, result.version))
        if tally is None:
            continue
        verdict = judge.verdict(tally, now)
        state = "paused" if verdict.paused else "drifting" if verdict.drifting else "well"
        model = {"state": state, "reason": verdict.reason, "skill": tally.skill}
        twin = {"thingId": "racktwin.lab:site-lab", "features": {f"model.{definition.name}": {"properties": model}}}
        for second in range(0, 60, 20):
            told += [(minute, each.what) for each in board.judge(twin, now + second * 1000)]
    assert [what for _, what in told] == ["firing", "cleared"]
    (fired, _), (cleared, _) = told
    # Forecasts of before are wrong from five minutes on; those made meanwhile come due until half an hour after.
    assert _BEGINS + 5 < fired < _BEGINS + 30
    assert _ENDS + 30 < cleared < _ENDS + 180
