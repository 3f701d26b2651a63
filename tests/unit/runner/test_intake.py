"""Which readings reach windows, and what is remembered of their things."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.runner.conftest import NOW, PARTITION, reading

from models.definition import read_definition
from runner.intake import Intake


@pytest.fixture
def intake():
    return Intake(read_definition("inlet_temperature"))


def take(intake, *payloads, partition=PARTITION, fresh_since=NOW):
    return intake.take([(partition, p) for p in payloads], NOW, fresh_since)


def newest(intake, thing="rack-1"):
    slot = intake.windows.slot(f"racktwin.berlin:{thing}")
    return intake.windows.snapshot(np.array([slot]), NOW).newest[0]


def test_values_reach_their_channels(intake):
    taken = take(
        intake,
        reading(temperature=22.5),
        reading(feature="environment.bottom", temperature=19.0),
        reading(feature="power", power=5000.0, energy=3.0),
    )
    assert (taken.used, taken.out_of_time, taken.malformed) == (3, 0, 0)
    assert newest(intake).tolist() == [22.5, 19.0, 5000.0]
    thing = intake.things[int(intake.slots()[0])]
    assert (thing.id, thing.kind, thing.room, thing.row) == ("racktwin.berlin:rack-1", "rack", "hall-a", "r01")


def test_other_features_and_kinds_leave_no_trace(intake):
    take(
        intake,
        reading(feature="cooling", airflow=1.0),
        reading(thing="server-1", kind="server", feature="power", power=200.0),
        reading(relativeHumidity=40.0),
        reading(temperature="warm"),
        reading(temperature=True),
    )
    assert len(intake.windows) <= 1
    assert np.isnan(newest(intake)).all()


def test_malformed_record_is_counted_and_its_neighbours_are_used(intake):
    taken = take(intake, b"{", b'{"v":1}', b'{"v":2}', b'{"thing":"\xff"}', reading())
    assert (taken.used, taken.malformed) == (1, 4)


@pytest.mark.parametrize("quality", ["stale", "estimated", "faulty"])
def test_reading_that_is_not_good_blocks_the_channel(intake, quality):
    take(intake, reading(at=NOW - 1000), reading(quality=quality))
    assert np.isnan(newest(intake)[0])
    take(intake, reading(at=NOW + 1, temperature=23.0))
    assert newest(intake)[0] == 23.0


def test_only_fresh_readings_of_targets_count_as_refreshing(intake):
    assert len(take(intake, reading(at=NOW - 60_000)).refreshed) == 0
    assert len(take(intake, reading(feature="power", power=1.0)).refreshed) == 0
    assert take(intake, reading(), reading()).refreshed.tolist() == [intake.windows.slot("racktwin.berlin:rack-1")]


def test_things_of_a_partition_are_dropped_whole(intake):
    other = ("racktwin.readings.berlin", 1)
    take(intake, reading())
    take(intake, reading(thing="rack-2"), partition=other)
    intake.drop(intake.slots_of([PARTITION]))
    assert [t.id for t in intake.things.values()] == ["racktwin.berlin:rack-2"]
    assert np.isnan(newest(intake)).all()


def test_a_moved_rack_is_where_its_newest_record_says(intake):
    take(intake, reading())
    moved = reading().replace(b"hall-a", b"hall-b")
    take(intake, moved)
    assert intake.things[int(intake.slots()[0])].room == "hall-b"
