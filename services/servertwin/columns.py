"""Names of the columns of a log, what they are measured in, and which of them the twin takes. Pure.

A column that the catalogue knows has its name there, ``feature/property``; the others are this machine's own. Next:
`servertwin.log.files` writes them down, `servertwin.hono.packs` sends those that the twin takes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from racktwin.catalogue import feature_of

TIME: Final = "time"
LATE: Final = "logger/late"
KIND: Final = "server"

# Columns that only the log has, by pattern: UCUM unit, and what it is.
_OWN: Final[tuple[tuple[str, str | None, str], ...]] = (
    (r"time", "ms", "Epoch milliseconds UTC"),
    (r"logger/late", "ms", "How late the sample was taken"),
    (r"cpu/core\d+", "%", "Time that one core was not idle"),
    (r"cpu/wait", "%", "Time that cores were idle while I/O was under way"),
    (r"cpu/stolen", "%", "Time that the hypervisor gave to others"),
    (r"cpu/load(5|15)", "1", "Load average over so many minutes"),
    (r"memory/available", "By", "What processes can get without swapping"),
    (r"swap/(used|total)", "By", "Swap"),
    (r"swap/utilization", "%", "Used as a share of the swap"),
    (r"swap/(in|out)", "By/s", "Rate of swapping"),
    (r"disk/(reads|writes)", "1/s", "Operations"),
    (r"network/loopback", "By/s", "What this machine sends to itself"),
    (r"network/(rx|tx)Packets", "1/s", "Packets"),
    (r"network/errors", "1/s", "Packets with errors, or dropped"),
    (r"processes/(count|running)", "1", "Processes"),
    (r"processes/top\d+", None, "Name of one of the busiest processes"),
    (r"processes/top\d+Cpu", "%", "Its time, as a share of one core"),
    (r"processes/top\d+Memory", "By", "Its resident memory"),
    (r"thermal/.+", "Cel", "A temperature sensor"),
    (r"fans/.+", "{rev}/min", "A fan"),
    (r"power/package", "W", "Power of the processors' packages"),
    (r"battery/charge", "%", "Charge of the battery"),
    (r"battery/mains", "1", "1 when mains is there, else 0"),
    (r"battery/left", "s", "How long the battery will last"),
)
_PATTERNS: Final = tuple((re.compile(pattern), unit, title) for pattern, unit, title in _OWN)


@lru_cache(maxsize=4096)
def on_twin(column: str) -> tuple[str, str] | None:
    """(feature, property) of a column that the catalogue lets a server report, or None."""
    feature_name, _, property_name = column.partition("/")
    feature = feature_of(KIND, feature_name)
    if feature is None or not feature.reported or property_name not in feature.by_name:
        return None
    return feature_name, property_name


def unit_of(column: str) -> str | None:
    """UCUM unit of a column; None for a text, and for what is not known."""
    named = on_twin(column)
    if named is not None:
        feature = feature_of(KIND, named[0])
        return feature.by_name[named[1]].unit if feature is not None else None
    return next((unit for pattern, unit, _ in _PATTERNS if pattern.fullmatch(column)), None)


def title_of(column: str) -> str:
    """What a column is, in words; its name where it is not known."""
    named = on_twin(column)
    if named is not None:
        feature = feature_of(KIND, named[0])
        return feature.by_name[named[1]].title if feature is not None else column
    return next((title for pattern, _, title in _PATTERNS if pattern.fullmatch(column)), column)


def is_text(column: str) -> bool:
    """Whether a column holds names and not numbers."""
    if re.fullmatch(r"processes/top\d+", column) is not None:
        return True
    named = on_twin(column)
    feature = feature_of(KIND, named[0]) if named is not None else None
    return feature is not None and named is not None and feature.by_name[named[1]].type == "string"
