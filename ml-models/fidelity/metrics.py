"""Prometheus metrics of fidelity: what an alarm looks at."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

from physics.fidelity import Fidelity

_LABELS: Final = ["site", "room"]
CALIBRATIONS: Final = Counter("racktwin_fidelity_calibrations_total", "Calibrations of a room's twin.", _LABELS)
RMSE: Final = Gauge("racktwin_fidelity_rmse_kelvin", "Error of what a room's twin expected a step before.", _LABELS)
BIAS: Final = Gauge("racktwin_fidelity_bias_kelvin", "Mean error, model minus measurement.", _LABELS)
SKILL: Final = Gauge("racktwin_fidelity_skill", "1 - MSE / MSE of persistence, 15 min ahead.", _LABELS)
WORSE: Final = Gauge("racktwin_fidelity_worse", "1 while a room's twin errs more than when it was calibrated.", _LABELS)


def tell(site: str, room: str, found: Fidelity, *, worse: bool) -> None:
    """Set the gauges of a room."""
    for gauge, value in ((RMSE, found.rmse), (BIAS, found.bias), (SKILL, found.skill)):
        if value is not None:
            gauge.labels(site, room).set(value)
    WORSE.labels(site, room).set(1 if worse else 0)
