"""Detecting models: faults are scheduled apart, labels say what is sure, the graph says what the native model says."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from alerting.board import Board
from models.definition import read_manifest
from physics import hidden, layout
from physics.faults import Fault
from physics.history import record
from physics.plant import Plant
from racktwin.messages import decode_reading
from runner import predictor
from runner.forecaster import Made
from runner.intake import Thing
from runner.verdicts import DetectOutbox
from training import detecting, faulty, registry
from training.gate import USUAL, Gate, judge, judge_detector
from training.simulated import START_S, Recorded, history_of

SMALL = detecting.USUAL.scaled(0.2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensors")
    model = registry.load("sensor-faults")
    return folder, detecting.train(model, folder, seed=3, created_ms=1, note=lambda _: None, sizes=SMALL)


def test_detectors_take_their_own_faults_of_the_same_plants():
    kinds = ("rack-fan-degrades", "sensor-sticks")
    broken = faulty.run(1, 0, kinds, rooms=2, hours=12.0, cell_s=10)
    found = {
        name: faulty.labelled(broken, registry.load(name).definition, registry.load(name).train.FAULTS)
        for name in ("anomaly", "sensor-faults")
    }
    assert found["anomaly"].history.values.dtype == np.float32
    assert set(np.unique(found["anomaly"].labels)) == {"", "?", "broken"}
    assert set(np.unique(found["sensor-faults"].labels)) == {"", "?", "stuck"}
    # What is the one's to find is neither normal nor wrong to the other.
    stuck = found["sensor-faults"].labels == "stuck"
    assert (found["anomaly"].labels[stuck] == "?").all()
    assert found["anomaly"].history.values.shape[:2] == found["sensor-faults"].history.values.shape[:2]


def test_graph_equals_native_model_and_finds_what_is_wrong(trained):
    _, result = trained
    assert result.metrics["parity"] < 0.01
    assert result.metrics["f1"] > 0.8
    assert result.metrics["falseAlarmRate"] < 0.03


def test_card_names_findings_and_limits(trained):
    text = (trained[0] / "CARD.md").read_text()
    assert "stuck" in text
    assert "false alarm rate" in text
    assert "$" not in text


def test_runner_serves_it_and_says_the_verdict_with_its_inputs(trained):
    loaded = predictor.load(trained[0])
    definition = loaded.manifest.definition
    rng = np.random.default_rng(0)
    windows = np.stack(
        [
            20.0 + 0.3 * rng.standard_normal((2, definition.cells)),
            20.0 + 0.3 * rng.standard_normal((2, definition.cells)),
            np.full((2, definition.cells), 10.0) + 0.1 * rng.standard_normal((2, definition.cells)),
            np.full((2, definition.cells), 10.0) + 0.1 * rng.standard_normal((2, definition.cells)),
        ],
        axis=1,
    ).astype(np.float32)
    # The second rack's bottom sensor is five kelvin of dew point off.
    windows[1, 3] += 5.0
    inputs = loaded.plan.compute(windows)
    things = [Thing(f"racktwin.berlin:rack-{n}", n, "rack", "hall-a", "r01", None) for n in range(2)]
    made = Made(things, np.ones((2, 2), bool), loaded.predict(inputs), np.full((2, 2), 5), inputs, 7)
    records = list(DetectOutbox(read_manifest(trained[0])).records(made))
    verdicts = [decode_reading(value) for topic, _, value in records if topic == "racktwin.readings.berlin"]
    assert [verdict.feature for verdict in verdicts] == ["sensing", "sensing"]
    assert verdicts[1].values["score"] > 0.5
    assert verdicts[1].values["state"] in ("suspect", "anomalous")
    assert verdicts[1].values["cause"]


@pytest.mark.parametrize("dew_point", [0.0, 5.0, 10.0, 15.0])
def test_an_offset_is_found_and_none_is_not_at_any_dew_point(trained, dew_point):
    loaded = predictor.load(trained[0])
    definition = loaded.manifest.definition
    windows = sound_rooms(definition, dew_point)

    def said(offset_k):
        moved = windows.copy()
        moved[:, definition.channel_names.index("dewBottom")] += offset_k
        score = loaded.predict(loaded.plan.compute(moved))[0]
        names = np.array([finding.name for finding in definition.findings])
        return np.where(score.max(axis=1) >= 0.5, names[score.argmax(axis=1)], "")

    # What sound sensors of 2 % relative humidity may differ by is no fault.
    for offset_k in (0.0, 1.0, -1.0):
        assert np.mean(said(offset_k) == "") > 0.9, offset_k
    # One that was always off does not drift: unusual is what it is.
    for offset_k in (4.0, 5.0, -4.0, -5.0):
        assert (said(offset_k) != "").all(), offset_k


def sound_rooms(definition, dew_point):
    """Whole windows [things, channels, cells] of rooms whose air has about this dew point."""
    place = layout.assumed("sound", [(f"rack-{k}", "row", 0.6 * k, 6000.0) for k in range(6)])
    hidden_ = [hidden.draw(place, seed).with_(outside_dew_point=dew_point) for seed in (91, 92, 93)]
    plant = Plant(place, [91, 92, 93], start_s=START_S, parameters=hidden_)
    recorded = Recorded(0, 91, 10, place, record(plant, float(definition.window_s), 10.0), [])
    return np.ascontiguousarray(history_of(recorded, definition).values.transpose(1, 2, 0))


def test_what_the_dew_point_is_does_not_matter(trained):
    loaded = predictor.load(trained[0])
    assert not any(name.startswith(("dewTop.mean", "dewBottom.mean")) for name in loaded.manifest.inputs)
    windows = sound_rooms(loaded.manifest.definition, 8.0)
    wetter = windows.copy()
    wetter[:, 2:] += 5.0
    there, elsewhere = (loaded.predict(loaded.plan.compute(each))[0] for each in (windows, wetter))
    np.testing.assert_allclose(there, elsewhere, atol=0.02)


def test_a_sensor_of_the_plant_that_drifts_becomes_one_alert_that_ends_when_it_is_right_again(trained):
    loaded, manifest = predictor.load(trained[0]), read_manifest(trained[0])
    definition = loaded.manifest.definition
    begins, ends = 3900, 4200
    fault = Fault("sensor-drifts", "rack-3", 300.0, START_S + begins, START_S + ends, sensor="top")
    place = layout.assumed("lab", [(f"rack-{k}", "row", 0.6 * k, 6000.0) for k in range(6)])
    plant = Plant(place, [91], start_s=START_S, faults=[fault])
    recorded = Recorded(0, 91, 10, place, record(plant, 9000.0, 10.0), [fault])
    values = history_of(recorded, definition).values
    things = [Thing(f"racktwin.lab:rack-{k}", k, "rack", "hall", "row", None) for k in range(6)]
    twins = {thing.id: {"thingId": thing.id, "attributes": {}, "features": {}} for thing in things}
    board, outbox, told = Board(), DetectOutbox(manifest), []
    for end in range(definition.cells, len(values), 3):
        now = round((START_S + end * 10) * 1000)
        inputs = loaded.plan.compute(
            np.ascontiguousarray(values[end - definition.cells : end].transpose(1, 2, 0)).astype(np.float32)
        )
        based_on = np.full((6, 2), now)
        made = Made(things, np.ones((6, 2), bool), loaded.predict(inputs), based_on, inputs, now)
        for topic, thing, record_ in outbox.records(made):
            if topic == "racktwin.models.lab":
                twins[thing]["features"].update(json.loads(record_)["value"])
        told += [change for twin in twins.values() for change in board.judge(twin, now)]
    assert [(change.thing["thingId"], change.rule.name, change.what) for change in told] == [
        ("racktwin.lab:rack-3", "sensor-faulty", "firing"),
        ("racktwin.lab:rack-3", "sensor-faulty", "cleared"),
    ]
    fired, cleared = (change.at / 1000 - START_S for change in told)
    # It waits for a while at both ends; the model looks back for an hour.
    rule = told[0].rule
    assert begins + rule.for_s <= fired <= ends + 600
    assert ends + rule.clear_s <= cleared <= ends + definition.window_s + rule.clear_s
    assert "seen by" in told[0].finding.text


def test_racks_with_half_of_their_sensors_are_judged_by_the_others(trained):
    loaded = predictor.load(trained[0])
    definition = loaded.manifest.definition
    sound = faulty.run(5, 0, ("sensor-sticks",), rooms=1, hours=1.5, cell_s=10)
    whole = np.ascontiguousarray(history_of(sound, definition).values[-definition.cells :].transpose(1, 2, 0))
    half = whole.copy()
    half[:, [definition.channel_names.index(name) for name in ("bottom", "dewBottom")]] = np.nan
    stuck = half.copy()
    stuck[:, definition.channel_names.index("top")] = 20.0

    def reported(windows):
        outputs = loaded.predict(loaded.plan.compute(windows))
        assert loaded.finite(outputs).all()
        return np.mean(outputs[0].max(axis=1) >= 0.5)

    assert max(reported(whole), reported(half)) < 0.3 < 0.7 < reported(stuck)


def test_labels_are_sure_only_well_inside_a_fault():
    definition = registry.load("anomaly").definition
    (found,) = faulty.simulate(definition, 1, ("rack-fan-degrades",), plants=1, rooms=2, hours=8.0)
    column = found.labels[:, 0]
    assert set(np.unique(column)) <= {"", "?", "broken"}
    changes = [(a, b) for a, b in itertools.pairwise(column) if a != b]
    assert ("", "broken") not in changes
    assert ("broken", "") not in changes
    assert (found.labels[:, 11] == "").all()


@pytest.mark.parametrize(
    ("skill", "coverage", "mae", "serving", "passes"),
    [
        (0.3, 0.9, 0.2, None, True),
        (0.3, 0.9, 0.2, 0.25, True),
        (0.3, 0.9, 0.2, 0.2, False),
        (-0.1, 0.9, 0.2, None, False),
        (0.3, 0.8, 0.2, None, False),
        (float("nan"), 0.9, 0.2, None, False),
    ],
)
def test_gate(skill, coverage, mae, serving, passes):
    verdict = judge(USUAL, skill=skill, coverage=coverage, nominal=0.9, mae=mae, mae_of_serving=serving)
    assert verdict.passed is passes
    assert verdict.reason


def test_gate_asks_what_it_was_told_to_ask():
    strict = Gate(least_skill=0.4, coverage_tolerance=0.01, margin=0.2)
    good = {"skill": 0.5, "coverage": 0.9, "nominal": 0.9, "mae": 0.1, "mae_of_serving": None}
    assert judge(strict, **good).passed
    assert not judge(strict, **good | {"skill": 0.3}).passed
    assert not judge(strict, **good | {"coverage": 0.88}).passed
    assert not judge(strict, **good | {"mae_of_serving": 0.11}).passed


@pytest.mark.parametrize(
    ("f1", "false_alarms", "serving", "passes"),
    [(0.9, 0.005, None, True), (0.9, 0.05, None, False), (0.4, 0.005, None, False), (0.9, 0.005, 0.95, False)],
)
def test_gate_of_detectors(f1, false_alarms, serving, passes):
    assert judge_detector(f1=f1, false_alarm_rate=false_alarms, f1_of_serving=serving).passed is passes
