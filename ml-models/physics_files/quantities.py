"""Quantities of a hall, the names that people give them, and the units they come in. Pure data and look-ups.

Everything inside is in degrees Celsius, percent, watts, cubic metres a second. Next: `tables` and `readings`.
"""

from __future__ import annotations

import re
from typing import Final

# Quantity -> spellings that mean it, written without case, spaces and signs.
RACK: Final[dict[str, tuple[str, ...]]] = {
    "temperature": (
        "temperature", "temp", "t", "inlet", "tin", "intake", "inlettemperature", "inlettemp", "intaketemperature",
        "airtemperature", "drybulb",
    ),
    "relativeHumidity": ("relativehumidity", "humidity", "rh", "hum"),
    "power": ("power", "p", "rackpower", "itpower", "load", "activepower", "powerdraw"),
    "utilization": ("utilization", "utilisation", "cpu", "cpuutilization", "cpuutilisation", "util", "usage"),
}  # fmt: skip
SERVER: Final[dict[str, tuple[str, ...]]] = {
    "power": RACK["power"],
    "utilization": RACK["utilization"],
    "cpuTemperature": (
        "cputemperature", "cputemp", "processortemperature", "processortemp", "coretemperature", "coretemp",
        "packagetemperature", "packagetemp", "tcpu",
    ),
    "inletTemperature": (
        "inlettemperature", "inlettemp", "inlet", "intaketemperature", "intaketemp", "intake", "ambienttemperature",
        "ambienttemp", "ambient", "tin",
    ),
}  # fmt: skip
UNIT: Final[dict[str, tuple[str, ...]]] = {
    "supplyTemperature": ("supplytemperature", "supplytemp", "supply", "tsupply", "tsup", "supplyair", "dischargeair"),
    "returnTemperature": ("returntemperature", "returntemp", "return", "treturn", "tret", "returnair"),
    "setpoint": ("setpoint", "setpt", "sp", "tset", "supplysetpoint"),
    "airflow": ("airflow", "flow", "airflowrate", "volumeflow"),
    "fanSpeed": ("fanspeed", "fan", "fanpercent", "speed", "fanspeedpercent"),
    "unitPower": ("unitpower", "power", "electricalpower", "activepower"),
}
POSITIONS: Final[dict[str, tuple[str, ...]]] = {
    "bottom": ("bottom", "bot", "b", "low", "lower", "frontbottom", "inletbottom"),
    "middle": ("middle", "mid", "m", "centre", "center", "frontmiddle", "inletmiddle"),
    "top": ("top", "t", "high", "upper", "fronttop", "inlettop"),
    "rear-bottom": ("rearbottom", "backbottom", "outletbottom", "exhaustbottom"),
    "rear-middle": ("rearmiddle", "rear", "back", "outlet", "exhaust", "rearmid"),
    "rear-top": ("reartop", "backtop", "outlettop", "exhausttop"),
}
# Where the file does not say which height: one sensor at the front.
DEFAULT_POSITION: Final = "middle"

# Unit -> (factor, offset): value * factor + offset is ours.
UNITS: Final[dict[str, tuple[float, float]]] = {
    "cel": (1.0, 0.0), "degc": (1.0, 0.0), "c": (1.0, 0.0), "celsius": (1.0, 0.0), "°c": (1.0, 0.0),
    "degf": (5.0 / 9.0, -160.0 / 9.0), "f": (5.0 / 9.0, -160.0 / 9.0), "fahrenheit": (5.0 / 9.0, -160.0 / 9.0),
    "°f": (5.0 / 9.0, -160.0 / 9.0),
    "k": (1.0, -273.15), "kelvin": (1.0, -273.15),
    "w": (1.0, 0.0), "kw": (1000.0, 0.0), "mw": (1e6, 0.0), "btu/h": (0.29307107, 0.0), "btuh": (0.29307107, 0.0),
    "va": (1.0, 0.0), "kva": (1000.0, 0.0),
    "%": (1.0, 0.0), "percent": (1.0, 0.0), "pct": (1.0, 0.0), "fraction": (100.0, 0.0), "1": (100.0, 0.0),
    "m3/s": (1.0, 0.0), "m3s": (1.0, 0.0), "m3/h": (1 / 3600, 0.0), "m3h": (1 / 3600, 0.0),
    "l/s": (0.001, 0.0), "cfm": (1 / 2118.880, 0.0),
}  # fmt: skip
_KIND: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("cel", "degc", "c", "celsius", "°c", "degf", "f", "fahrenheit", "°f", "k", "kelvin"), "temperature"
    ),
    **dict.fromkeys(("w", "kw", "mw", "btu/h", "btuh", "va", "kva"), "power"),
    **dict.fromkeys(("%", "percent", "pct", "fraction", "1"), "percent"),
    **dict.fromkeys(("m3/s", "m3s", "m3/h", "m3h", "l/s", "cfm"), "flow"),
}
_OF: Final[dict[str, str]] = {
    "temperature": "temperature", "supplyTemperature": "temperature", "returnTemperature": "temperature",
    "cpuTemperature": "temperature", "inletTemperature": "temperature",
    "setpoint": "temperature", "relativeHumidity": "percent", "utilization": "percent", "fanSpeed": "percent",
    "power": "power", "unitPower": "power", "airflow": "flow",
}  # fmt: skip
# What is physically possible; outside it a reading is taken as missing.
RANGE: Final[dict[str, tuple[float, float]]] = {
    "temperature": (-40.0, 85.0), "supplyTemperature": (-40.0, 85.0), "returnTemperature": (-40.0, 85.0),
    "cpuTemperature": (-40.0, 150.0), "inletTemperature": (-40.0, 85.0),
    "setpoint": (0.0, 50.0), "relativeHumidity": (0.0, 100.0), "utilization": (0.0, 100.0), "fanSpeed": (0.0, 100.0),
    "power": (0.0, 1e6), "unitPower": (0.0, 1e7), "airflow": (0.0, 1000.0),
}  # fmt: skip
_CHUNKS: Final = re.compile(r"[\s_,;()\[\]]+")
_TOKENS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+(?:/[a-z]+)?|%|°[CF]")


def squeeze(text: str) -> str:
    """A spelling without case, spaces and signs."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def tokens(text: str) -> list[str]:
    """The words of a column's name, lower case; a unit that stands by itself is one word."""
    found: list[str] = []
    for chunk in _CHUNKS.split(text):
        found += [chunk.lower()] if chunk.lower() in _KIND else [word.lower() for word in _TOKENS.findall(chunk)]
    return found


def unit_of(quantity: str, unit: str) -> tuple[float, float]:
    """Factor and offset of a unit for a quantity.

    Raises:
        ValueError: the unit is not known, or not one of the quantity.
    """
    key = unit.strip().lower()
    if _KIND.get(key) != _OF[quantity]:
        known = ", ".join(name for name, kind in _KIND.items() if kind == _OF[quantity])
        raise ValueError(f"unit {unit!r} of {quantity}: expected one of {known}")
    return UNITS[key]


def unit_in_name(quantity: str, words: list[str]) -> str | None:
    """A unit that stands as a word in a column's name, such as `temp_f` or `power_kw`."""
    for word in reversed(words[1:]):
        if _KIND.get(word) == _OF[quantity] and word not in ("1", "percent"):
            return word
    return None


def find(words: str, names: dict[str, tuple[str, ...]]) -> str | None:
    """The name that a squeezed spelling means."""
    for name, spellings in names.items():
        if words in spellings or words == squeeze(name):
            return name
    return None


def position_of(text: str) -> str | None:
    """The position that a text names: `top`, `Top`, `front_top`, `rear-bottom`; None when it is none."""
    return find(squeeze(text), POSITIONS)
