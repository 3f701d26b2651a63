"""Placeholders in addresses and header mappings: ``{{ thing:id }}``, ``{{ header:correlation-id | fn:default('x') }}``.

Pure. A template is split once; resolving it is a few look-ups. Next: :mod:`ditto_lite.kafka_link`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ditto_lite.errors import error

_EXPRESSION = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_DEFAULT = re.compile(r"^fn:default\(\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<name>[^)]+?))\s*\)$")
_NAMES = re.compile(
    r"^(?:header:[^|\s]+|(?:thing|entity|policy):(?:id|namespace|name)|feature:id|topic:(?:full|namespace|entityName|group|channel|"
    r"criterion|action|subject|action-subject)|resource:(?:type|path)|connection:id|request:subjectId)$"
)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders. ``parts`` alternate: text, or the pipeline of one placeholder."""

    text: str
    parts: tuple[str | tuple[str, ...], ...]

    @property
    def constant(self) -> bool:
        """Whether there are no placeholders in it."""
        return all(isinstance(part, str) for part in self.parts)

    def resolve(self, facts: Facts) -> str | None:
        """The text for one message; None if a placeholder has no value."""
        out = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            value = facts.get(part[0])
            for function in part[1:]:
                match = _DEFAULT.match(function)
                if value is None and match is not None:
                    value = match["single"] if match["single"] is not None else match["double"]
                    value = facts.get(match["name"]) if value is None else value
                elif value is not None:
                    value = _FUNCTIONS[function](value)
            if value is None:
                return None
            out.append(value)
        return "".join(out)


_FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "fn:lower()": str.lower,
    "fn:upper()": str.upper,
    "fn:trim()": str.strip,
}


def parse_template(text: str) -> Template:
    """Split a text.

    Raises:
        DittoError: a placeholder or function is not known here (``connectivity:connection.configuration.invalid``).
    """
    parts: list[str | tuple[str, ...]] = []
    at = 0
    for match in _EXPRESSION.finditer(text):
        if match.start() > at:
            parts.append(text[at : match.start()])
        pipeline = tuple(step.strip() for step in match[1].split("|"))
        if not _NAMES.match(pipeline[0]) or any(not _DEFAULT.match(f) and f not in _FUNCTIONS for f in pipeline[1:]):
            raise error(
                "connectivity:connection.configuration.invalid",
                reason=f"The placeholder '{match[0]}' could not be resolved.",
            )
        parts.append(pipeline)
        at = match.end()
    if at < len(text) or not parts:
        parts.append(text[at:])
    return Template(text, tuple(parts))


class Facts:
    """What placeholders of one message can name."""

    __slots__ = ("_entity_id", "_headers", "_more")

    def __init__(self, entity_id: str, headers: Mapping[str, Any], more: Mapping[str, str] | None = None) -> None:
        self._entity_id = entity_id
        self._headers = headers
        self._more = more or {}

    def get(self, name: str) -> str | None:
        """Value of a placeholder, None if it has none."""
        kind, _, what = name.partition(":")
        if kind == "header":
            value = self._headers.get(what)
            if value is None or isinstance(value, str):
                return value
            return str(value).lower() if isinstance(value, bool) else str(value)
        if kind in ("thing", "entity", "policy") and self._entity_id:
            if what == "id":
                return self._entity_id
            namespace, _, local = self._entity_id.partition(":")
            return namespace if what == "namespace" else local
        return self._more.get(name)
