"""What a person writes on the command line into the changes of a Scenario. Pure.

Each text may end with ``@TIME``: when it happens, counted from the beginning. Next: `whatif`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from racktwin_cli.size.command import Duration

Json = dict[str, Any]
_SPAN: Final = Duration()
_AMOUNT: Final = re.compile(r"^(?P<number>[+-]?\d+(?:\.\d+)?)(?P<unit>k?W|%)$", re.IGNORECASE)


def change(text: str, option: str, form: str, build: Callable[[str], Json]) -> Json:
    """One change. Raises click.BadParameter, which tells the form."""
    what, sign, when = text.rpartition("@")
    if not sign:
        what, when = text, ""
    try:
        made = build(what.strip())
        at = _SPAN.convert(when.strip(), None, None) if when else 0.0
    except (ValueError, click.BadParameter) as error:
        raise click.BadParameter(
            f"{text!r}: expected {form}, for instance {_EXAMPLES[option]}", param_hint=option
        ) from error
    return {"atS": at, **made} if at else made


def watts(text: str) -> float:
    """`2000`, `2000W` or `2kW` in watts. Raises ValueError."""
    match = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*(kW|W)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(text)
    return float(match[1]) * (1000.0 if (match[2] or "").lower() == "kw" else 1.0)


def unit_fails(text: str) -> Json:
    """`crah-a1`."""
    return {"coolingUnit": {"name": _name(text), "fails": True}}


def unit_value(field: str) -> Callable[[str], Json]:
    """`crah-a1=50` for a field of the unit."""

    def build(text: str) -> Json:
        name, value = _two(text, "=")
        return {"coolingUnit": {"name": _name(name), field: float(value.rstrip("%C "))}}

    return build


def load(text: str) -> Json:
    """`a-r01-02,a-r01-03=+2kW`, `all=-10%`."""
    names, amount = _two(text, "=")
    match = _AMOUNT.match(amount.replace(" ", ""))
    if match is None:
        raise ValueError(amount)
    number = float(match["number"])
    made = {"addPercent": number} if match["unit"] == "%" else {"addW": watts(amount)}
    return {"load": {**_racks(names), **made}}


def cap(text: str) -> Json:
    """`all=5kW`."""
    names, amount = _two(text, "=")
    return {"load": {**_racks(names), "capW": watts(amount)}}


def move(text: str) -> Json:
    """`a-r01-02:a-r01-03` or `a-r01-02:a-r01-03=2kW`."""
    both, _, amount = text.partition("=")
    source, target = _two(both, ":")
    made: Json = {"from": _name(source), "to": _name(target)}
    return {"move": {**made, "powerW": watts(amount)} if amount else made}


def add_rack(text: str) -> Json:
    """`new-1=3.5,2.4,8kW`: place in metres and power."""
    name, rest = _two(text, "=")
    x, y, power = rest.split(",")
    place = {"xM": float(x), "yM": float(y), "yawDeg": 0}
    return {"rack": {"name": _name(name), "position": place, "powerW": watts(power)}}


def containment(text: str) -> Json:
    """`100` or `50%`: how far it is open."""
    return {"containment": {"openPercent": float(text.rstrip("% "))}}


def lose_pdu(text: str) -> Json:
    """`pdu-a1-a`."""
    return {"feed": {"pdu": _name(text)}}


def lose_feed(text: str) -> Json:
    """`a-r01-02:A`."""
    rack, feed = _two(text, ":")
    return {"feed": {"rack": _name(rack), "feed": feed.upper()}}


OPTIONS: Final[tuple[tuple[str, str, Callable[[str], Json], str], ...]] = (
    ("--unit-fails", "UNIT[@TIME]", unit_fails, "A cooling unit stops."),
    ("--unit-capacity", "UNIT=PERCENT[@TIME]", unit_value("capacityPercent"), "A cooling unit has this much left."),
    ("--setpoint", "UNIT=DEGC[@TIME]", unit_value("setpointC"), "Another set-point of the supply air."),
    ("--fan", "UNIT=PERCENT[@TIME]", unit_value("fanPercent"), "Another fan speed."),
    ("--load", "RACKS=WATTS|PERCENT[@TIME]", load, "Racks draw more or less; RACKS is a list, or all."),
    ("--cap", "RACKS=WATTS[@TIME]", cap, "Racks draw no more than this."),
    ("--move", "FROM:TO[=WATTS][@TIME]", move, "Load moves from one rack to another."),
    ("--add-rack", "NAME=X,Y,WATTS[@TIME]", add_rack, "A rack is added, X and Y in metres."),
    ("--open-containment", "PERCENT[@TIME]", containment, "Containment is opened this far."),
    ("--lose-pdu", "PDU[@TIME]", lose_pdu, "A PDU is lost: what hangs on it alone goes dark."),
    ("--lose-feed", "RACK:FEED[@TIME]", lose_feed, "One feed of a rack is lost."),
)
_EXAMPLES: Final = {
    "--unit-fails": "crah-a1@5m",
    "--unit-capacity": "crah-a1=50",
    "--setpoint": "crah-a1=22",
    "--fan": "crah-a1=60",
    "--load": "all=+10% or a-r01-02=+2kW",
    "--cap": "all=5kW",
    "--move": "a-r01-02:a-r01-03=2kW",
    "--add-rack": "new-1=3.5,2.4,8kW",
    "--open-containment": "100",
    "--lose-pdu": "pdu-a1-a",
    "--lose-feed": "a-r01-02:A",
}


def of_options(given: dict[str, Sequence[str]]) -> list[Json]:
    """All changes that options ask for. Raises click.BadParameter."""
    return [
        change(text, option, form, build)
        for option, form, build, _ in OPTIONS
        for text in given.get(option.removeprefix("--").replace("-", "_")) or ()
    ]


def _two(text: str, sign: str) -> tuple[str, str]:
    left, found, right = text.partition(sign)
    if not found or not left.strip() or not right.strip():
        raise ValueError(text)
    return left.strip(), right.strip()


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", text.strip()):
        raise ValueError(text)
    return text.strip()


def _racks(text: str) -> Json:
    return {} if text == "all" else {"racks": [_name(part) for part in text.split(",")]}
