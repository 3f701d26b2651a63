"""NetBox's choices and units: `{value, label}`, inches and pounds, U counted from the top. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_KILOGRAMS: Final = {"kg": 1.0, "g": 0.001, "lb": 0.45359237, "oz": 0.028349523125}
_MILLIMETRES: Final = {"mm": 1.0, "in": 25.4}
_THREE_PHASE: Final = 1.732


def choice(value: Any) -> str:
    """The value of a choice, which the API gives with its label; empty for none."""
    if isinstance(value, Mapping):
        value = value.get("value")
    return "" if value is None else str(value)


def kilograms(value: Any, unit: str) -> float | None:
    """A weight in kilograms, None for none (or nothing)."""
    return round(float(value) * _KILOGRAMS.get(unit or "kg", 1.0), 3) if value else None


def millimetres(value: Any, unit: str) -> int | None:
    """A length in whole millimetres, None for none."""
    return round(float(value) * _MILLIMETRES.get(unit or "mm", 1.0)) if value else None


def watts_of(feed: Mapping[str, Any]) -> float:
    """Power that a feed may give, as NetBox computes it (its API does not show it): V x A x utilisation, and 1.732 for
    three phases."""
    watts = abs(float(feed.get("voltage") or 0)) * float(feed.get("amperage") or 0)
    watts *= float(feed.get("max_utilization") or 100) / 100
    return float(round(watts * (_THREE_PHASE if choice(feed.get("phase")) == "three-phase" else 1.0)))


def from_bottom(position: float, height: float, *, rack_height: float, first: float, descending: bool) -> float:
    """The lowest U that a device occupies, counted from 1 at the bottom.

    NetBox gives the lowest-numbered unit, which is the topmost where units are numbered from the top (`desc_units`),
    and numbers begin at the rack's `starting_unit`.
    """
    index = position - first
    if descending:
        return rack_height - index - height + 1
    return index + 1
