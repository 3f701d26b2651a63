"""UCUM units: which spellings we accept, and how each converts to the unit a property is kept in.

Pure. A table and not a units library: what devices send is a short list, SenML adds its own spellings
(RFC 8428 §12.1: ``%RH`` is UCUM's ``%``), and an unknown unit must be refused, not guessed.
"""

from __future__ import annotations

from typing import Final

# Each dimension: spelling -> (factor, offset) to the dimension's own unit, value_own = value * factor + offset.
_DIMENSIONS: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "Cel": {
        "Cel": (1, 0),
        "degC": (1, 0),
        "°C": (1, 0),
        "K": (1, -273.15),
        "[degF]": (5 / 9, -160 / 9),
        "degF": (5 / 9, -160 / 9),
    },
    "%": {"%": (1, 0), "%RH": (1, 0), "/": (100, 0), "1": (100, 0)},
    "W": {"W": (1, 0), "kW": (1e3, 0), "MW": (1e6, 0), "mW": (1e-3, 0)},
    "kW.h": {"kW.h": (1, 0), "kWh": (1, 0), "Wh": (1e-3, 0), "W.h": (1e-3, 0), "J": (1 / 3.6e6, 0)},
    "V": {"V": (1, 0), "kV": (1e3, 0), "mV": (1e-3, 0)},
    "A": {"A": (1, 0), "mA": (1e-3, 0)},
    "Hz": {"Hz": (1, 0), "kHz": (1e3, 0), "MHz": (1e6, 0), "GHz": (1e9, 0)},
    "By": {
        "By": (1, 0),
        "B": (1, 0),
        "KiBy": (1024, 0),
        "MiBy": (1024**2, 0),
        "GiBy": (1024**3, 0),
        "kBy": (1e3, 0),
        "MBy": (1e6, 0),
        "GBy": (1e9, 0),
    },
    "By/s": {"By/s": (1, 0), "B/s": (1, 0), "bit/s": (1 / 8, 0), "kBy/s": (1e3, 0), "MBy/s": (1e6, 0)},
    "m3/s": {"m3/s": (1, 0), "m3/h": (1 / 3600, 0), "[cft_i]/min": (0.3048**3 / 60, 0)},
    "{rev}/min": {"{rev}/min": (1, 0), "r/min": (1, 0), "rpm": (1, 0), "/min": (1, 0)},
    "Pa": {"Pa": (1, 0), "kPa": (1e3, 0), "hPa": (1e2, 0)},
    "K": {"K": (1, 0)},
    "h": {"h": (1, 0), "s": (1 / 3600, 0), "min": (1 / 60, 0)},
    "s": {"s": (1, 0), "ms": (1e-3, 0), "min": (60, 0), "h": (3600, 0)},
    "1": {"1": (1, 0), "/": (1, 0), "%": (0.01, 0)},
}


class UnitMismatch(ValueError):
    """A value's unit does not measure what its property measures."""


def conversion(unit: str, to: str) -> tuple[float, float]:
    """Factor and offset from ``unit`` to the UCUM unit ``to``: ``value * factor + offset``.

    Raises:
        UnitMismatch: the units measure different things, or ``unit`` is not known.
    """
    known = _DIMENSIONS.get(to)
    if known is None:
        if unit == to:
            return (1.0, 0.0)
        raise UnitMismatch(f"unit {unit!r}: expected {to!r}")
    found = known.get(unit)
    if found is None:
        raise UnitMismatch(f"unit {unit!r}: expected {to!r} or one of {', '.join(sorted(u for u in known if u != to))}")
    return found


def convert(value: float, unit: str, to: str) -> float:
    """Convert a value from ``unit`` to ``to`` (UCUM).

    Raises:
        UnitMismatch: see :func:`conversion`.
    """
    if unit == to:
        return value
    factor, offset = conversion(unit, to)
    return value * factor + offset
