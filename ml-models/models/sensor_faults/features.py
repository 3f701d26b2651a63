"""The model's inputs: by how much the dew points of both sensors differ, and how much each sensor moves.

Air keeps its water while it is mixed and warmed, so two sensors of a rack share one dew point: where they differ, one
is wrong (or there is a leak between them). What that dew point is the weather says, so the difference alone enters:
with both levels instead, a network must learn anew at each of them that they are equal. Where one sensor tells none,
the difference is missing and counts as usual. Spreads enter as logarithms, since a stuck sensor's is zero.
"""

from __future__ import annotations

_APART = tuple(f"dewTop-dewBottom.mean[{span}]" for span in ("0:300", "0:1200", "2400:3600"))
_SPREAD = tuple(
    f"{channel}.std[{span}]" for channel in ("top", "bottom", "dewTop", "dewBottom") for span in ("0:600", "0:1800")
)
_CHANGES = tuple(f"{channel}.change[1800:3600]" for channel in ("top", "bottom"))
INPUTS = [*_APART, *_SPREAD, *_CHANGES]
LOGARITHMS = _SPREAD


def inputs() -> list[str]:
    """The model's inputs in column order."""
    return list(INPUTS)
