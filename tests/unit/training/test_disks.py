"""Simulated fleets are drawn and judged; what the limits were chosen for is kept, on a fleet they have not seen."""

from __future__ import annotations

import json

import numpy as np

from physics.disks import HOUR_S, Course, Disk
from training.disks import DAYS, draw, first_found, main, score

DAY = 24 * HOUR_S


def test_equal_seeds_draw_equal_fleets():
    one, same, other = draw(3, 2000), draw(3, 2000), draw(4, 2000)
    assert [disk.seed for disk in one.disks] == [disk.seed for disk in same.disks]
    assert [disk.seed for disk in one.disks] != [disk.seed for disk in other.disks]


def test_a_failing_disk_is_found_before_it_dies_and_a_silent_one_never():
    dies = 80 * DAY
    failing = Disk(1, -DAYS * DAY, course=Course(onset_s=50 * DAY, rate=0.2, dies_s=dies))
    found = first_found(failing)
    assert 50 < found["planned"] <= found["due"] < 75
    assert first_found(Disk(1, -DAYS * DAY, course=Course(dies_s=dies))) == {}


def test_a_bad_spot_is_no_failing_disk():
    rng = np.random.default_rng(2)
    spots = [Disk(n, -DAYS * DAY, course=Course(burst=4, burst_s=float(rng.uniform(0, 100)) * DAY)) for n in range(30)]
    assert sum("due" in first_found(spot) for spot in spots) <= 1


def test_a_fleet_that_was_not_seen():
    found = score([draw(901, 20_000)])
    assert found["failed"] > 80
    assert found["due"]["precision"] > 0.7
    assert found["due"]["recall"] > 0.4
    assert found["planned"]["recall_of_those_with_signs"] > 0.8
    assert found["due"]["lead_days_p50"] > 4


def test_it_is_a_command(capsys):
    assert main(["--seeds", "7", "--disks", "300"]) == 0
    assert json.loads(capsys.readouterr().out)["disks"] == 300
