"""The model's inputs: where the processor's temperature, its load and its inlet are heading. Temperatures in Cel.

A processor follows its load within a minute and its inlet within the aisle's; at 5 minutes what is left is where the
load goes back to, so spans reach over half an hour. Levels are not seen, but the load's, whose range is the same for
every server.
"""

from __future__ import annotations

from models.change.view import Layout
from models.definition import Definition

_OF_CPU = ("change[60:120]", "change[120:300]", "change[300:600]", "change[600:900]", "change[900:1800]",
           "change[0:1800]", "slope[0:120]", "slope[0:300]", "std[0:1800]", "filled")  # fmt: skip
_OF_LOAD = ("last", "change[60:120]", "change[120:300]", "change[300:900]", "change[0:1800]", "slope[0:120]",
            "std[0:1800]", "filled")  # fmt: skip
_OF_INLET = ("change[120:300]", "change[300:900]", "change[0:1800]", "slope[0:300]", "filled")
INPUTS = [
    "cpu.last",
    *(f"cpu.{statistic}" for statistic in _OF_CPU),
    *(f"load.{statistic}" for statistic in _OF_LOAD),
    *(f"inlet.{statistic}" for statistic in _OF_INLET),
]


def inputs() -> list[str]:
    """The model's inputs in column order."""
    return list(INPUTS)


def layout(definition: Definition) -> Layout:
    """Which input plays which part."""
    return Layout(
        seen=[column for column, name in enumerate(INPUTS) if name != "cpu.last"],
        bases=[INPUTS.index("cpu.last") for _ in definition.targets],
        filled=[INPUTS.index("cpu.filled") for _ in definition.targets],
    )
