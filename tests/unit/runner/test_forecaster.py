"""A missing, stale or bad input gives no prediction; a good one gives one, once."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tests.unit.runner.conftest import NOW, PARTITION, graph, manifest, reading, write

from runner.forecaster import NEVER_SEEN, NO_NEW_INPUT, NOT_FINITE, NOT_GOOD, STALE, TOO_SHORT, Forecaster
from runner.intake import Intake
from runner.predictor import load


class Rig:
    def __init__(self, folder, max_batch=512):
        predictor = load(folder)
        self.intake = Intake(predictor.manifest.definition)
        self.forecaster = Forecaster(predictor, self.intake, 30_000, 10_000, max_batch)
        self.targets = [target.name for target in predictor.manifest.definition.targets]

    def take(self, *payloads, now=NOW):
        return self.intake.take([(PARTITION, p) for p in payloads], now, now - 10_000)

    def forecast(self, now=NOW):
        return self.forecaster.forecast(self.intake.slots(), now)

    def told(self, round_):
        """(thing, target, value, lo, hi, issued at, based on) of every prediction."""
        return [
            (thing.id, self.targets[column], *(float(array[row, column]) for array in made.outputs), made.issued_at,
             int(made.based_on[row, column]))
            for made in round_.made
            for row, thing in enumerate(made.things)
            for column in range(len(self.targets))
            if made.made[row, column]
        ]  # fmt: skip


@pytest.fixture
def rig(artefact):
    return Rig(artefact)


def test_prediction_says_what_when_and_from_what(rig):
    rig.take(reading(at=NOW - 500, temperature=22.0), reading(feature="environment.bottom", temperature=19.0))
    round_ = rig.forecast()
    assert rig.told(round_) == [
        ("racktwin.berlin:rack-1", "top", 23.0, 22.5, 23.5, NOW, NOW - 500),
        ("racktwin.berlin:rack-1", "bottom", 20.0, 19.5, 20.5, NOW, NOW),
    ]
    assert round_.things == 1


def test_rack_with_one_sensor_gets_one_prediction(rig):
    rig.take(reading())
    round_ = rig.forecast()
    assert [told[1] for told in rig.told(round_)] == ["top"]
    assert round_.skipped[NEVER_SEEN] == 1


def test_what_is_no_number_is_not_said(rig):
    """A graph that gives no number for one of a thing's targets: that one is left out, with the reason."""
    rig.take(reading(), reading(feature="environment.bottom"))
    predict = rig.forecaster._predictor.predict

    def broken(inputs):
        outputs = tuple(output.copy() for output in predict(inputs))
        outputs[1][:, 1] = np.nan
        return outputs

    rig.forecaster._predictor.predict = broken
    round_ = rig.forecast()
    assert [told[1] for told in rig.told(round_)] == ["top"]
    assert round_.skipped[NOT_FINITE] == 1


def test_a_window_in_which_nothing_was_good_gives_none(rig):
    rig.take(*(reading(at=NOW - age, quality="suspect") for age in (0, 10_000, 20_000)))
    round_ = rig.forecast()
    assert rig.told(round_) == []
    assert round_.skipped[NOT_GOOD] == 1


def test_nothing_is_said_until_there_is_enough_past(tmp_path):
    content = graph()
    made = manifest(content)
    definition = msgspec.structs.replace(made.definition, least_past_s=60)
    rig = Rig(write(tmp_path, content, msgspec.structs.replace(made, definition=definition)))
    rig.take(reading(at=NOW - 40_000), reading(at=NOW))
    round_ = rig.forecast()
    assert (rig.told(round_), round_.skipped[TOO_SHORT]) == ([], 1)
    rig.take(reading(at=NOW + 20_000), now=NOW + 20_000)
    assert [told[1] for told in rig.told(rig.forecast(NOW + 20_000))] == ["top"]


def test_same_input_is_not_predicted_from_twice(rig):
    rig.take(reading())
    rig.forecast()
    again = rig.forecast(NOW + 10_000)
    assert rig.told(again) == []
    assert again.skipped[NO_NEW_INPUT] == 1
    rig.take(reading(at=NOW + 9_000), now=NOW + 10_000)
    assert len(rig.told(rig.forecast(NOW + 10_000))) == 1


def test_stale_input_gives_none_and_comes_back(rig):
    rig.take(reading(at=NOW - 30_001))
    round_ = rig.forecast()
    assert rig.told(round_) == []
    assert round_.skipped[STALE] == 1
    rig.take(reading())
    assert len(rig.told(rig.forecast())) == 1


def test_newest_reading_not_good_gives_none(rig):
    rig.take(reading(at=NOW - 1000), reading(quality="faulty"))
    round_ = rig.forecast()
    assert rig.told(round_) == []
    assert round_.skipped[NOT_GOOD] == 1


def test_late_reading_does_not_bring_a_prediction_from_the_past(rig):
    rig.take(reading())
    rig.forecast()
    rig.take(reading(at=NOW - 5_000, temperature=10.0))
    assert rig.told(rig.forecast()) == []


def test_turn_comes_back_once_an_interval_and_things_spread_over_it(rig):
    rig.take(*(reading(thing=f"rack-{n}") for n in range(200)))
    slots = rig.intake.slots()
    assert rig.forecaster.due(slots, NOW).tolist() == slots.tolist()
    rig.forecast()
    assert rig.forecaster.due(slots, NOW + 4_000).tolist() == []
    shares = [len(rig.forecaster.due(slots, NOW + at)) / 200 for at in (7_500, 10_000, 12_500, 15_000)]
    assert all(abs(share - wanted) < 0.05 for share, wanted in zip(shares, (0.25, 0.5, 0.75, 1.0), strict=True))


def test_whose_turn_is_to_come_is_not_due_however_long_others_waited(rig):
    rig.take(*(reading(thing=f"rack-{n}") for n in range(200)))
    rig.forecast()
    slots = rig.intake.slots()
    assert rig.forecaster.due(slots, NOW + 250, 10_000).tolist() == []
    assert rig.forecaster.due(slots, NOW + 14_000, 10_000).tolist() == []
    assert rig.forecaster.due(slots, NOW + 25_000, 10_000).tolist() == slots.tolist()


def test_first_prediction_does_not_wait(rig):
    rig.take(reading())
    rig.forecast()
    rig.take(reading(thing="rack-2", at=NOW + 100), now=NOW + 100)
    assert rig.forecaster.due(rig.intake.slots(), NOW + 100).tolist() == [
        rig.intake.windows.slot("racktwin.berlin:rack-2")
    ]


def test_clock_set_back_silences_nobody(rig):
    rig.take(reading())
    rig.forecast()
    assert len(rig.forecaster.due(rig.intake.slots(), NOW - 3_600_000)) == 1


def test_who_got_no_reading_for_an_interval_is_told_with_the_reason(rig):
    rig.take(reading())
    rig.forecast()
    slots = rig.intake.slots()
    assert rig.forecaster.overdue(slots, NOW + 10_000).tolist() == []
    assert rig.forecaster.overdue(slots, NOW + 45_000).tolist() == slots.tolist()
    assert rig.forecaster.reasons(slots, NOW + 45_000)[STALE] == 1


def test_expired_prediction_is_told_once(rig):
    rig.take(reading())
    rig.forecast()
    slots = rig.intake.slots()
    assert rig.forecaster.expired(slots, NOW + 60_000, 60_000, 1000).tolist() == []
    assert rig.forecaster.expired(slots, NOW + 60_001, 60_000, 1000).tolist() == slots.tolist()
    assert rig.forecaster.expired(slots, NOW + 60_002, 60_000, 1000).tolist() == []


def test_very_many_that_expire_are_told_bit_by_bit(artefact):
    rig = Rig(artefact)
    rig.take(*(reading(thing=f"rack-{n}") for n in range(25)))
    rig.forecast()
    slots = rig.intake.slots()
    told = [rig.forecaster.expired(slots, NOW + 60_001 + n, 60_000, 10).tolist() for n in range(4)]
    assert [len(part) for part in told] == [10, 10, 5, 0]
    assert sorted(slot for part in told for slot in part) == slots.tolist()


def test_batches_are_bounded_and_complete(artefact):
    rig = Rig(artefact, max_batch=32)
    rig.take(*(reading(thing=f"rack-{n}", temperature=float(n)) for n in range(100)))
    round_ = rig.forecast()
    assert [len(made.things) for made in round_.made] == [32, 32, 32, 4]
    values = {told[0]: told[2] for told in rig.told(round_)}
    assert values == {f"racktwin.berlin:rack-{n}": n + 1.0 for n in range(100)}


def test_slot_reused_by_another_thing_starts_anew(rig):
    rig.take(reading())
    rig.forecast()
    slots = rig.intake.slots().tolist()
    rig.intake.drop(slots)
    rig.forecaster.forget(slots)
    rig.take(reading(thing="rack-9"))
    assert [told[0] for told in rig.told(rig.forecast())] == ["racktwin.berlin:rack-9"]


def test_nothing_to_do_is_nothing_done(rig):
    round_ = rig.forecast()
    assert (round_.made, round_.things) == ([], 0)
