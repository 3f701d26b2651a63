"""Disks are judged by how their counters grow; what is no growth of theirs is none."""

from __future__ import annotations

import numpy as np
import pytest

from models.disk_wear import Record, judge

NOW_H = 500_000.0


def disk(step_h: float = 24.0, serials: tuple[str, ...] = (), *, failed: bool = False, **series) -> Record:
    count = max(len(values) for values in series.values())
    hours = NOW_H + step_h * (np.arange(count) - count + 1)
    return Record(hours, {key: np.array(values, dtype=float) for key, values in series.items()}, serials, failed)


def found(record: Record):
    return judge(record, "server", "disk sda", calm_hour=3)


def test_a_disk_that_is_well_is_left_alone():
    assert found(disk(reallocatedSectors=[0] * 8, pendingSectors=[0] * 8, powerOnHours=range(8))) is None
    # It lost some sectors once, and none since.
    assert found(disk(reallocatedSectors=[12] * 8)) is None
    assert found(Record(np.array([]), {})) is None
    assert found(disk(reallocatedSectors=[np.nan] * 3)) is None


def test_growth_is_told_with_a_life_that_lies_in_its_interval():
    finding = found(disk(reallocatedSectors=range(10, 20)))
    assert (finding.part, finding.state) == ("disk sda", "planned")
    # One a day: 31 days until there are fifty; ten events say that within a factor of two.
    assert finding.remaining_h == pytest.approx(31 * 24.0)
    assert 12 * 24 < finding.remaining_lo_h < finding.remaining_h < finding.remaining_hi_h < 80 * 24
    assert finding.evidence == {
        "attribute": "reallocatedSectors",
        "value": 19.0,
        "grown": 9.0,
        "hours": 216.0,
        "limit": 50.0,
    }
    assert "T03:00:00" in finding.window["from"]


def test_beyond_the_limit_and_growing_it_is_due():
    finding = found(disk(pendingSectors=[0, 3, 9, 12], reallocatedSectors=[5, 5, 6, 9]))
    assert (finding.state, finding.remaining_h) == ("due", 0.0)
    assert finding.evidence["also"] == {"reallocatedSectors": 9.0}
    # Beyond it, and at rest: to be planned, and nobody knows how long.
    finding = found(disk(pendingSectors=[12] * 4))
    assert (finding.state, finding.remaining_h) == ("planned", None)


def test_flash_wears_at_the_rate_of_its_whole_life():
    finding = found(disk(percentageUsed=[85], powerOnHours=[85 * 180.0]))
    assert finding.state == "planned"
    assert finding.remaining_h == pytest.approx(900.0)
    assert 700 < finding.remaining_lo_h < 900 < finding.remaining_hi_h < 1200
    assert found(disk(percentageUsed=[60], powerOnHours=[60 * 180.0])) is None
    assert found(disk(percentageUsed=[85])) is None
    assert found(disk(percentageUsed=[94], powerOnHours=[9e4])).state == "due"


@pytest.mark.parametrize(
    ("record", "attribute"),
    [
        (disk(powerOnHours=[5], failed=True), "health"),
        (disk(criticalWarning=[0b100]), "criticalWarning"),
        (disk(availableSpare=[9], availableSpareThreshold=[10]), "availableSpare"),
        (disk(availableSpare=[8]), "availableSpare"),
    ],
)
def test_what_the_disk_says_of_itself_counts_at_once(record, attribute):
    finding = found(record)
    assert (finding.state, finding.evidence["attribute"]) == ("due", attribute)


def test_a_hot_disk_is_not_a_failing_one():
    assert found(disk(criticalWarning=[0b10])) is None


@pytest.mark.parametrize("spare", [0, 100])
def test_spare_at_its_threshold_is_not_below_it(spare):
    assert found(disk(availableSpare=[spare], availableSpareThreshold=[spare])) is None


def test_an_attribute_that_is_never_told_hides_no_damage():
    grown = {"reallocatedSectors": range(30, 240, 10)}
    whole, without = found(disk(**grown, pendingSectors=[np.nan] * 21)), found(disk(**grown))
    assert (whole, whole.state) == (without, "due")


def test_another_disk_in_its_place_has_no_past_here():
    series = {"reallocatedSectors": [40, 60, 80, 0, 0], "powerOnHours": [9000, 9024, 9048, 10, 34]}
    assert found(disk(**series, serials=("A", "A", "A", "B", "B"))) is None
    # Also where nobody told its number: the hours, or the counter, say so.
    assert found(disk(**series)) is None
    assert found(disk(reallocatedSectors=[40, 60, 80, 0, 0])) is None
    # The new one may fail as well.
    assert found(disk(reallocatedSectors=[40, 60, 80, 0, 9, 18, 27])).evidence["grown"] == 27.0
    # A serial number that was not told once is no other disk.
    grown = {"reallocatedSectors": [40, 50, 60, 80]}
    assert found(disk(**grown, serials=("A", "", "A", "A"))).state == "due"
    assert found(disk(**grown, serials=("A", "A", "", "B"))).evidence["grown"] == 0.0


def test_packed_and_impossible_values_are_not_counts():
    packed = 0x0001_0001_0001
    assert found(disk(commandTimeouts=[packed] * 4)) is None
    assert found(disk(pendingSectors=[0, (1 << 48) - 1, 0, 0])) is None
    assert found(disk(reallocatedSectors=[-5, np.inf, 2, 2])) is None


def test_pending_sectors_may_become_fewer():
    assert found(disk(pendingSectors=[4, 3, 1, 1])) is None
    assert found(disk(pendingSectors=[12, 10, 9, 8])).state == "planned"
