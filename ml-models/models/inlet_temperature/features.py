"""The model's inputs, in column order; the vocabulary is that of `models.statistics`. Temperatures in Cel, power in W.

The networks see changes alone, never how warm a zone or how loaded a rack is: a model that knows levels learns the
rooms it was trained on, and is wrong after the first change of a set-point. `last` is where a forecast starts from.
Changes and slopes: where the zone is heading, over spans from the air's turn-over (under a minute) to a loaded rack's
thermal mass and a cooling stage's cycle (many minutes). Spread: how regular that is, which sets the interval's width.
Power leads temperature: a load step shows there first. `filled`: how much past there is, so how far to trust the rest.
Where the room's calibrated model is trusted, what it expects counts from the newest reading too: a forecast then starts
there, and the networks say what physics leaves over.
"""

from __future__ import annotations

from models.change.view import Layout
from models.definition import Definition

_PER_ZONE = (
    "change[60:120]",
    "change[120:240]",
    "change[240:420]",
    "change[420:660]",
    "change[660:900]",
    "change[900:1200]",
    "change[1200:1500]",
    "change[1500:1800]",
    "change[1800:2400]",
    "change[2400:3000]",
    "change[3000:3600]",
    "change[0:3600]",
    "slope[0:120]",
    "slope[0:300]",
    "std[0:3600]",
    "filled",
)
_OF_POWER = (
    "change[120:240]",
    "change[420:660]",
    "change[900:1200]",
    "change[1500:1800]",
    "change[2400:3000]",
    "change[0:3600]",
    "slope[0:300]",
    "std[0:3600]",
    "filled",
)

INPUTS = [
    "top.last",
    "bottom.last",
    *(f"top.{statistic}" for statistic in _PER_ZONE),
    *(f"bottom.{statistic}" for statistic in _PER_ZONE),
    *(f"power.{statistic}" for statistic in _OF_POWER),
    *(f"{zone}{horizon}.less[{zone}]" for zone in ("top", "bottom") for horizon in (300, 900, 1800)),
]


def inputs() -> list[str]:
    """The model's inputs in column order."""
    return list(INPUTS)


def layout(definition: Definition) -> Layout:
    """Which input plays which part: the networks see all but the levels, a forecast starts from the newest reading."""
    return Layout(
        seen=[column for column, name in enumerate(INPUTS) if not (name.endswith(".last") or ".less[" in name)],
        bases=[INPUTS.index(f"{target.name}.last") for target in definition.targets],
        filled=[INPUTS.index(f"{target.name}.filled") for target in definition.targets],
        physics=[
            [INPUTS.index(f"{target.name}{horizon}.less[{target.name}]") for horizon in definition.horizons]
            for target in definition.targets
        ],
    )
