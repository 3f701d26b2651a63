"""The model's inputs: dew points of both sensors, and how much each temperature moves.

Air keeps its water while it is mixed and warmed, so two sensors of a rack share one dew point: where they differ, one
is wrong (or there is a leak between them). Spreads enter as logarithms, since a stuck sensor's is zero.
"""

from __future__ import annotations

_DEW = tuple(
    f"{channel}.{statistic}"
    for channel in ("dewTop", "dewBottom")
    for statistic in ("mean[0:300]", "mean[0:1200]", "mean[2400:3600]")
)
_SPREAD = tuple(
    f"{channel}.std[{span}]" for channel in ("top", "bottom", "dewTop", "dewBottom") for span in ("0:600", "0:1800")
)
_CHANGES = tuple(f"{channel}.change[1800:3600]" for channel in ("top", "bottom"))
INPUTS = [*_DEW, *_SPREAD, *_CHANGES]
LOGARITHMS = _SPREAD


def inputs() -> list[str]:
    """The model's inputs in column order."""
    return list(INPUTS)
