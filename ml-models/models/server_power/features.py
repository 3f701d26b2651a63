"""The model's inputs: how a server's power stands to its own past hour, as shares of that hour's mean, and its load.

Shares and not watts, as of racks: what is learnt of a server of 500 W is of use for one of 100 W. Of the load, whose
range is the same for every server, the level is seen too: a server that idles cannot fall, one that is full cannot
rise, and a job that runs ends.
"""

from __future__ import annotations

from models.change.view import Layout, of_power
from models.definition import Definition

_OF_POWER = ("change[60:120]", "change[120:300]", "change[300:600]", "change[600:900]", "change[900:1500]",
             "change[1500:2400]", "change[2400:3600]", "change[0:3600]", "slope[0:120]", "slope[0:600]", "std[0:600]",
             "std[0:3600]")  # fmt: skip
_OF_LOAD = ("last", "mean[0:300]", "mean[0:3600]", "change[60:120]", "change[120:300]", "change[300:900]",
            "change[900:1800]", "change[0:3600]", "std[0:3600]", "filled")  # fmt: skip
INPUTS = [
    "power.last",
    "power.mean[0:3600]",
    "power.filled",
    *(f"power.{statistic}" for statistic in _OF_POWER),
    *(f"load.{statistic}" for statistic in _OF_LOAD),
]


def inputs() -> list[str]:
    """The model's inputs in column order."""
    return list(INPUTS)


def layout(definition: Definition) -> Layout:
    """Which input plays which part: what is of power is seen as shares of the past hour's mean."""
    return of_power(INPUTS, len(definition.targets))
