"""The model's inputs: how the rack's power stands to its own past hour, as shares of that hour's mean.

Shares and not watts: a rack of 12 kW and one of 3 kW do alike, and a model that knows watts learns the racks it was
trained on. Jobs come and go, so what matters is whether the present is above or below the usual and for how long.
"""

from __future__ import annotations

from models.change.view import Layout, of_power
from models.definition import Definition

_SHARES = (
    "change[60:120]",
    "change[120:300]",
    "change[300:600]",
    "change[600:900]",
    "change[900:1500]",
    "change[1500:2400]",
    "change[2400:3600]",
    "change[0:3600]",
    "slope[0:120]",
    "slope[0:600]",
    "std[0:600]",
    "std[0:3600]",
)
INPUTS = ["power.last", "power.mean[0:3600]", "power.filled", *(f"power.{statistic}" for statistic in _SHARES)]


def inputs() -> list[str]:
    """The model's inputs in column order."""
    return list(INPUTS)


def layout(definition: Definition) -> Layout:
    """Which input plays which part: all but `filled` are seen as shares of the past hour's mean."""
    return of_power(INPUTS, len(definition.targets))
