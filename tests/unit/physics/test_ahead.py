"""Forecasts of many beginnings at once are those of each alone."""

from __future__ import annotations

import numpy as np

from physics.history import record
from physics.layout import assumed
from physics.plant import Plant
from physics.recording import from_history
from physics.twin import Twin, moments

HORIZONS = (300.0, 900.0, 1800.0)


def test_many_beginnings_at_once_are_as_each_alone() -> None:
    hall = assumed("hall", [(f"r{k}", "row", 0.6 * k, 8000.0) for k in range(4)])
    past = from_history(record(Plant(hall, 5), 4 * 3600.0))
    twin = Twin(hall, step_s=60.0, horizons_s=HORIZONS)
    beginnings, alone = [], []
    for moment in moments(past):
        twin.observe(moment)
        beginnings.append(twin.beginning())
        if len(beginnings) % 20 == 5:
            alone.append((len(beginnings) - 1, [one.value for one in twin.forecast(keep=False)]))
    together = twin.ahead.expected(beginnings, HORIZONS)
    assert together.shape == (len(beginnings), 3, 2, 4)
    # Where the flow of one jumps, all take shorter steps for a moment.
    for at, values in alone:
        np.testing.assert_allclose(together[at], values, atol=0.01)
