"""The model's inputs: how warm, loaded and aired a rack is, and how that moved within the hour.

Air, power and temperature rise enter as logarithms: that a rack of any size has little air for its power is then one
direction in their space, whether the rack draws 3 or 12 kW.
"""

from __future__ import annotations

_LEVELS = ("top.mean[0:300]", "bottom.mean[0:300]", "power.mean[0:300]", "airflow.mean[0:300]", "rise.mean[0:300]")
_CHANGES = tuple(
    f"{channel}.change[{span}]"
    for channel in ("top", "bottom", "power", "airflow", "rise")
    for span in ("600:1200", "1800:2400", "3000:3600")
)
INPUTS = [*_LEVELS, *_CHANGES]
LOGARITHMS = ("power.mean[0:300]", "airflow.mean[0:300]", "rise.mean[0:300]")


def inputs() -> list[str]:
    """The model's inputs in column order."""
    return list(INPUTS)
