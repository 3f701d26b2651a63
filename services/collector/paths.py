"""Values out of JSON by a short path, as maps and configurations state them. Pure.

``PowerWatts.Reading``, ``readings[0].t``, ``Temperatures[PhysicalContext=Intake].ReadingCelsius``, ``fans[*].rpm``,
with an optional leading ``$.``; a name with odd characters is quoted: ``data["air temp"]``. A filter's value may begin
with ``~``: a regular expression that must match somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, Literal

from collector.model import ConfigError
from collector.points import as_number

Aggregate = Literal["first", "mean", "max", "min", "sum"]
_STEP: Final = re.compile(
    r"""\.?(?:
        (?P<name>[^.\[\]]+)
      | \[(?P<index>-?\d+)\]
      | \[(?P<all>\*)\]
      | \["(?P<quoted>[^"]*)"\]
      | \[(?P<key>[^=\]]+?)=(?P<pattern>~?)(?P<value>[^\]]*)\]
    )""",
    re.VERBOSE,
)
Step = tuple[str, Any, Any]


@lru_cache(maxsize=4096)
def parse(path: str) -> tuple[Step, ...]:
    """A path's steps.

    Raises:
        ConfigError: it is not well formed.
    """
    text = path.removeprefix("$").removeprefix(".")
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ConfigError(f"path {path!r}: expected for instance a.b, a[0].b or a[name=value].b")
        at = match.end()
        if match["index"] is not None:
            steps.append(("index", int(match["index"]), None))
        elif match["all"]:
            steps.append(("all", None, None))
        elif match["key"]:
            value = match["value"].strip("'\"")
            steps.append(("filter", match["key"], re.compile(value) if match["pattern"] else value))
        else:
            steps.append(("name", match["quoted"] if match["quoted"] is not None else match["name"], None))
    return tuple(steps)


def find(document: Any, path: str) -> list[Any]:
    """Every value at a path, in the document's order."""
    return list(_walk(document, parse(path)))


def pick(document: Any, path: str, how: Aggregate = "first") -> Any:
    """The value at a path, one of several by ``how``; None where there is none."""
    found = [value for value in find(document, path) if value is not None]
    if not found:
        return None
    if how == "first":
        return found[0]
    return aggregate([number for value in found if (number := as_number(value)) is not None], how)


def aggregate(numbers: list[float], how: Aggregate) -> float | None:
    """One number of several; None of none."""
    if not numbers:
        return None
    if how == "mean":
        return sum(numbers) / len(numbers)
    if how == "max":
        return max(numbers)
    if how == "min":
        return min(numbers)
    return sum(numbers) if how == "sum" else numbers[0]


def _walk(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    (what, first, second), rest = steps[0], steps[1:]
    if what == "name" and isinstance(value, dict):
        if first in value:
            yield from _walk(value[first], rest)
    elif what == "index" and isinstance(value, list):
        if -len(value) <= first < len(value):
            yield from _walk(value[first], rest)
    elif what == "all":
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from _walk(item, rest)
    elif what == "filter" and isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and _fits(item.get(first), second):
                yield from _walk(item, rest)


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.search(str(value)) is not None
    return str(value) == str(wanted)
