"""Optional channels: their newest value alone counts, while it is fresh; without one there is a prediction all the
same, from the rest."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from tests.unit.runner.conftest import NOW, PARTITION, graph_of_optional, manifest, reading, with_outlook, write

from models.definition import Channel, ModelError, check
from models.influx import Row
from models.statistics import InputPlan
from models.windows import WindowStore
from runner import contract, restore
from runner.forecaster import Forecaster
from runner.intake import Intake
from runner.predictor import load

THING = "racktwin.berlin:rack-1"


class Rig:
    def __init__(self, folder):
        made = with_outlook()
        write(folder, graph_of_optional(), made)
        self.intake = Intake(made.definition)
        self.forecaster = Forecaster(load(folder), self.intake, 30_000, 10_000, 512)

    def take(self, *payloads, now=NOW):
        return self.intake.take([(PARTITION, payload) for payload in payloads], now, now - 10_000)

    def says(self, now=NOW):
        (made,) = self.forecaster.forecast(self.intake.slots(), now).made
        return float(made.outputs[0][0, 0])


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def outlook(at=NOW, value=24.5, quality="good"):
    return reading(at=at, feature="outlook", quality=quality, top900=value)


def test_a_fresh_one_is_used_and_brings_no_prediction_by_itself(rig):
    taken = rig.take(outlook(at=NOW - 60_000))
    assert (taken.used, len(taken.refreshed)) == (1, 0)
    rig.take(reading(temperature=22.0))
    assert rig.says() == 24.5


@pytest.mark.parametrize("told", [[], [outlook(at=NOW - 121_000)], [outlook(quality="suspect")]])
def test_missing_stale_or_bad_the_rest_predicts(rig, told):
    rig.take(reading(temperature=22.0), *told)
    assert rig.says() == 22.0


def test_what_was_fresh_becomes_stale(rig):
    rig.take(outlook(), reading(temperature=22.0))
    assert rig.says() == 24.5
    later = NOW + 121_000
    rig.take(reading(at=later, temperature=23.0), now=later)
    assert rig.says(later) == 23.0


def test_the_newest_counts_in_whatever_order_they_come(rig):
    rig.take(outlook(at=NOW - 1000, value=25.0), outlook(at=NOW - 61_000, value=20.0))
    rig.take(outlook(at=NOW - 30_000, value=21.0), reading(temperature=22.0))
    assert rig.says() == 25.0


def test_values_of_one_moment_do_not_depend_on_their_order():
    found = []
    for order in ([1.0, 2.0, np.nan], [np.nan, 2.0, 1.0], [2.0, np.nan, 1.0]):
        store = WindowStore(1, 6, 10_000, optional_ms=[60_000])
        slots = np.array([store.slot("a")])
        for value in order:
            store.add(slots, np.array([1]), np.array([NOW]), np.array([value], dtype=np.float32), NOW)
        found.append(store.snapshot(slots, NOW).optional)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_slot_that_somebody_else_gets_has_none_and_growing_keeps_them():
    store = WindowStore(1, 6, 10_000, capacity=1, optional_ms=[60_000])
    value = np.array([3.0], dtype=np.float32)
    store.add(np.array([store.slot("a")]), np.array([1]), np.array([NOW]), value, NOW)
    second = store.slot("b")
    assert store.snapshot(np.array([store.slot("a"), second]), NOW).optional[0, 0] == 3.0
    store.drop(["a"])
    assert np.isnan(store.snapshot(np.array([store.slot("c")]), NOW).optional).all()


def test_a_clock_set_back_holds_nothing_up():
    store = WindowStore(1, 6, 10_000, optional_ms=[60_000])
    slots, channels = np.array([store.slot("a")]), np.array([1])
    store.add(slots, channels, np.array([NOW + 3_600_000]), np.array([1.0], dtype=np.float32), NOW + 3_600_000)
    assert np.isnan(store.snapshot(slots, NOW).optional).all()
    store.add(slots, channels, np.array([NOW]), np.array([2.0], dtype=np.float32), NOW)
    assert store.snapshot(slots, NOW).optional[0, 0] == 2.0


def test_it_is_restored_from_what_is_not_stale():
    definition = with_outlook().definition
    asked = []

    class Reader:
        def query(self, flux):
            asked.append(flux)
            return iter([Row(THING, "hall-a", "", NOW - 40_000, "24")] if '"top900"' in flux else [])

    intake = Intake(definition)
    intake.restore(restore.history(Reader(), "berlin", definition, NOW), NOW)
    assert intake.windows.snapshot(intake.slots(), NOW).optional.tolist() == [[24.0]]
    (mine,) = [flux for flux in asked if '"top900"' in flux]
    assert "range(start: 2027-01-15T07:58:00Z, stop: 2027-01-15T08:00:01Z)" in mine


def test_inputs_of_optional_channels():
    plan = InputPlan(["near.last", "near.less[a]", "a.last"], ["a"], 6, 10, ["near"])
    windows = np.full((2, 1, 6), 20.0, dtype=np.float32)
    optional = np.array([[21.5], [np.nan]], dtype=np.float32)
    expected = [[21.5, 1.5, 20.0], [np.nan, np.nan, 20.0]]
    np.testing.assert_array_equal(plan.compute(windows, optional), expected)
    assert np.isnan(plan.compute(windows)[:, :2]).all()
    for wrong in ("near.mean[0:60]", "near.less", "near.last[a]", "near.less[b]", "a.less[near]", "a.last[near]"):
        with pytest.raises(ValueError, match="input"):
            InputPlan([wrong], ["a"], 6, 10, ["near"])


def test_a_contract_may_leave_it_out_or_name_it_but_not_otherwise():
    made = with_outlook()
    channels = [msgspec.to_builtins(channel) for channel in made.definition.channels]
    for named in (channels, channels[:-1]):
        contract.check(contract.read(json.dumps({"channels": named})), made)
    without = manifest(graph_of_optional(), definition=made.definition)
    with pytest.raises(ModelError, match=r"near=outlook/top900 in Cel, power.* but .*in Cel, optional"):
        contract.check(
            contract.read(json.dumps({"channels": [*channels[:-1], channels[-1] | {"optional": False}]})), without
        )


def test_definitions_that_cannot_be():
    made = with_outlook().definition
    near = made.channels[-1]
    first = [near, *made.channels[:-1]]
    stale = [Channel("a", "power", "power", "W", stale_after_s=5), *made.channels]
    for channels, says in ((first, "come after the others"), (stale, "staleAfterS")):
        with pytest.raises(ModelError, match=says):
            check(msgspec.structs.replace(made, channels=channels))
    targets = [msgspec.structs.replace(made.targets[0], channel="near")]
    with pytest.raises(ModelError, match="unknown channel 'near'"):
        check(msgspec.structs.replace(made, targets=targets))
