"""Windows out of history: fine for the last minutes, coarse before, and what was not good stays unusable."""

from __future__ import annotations

import numpy as np

from models.definition import read_definition
from models.influx import Row
from runner import restore
from runner.intake import Intake

NOW = 1_800_000_000_000
THING = "racktwin.berlin:rack-1"


class Reader:
    """Answers each query with one row at the beginning of its range."""

    def __init__(self, faulty=()):
        self.asked = []
        self._faulty = faulty

    def query(self, flux):
        self.asked.append(flux)
        if '"quality"' in flux:
            return iter([Row(THING, "hall-a", "r01", at, "stale") for at in self._faulty])
        if "every: 10s" in flux:
            return iter(
                [Row(THING, "hall-a", "r01", NOW - 20_000, "22.5"), Row(THING, "hall-a", "r01", NOW - 10_000, "23")]
            )
        return iter([Row(THING, "hall-a", "", NOW - 3_000_000, "21")])


def windows(intake):
    return intake.windows.snapshot(np.array([intake.windows.slot(THING)]), NOW)


def test_an_hour_comes_back_coarse_and_the_last_ten_minutes_fine():
    intake, reader = Intake(read_definition("inlet_temperature")), Reader()
    used = intake.restore(restore.history(reader, "berlin", read_definition("inlet_temperature"), NOW), NOW)
    # Three channels with three values each, and of the optional ones what is not stale.
    assert used == 3 * 3 + 6 * 2
    held = windows(intake).values[0, 0]
    assert np.isfinite(held).sum() == 3
    assert held[-2] == 23.0
    fields = [flux for flux in reader.asked if '"temperature"' in flux]
    assert {"every: 10s" in flux for flux in fields} == {True, False}
    thing = next(iter(intake.things.values()))
    assert (thing.kind, thing.room, thing.partition) == ("rack", "hall-a", None)


def test_what_was_not_good_is_not_used():
    definition = read_definition("inlet_temperature")
    intake = Intake(definition)
    intake.restore(restore.history(Reader(faulty=(NOW - 10_000,)), "berlin", definition, NOW), NOW)
    assert np.isnan(windows(intake).newest[0]).all()


def test_restoring_twice_changes_nothing_and_readings_since_stay():
    definition = read_definition("inlet_temperature")
    intake = Intake(definition)
    for _ in range(2):
        intake.restore(restore.history(Reader(), "berlin", definition, NOW), NOW)
    assert len(intake) == 1
    assert np.isfinite(windows(intake).values[0, 0]).sum() == 3
