"""JSON-LD vocabulary of the Thing Models: the context, and QUDT's terms for the catalogue's UCUM units.

Pure data. ``unit`` stays the plain UCUM code that programs read; ``qudt:hasUnit`` and ``@type`` say the same in
QUDT's terms (checked against QUDT's unit and quantity-kind vocabularies). Next: :mod:`definitions.build`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

TD_CONTEXT: Final = "https://www.w3.org/2022/wot/td/v1.1"

# Ditto refuses a model that uses a prefix it does not declare. `unit` is a term of the TD context itself, so QUDT's
# units need another prefix, or the plain UCUM codes would change their meaning.
PREFIXES: Final[dict[str, str]] = {
    "qudt": "http://qudt.org/schema/qudt/",
    "qudt-unit": "http://qudt.org/vocab/unit/",
    "quantitykind": "http://qudt.org/vocab/quantitykind/",
    "brick": "https://brickschema.org/schema/Brick#",
}
# RealEstateCore, which has Brick's places since its 1.4.
PLACES: Final[dict[str, str]] = {"rec": "https://w3id.org/rec#"}

# UCUM code -> (QUDT unit, usual quantity kind). None where QUDT has no such unit or kind.
UNITS: Final[dict[str, tuple[str | None, str | None]]] = {
    "Cel": ("DEG_C", "CelsiusTemperature"),
    "K": ("K", "TemperatureDifference"),
    "%": ("PERCENT", "DimensionlessRatio"),
    "1": ("UNITLESS", "Dimensionless"),
    "W": ("W", "ElectricPower"),
    "kW.h": ("KiloW-HR", "ElectricEnergy"),
    "V": ("V", "Voltage"),
    "A": ("A", "ElectricCurrent"),
    "Hz": ("HZ", "Frequency"),
    "By": ("BYTE", "ByteDataVolume"),
    "By/s": ("BYTE-PER-SEC", "ByteRate"),
    "m3/s": ("M3-PER-SEC", "VolumePerTime"),
    "{rev}/min": ("REV-PER-MIN", "RotationalVelocity"),
    "s": ("SEC", "Time"),
    "ms": ("MilliSEC", "Time"),
    "h": ("HR", "Time"),
    "d": ("DAY", "Time"),
    "m": ("M", "Length"),
    "mm": ("MilliM", "Length"),
    "kg": ("KiloGM", "Mass"),
    "deg": ("DEG", "PlaneAngle"),
    "kg/(kW.h)": (None, None),
    "L/(kW.h)": (None, None),
}

# Quantity kinds that follow from the property, not from its unit.
QUANTITY_KINDS: Final[dict[str, str]] = {
    "relativeHumidity": "RelativeHumidity",
    "supplyHumidity": "RelativeHumidity",
    "dewPoint": "DewPointTemperature",
    "heatRemoved": "HeatFlowRate",
    "coolingCapacity": "HeatFlowRate",
    "cop": "CoefficientOfPerformance",
}


def context(types: Iterable[str] = ()) -> list[str | dict[str, str]]:
    """The ``@context`` of a model of these semantic types."""
    places = PLACES if any(each.startswith("rec:") for each in types) else {}
    return [TD_CONTEXT, {**PREFIXES, **places}]


def annotate(name: str, unit: str) -> dict[str, str]:
    """The members that state a property's unit.

    Raises:
        KeyError: the unit is not in the table.
    """
    qudt_unit, kind = UNITS[unit]
    members: dict[str, str] = {}
    kind = QUANTITY_KINDS.get(name, kind)
    if kind is not None:
        members["@type"] = f"quantitykind:{kind}"
    members["unit"] = unit
    if qudt_unit is not None:
        members["qudt:hasUnit"] = f"qudt-unit:{qudt_unit}"
    return members
