"""A drifted plant found, retrained, promoted and better, without a hand: the loop of registry, runner, scorecard,
training and gate, with the clock of a simulated plant instead of the wall's.

1. A model is trained on plants like the first half of this one, and serves.
2. Then the plant changes: its units hunt more and faster, supply drifts. What the served graph predicts each minute
   goes to the scorecard as the runner's predictions would, and readings after them.
3. The scorecard's own verdict starts the training, on the history since the change; the gate decides; the pointer
   moves; from then on the new version predicts. Nothing here chooses.

Progress goes to stderr, the figures are the last line on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from models.definition import Manifest, read_manifest
from models.registry import Registry
from models.statistics import InputPlan
from physics import layout
from physics.hidden import Nature
from physics.history import record
from physics.plant import Plant
from racktwin import health, logs
from racktwin.messages import Prediction, Reading
from racktwin.process import Context
from scorecard.ledger import Ledger
from scorecard.tallies import Tallies, Tally
from scorecard.verdicts import Verdicts
from training import promotion, registry
from training.history import History
from training.job import Sizes, train
from training.simulated import START_S, channel_values

_MODEL: Final = "inlet-temperature"
_RACKS: Final = 6
_ROOMS: Final = 6
_BEFORE_H: Final = 30.0
_AFTER_H: Final = 40.0
_LEAST_H: Final = 20.0
_STEP_S: Final = 60
_SIZES: Final = Sizes(train=30_000, calibration=9_000, test=9_000)
_CALM: Final = Nature(hunting=0.25, hunting_period_s=(2700.0, 3600.0), supply_drift=0.2)
_CHANGED: Final = Nature(hunting=1.0, hunting_period_s=(1500.0, 2000.0), supply_drift=0.5, temperature_noise=0.06)


def say(text: str) -> None:
    """Progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def plant_history(nature: Nature, hours: float, seed: int, start_s: float) -> History:
    """A plant's history as a model reads it."""
    definition = registry.load(_MODEL).definition
    place = layout.assumed("drifting", [(f"rack-{k}", "row", 0.6 * k, 8000.0) for k in range(_RACKS)])
    plant = Plant(place, [seed + room for room in range(_ROOMS)], start_s=start_s, nature=nature)
    recorded = record(plant, hours * 3600.0, float(definition.resolution_s))
    values = np.stack([channel_values(recorded, channel) for channel in definition.channels], axis=3)
    return History(
        start_ms=int(start_s * 1000),
        cell_s=definition.resolution_s,
        things=[f"racktwin.bench:rack-{room}-{k}" for room in range(_ROOMS) for k in range(_RACKS)],
        rooms=[str(room) for room in range(_ROOMS) for _ in range(_RACKS)],
        channels=definition.channel_names,
        values=values.astype(np.float32).reshape(values.shape[0], _ROOMS * _RACKS, -1),
        origin={"kind": "recorded", "site": "bench"},
    )


class Serving:
    """The version that the registry says serves, as the runner would hold it."""

    def __init__(self, models: Registry, scratch: Path) -> None:
        self._models, self._scratch = models, scratch
        self.version = ""
        self._manifest: Manifest
        self._plan: InputPlan
        self._session: ort.InferenceSession
        self.look()

    def look(self) -> bool:
        """Take up what the pointer names; True when that is another version than before."""
        pointer = self._models.pointer(_MODEL)
        if pointer is None or pointer.version == self.version:
            return False
        folder = self._models.fetch(_MODEL, pointer.version, self._scratch)
        self._manifest = read_manifest(folder)
        self._plan = InputPlan.of(self._manifest.inputs, self._manifest.definition)
        self._session = ort.InferenceSession((folder / self._manifest.graph.file).read_bytes())
        self.version = pointer.version
        return True

    def predictions(self, history: History, cell: int) -> list[Prediction]:
        """Every prediction at one moment."""
        definition = self._manifest.definition
        past = history.values[cell - definition.cells + 1 : cell + 1, :, : definition.windowed]
        windows = np.ascontiguousarray(past.transpose(1, 2, 0))
        value, lo, hi = self._session.run(
            ["value", "lo", "hi"], {self._manifest.graph.input: self._plan.compute(windows)}
        )
        now = history.start_ms + cell * history.cell_s * 1000
        made = []
        for row, thing in enumerate(history.things):
            for column, output in enumerate(definition.outputs()):
                if not np.isfinite(value[row, column]):
                    continue
                channel = definition.channel_of(definition.targets[output.target])
                made.append(
                    Prediction(
                        v=1, thing=thing, model=_MODEL, model_version=self.version,
                        target=f"{channel.feature}/{channel.property}", horizon_s=output.horizon_s,
                        value=float(value[row, column]), lo=float(lo[row, column]), hi=float(hi[row, column]),
                        unit=channel.unit, issued_at=now, valid_at=now + output.horizon_s * 1000, based_on=now,
                        kind="rack",
                    )
                )  # fmt: skip
        return made


def readings(history: History, cell: int) -> list[Reading]:
    """Every temperature reading at one moment."""
    now = history.start_ms + cell * history.cell_s * 1000
    return [
        Reading(
            v=1, thing=thing, feature=feature, observed_at=now, received_at=now,
            values={"temperature": float(history.values[cell, row, column])}, quality="good", device="bench",
            kind="rack",
        )
        for row, thing in enumerate(history.things)
        for column, feature in ((0, "environment.top"), (1, "environment.bottom"))
        if np.isfinite(history.values[cell, row, column])
    ]  # fmt: skip


def run(seed: int) -> dict[str, Any]:
    """The whole loop; the figures."""
    model = registry.load(_MODEL)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-retrain-") as folder:
        scratch = Path(folder)
        models = Registry(str(scratch / "registry"))
        calm = plant_history(_CALM, _BEFORE_H, seed, START_S)
        say(f"training on {calm.hours:.0f} h of the plant as it was")
        first = train(model, [calm], scratch / "first", seed=seed, created_ms=1, note=lambda _: None, sizes=_SIZES)
        assert first.test is not None
        done = promotion.promote(models, scratch / "first", first.test, now_ms=1, by="install", scratch=scratch)
        say(f"{done.version}: {done.verdict.reason}")
        changed = plant_history(_CHANGED, _AFTER_H, seed + 1000, START_S + _BEFORE_H * 3600.0)
        now_ms = [changed.start_ms]
        context = Context(
            "bench", logs.configure("bench", "error"), health.Health(), threading.Event(), lambda: now_ms[0]
        )
        tallies, ledger, serving = Tallies(), Ledger(), Serving(models, scratch)
        events: dict[str, Any] = {}
        at = [0]

        def retrain(name: str) -> None:
            # The scorecard calls this when it finds drift; what it trains on is what was recorded since the change.
            events.setdefault("drift_found_h", round(at[0] * changed.cell_s / 3600.0, 2))
            seen = replace(changed, values=changed.values[: at[0]])
            if seen.hours < _LEAST_H:
                return
            say(f"{name} drifts at {seen.hours:.1f} h: training on what was recorded since the change")
            new = train(
                model, [seen], scratch / f"at-{at[0]}", seed=seed + 1, created_ms=now_ms[0], note=lambda _: None,
                sizes=_SIZES,
            )  # fmt: skip
            assert new.test is not None
            result = promotion.promote(
                models, Path(new.folder), new.test, now_ms=now_ms[0], by="training", scratch=scratch
            )
            say(f"{result.version} {'serves' if result.verdict.passed else 'is refused'}: {result.verdict.reason}")
            if result.verdict.passed:
                events.setdefault("promoted_h", round(seen.hours, 2))

        verdicts = Verdicts(models, tallies, context, retrain, 2 * 3_600_000)
        every = _STEP_S // changed.cell_s
        cells = model.definition.cells
        for cell in range(cells, changed.cells, every):
            at[0], now_ms[0] = cell, changed.start_ms + cell * changed.cell_s * 1000
            for reading in readings(changed, cell):
                for scored in ledger.read(reading):
                    tallies.add(scored)
            for prediction in serving.predictions(changed, cell):
                ledger.predicted(prediction)
            if (cell - cells) % (10 * every) == 0:
                verdicts.look(now_ms[0])
                serving.look()
        old, new_version = first.version, serving.version
        before, after = tallies.versions[(_MODEL, old)], tallies.versions[(_MODEL, new_version)]
    return {
        "drift_found_h": events.get("drift_found_h"),
        "promoted_h": events.get("promoted_h"),
        "promoted": new_version != old,
        **_figures("before", before),
        **_figures("after", after),
        "better": new_version != old and after.mae < before.mae and after.skill > before.skill,
        "seconds": round(time.monotonic() - began, 1),
    }


def _figures(when: str, tally: Tally) -> dict[str, float]:
    return {
        f"mae_{when}_K": round(tally.mae, 4),
        f"skill_{when}": round(tally.skill, 4),
        f"coverage_{when}": round(tally.coverage, 4),
    }


def main(argv: list[str] | None = None) -> int:
    """Measure, print; 1 when no better version serves at the end."""
    parser = argparse.ArgumentParser(prog="python -m bench.retrain", description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args(argv)
    figures = run(options.seed)
    print(json.dumps(figures))
    return 0 if figures["better"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
