"""Counts what people were told: how often each alert was said to fire and to be over, and whether the words are whole.

Grafana repeats what is still open whenever its group changes, so an alert counts once for each time that it began, and
once for each that it ended. Pure but for the inbox that is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

# What each alert's part of a message says; a value that is missing reads so in Go's templates.
_PARTS: Final = ("What: ", "Where: ", "Since: ", "What to do: ", "Dashboard: ", "Console: ")
_NOTHING: Final = ("", "<no value>")
_GROUPED_BY: Final = {"alertname", "site"}
_TITLE: Final = re.compile(r"^(\d+ wrong)?(, )?(\d+ over)? at \S+: \S")
_TIME: Final = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")


class Holds(Protocol):
    """An inbox."""

    def messages(self) -> list[Mapping[str, Any]]:
        """All so far."""


class Told:
    """What an inbox holds, by rule and thing."""

    def __init__(self, inbox: Holds) -> None:
        self._inbox = inbox
        self._before: frozenset[tuple[str, str, str]] = frozenset()

    def begin(self) -> None:
        """Count from now on; the end of what began before is none."""
        self._before = frozenset(
            (each["labels"].get("rule"), each["labels"].get("thing"), each["startsAt"])
            for message in self._inbox.messages()
            for each in message["alerts"]
        )

    def fired(self, rule: str, thing: str) -> int:
        """How many begins were told."""
        return len({each["startsAt"] for each in self._alerts(rule, thing) if each["status"] == "firing"})

    def cleared(self, rule: str, thing: str) -> int:
        """How many ends were told."""
        return len({each["endsAt"] for each in self._alerts(rule, thing) if each["status"] == "resolved"})

    def problems(self) -> list[str]:
        """What is wrong with the words and the grouping of messages; each kind of fault once."""
        return sorted({problem for message in self._inbox.messages() for problem in faults(message)})

    def count(self) -> int:
        """Messages so far."""
        return len(self._inbox.messages())

    def links(self) -> Iterable[str]:
        """Addresses that messages lead to."""
        found = (each["annotations"] for message in self._inbox.messages() for each in message["alerts"])
        return sorted({link for each in found for key in ("dashboard", "console") if (link := each.get(key))})

    def _alerts(self, rule: str, thing: str) -> Iterator[Mapping[str, Any]]:
        for message in self._inbox.messages():
            for each in message["alerts"]:
                labels = each["labels"]
                if (labels.get("rule"), labels.get("thing")) != (rule, thing):
                    continue
                if (rule, thing, each["startsAt"]) not in self._before:
                    yield each


def faults(message: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one message: parts that say nothing, another grouping than by rule and site."""
    name = message.get("groupLabels", {}).get("alertname", "?")
    if set(message.get("groupLabels", {})) != _GROUPED_BY:
        yield f"{name}: grouped by {', '.join(sorted(message.get('groupLabels', {}))) or 'nothing'}"
    if not _TITLE.match(message.get("title", "")):
        yield f"{name}: title {message.get('title', '')!r}"
    text = message.get("message", "")
    for part in _PARTS:
        said = [line.removeprefix(part).strip() for line in text.splitlines() if line.startswith(part)]
        if len(said) != len(message["alerts"]):
            yield f"{name}: {len(said)} × {part.strip()!r} for {len(message['alerts'])} alerts"
        if any(each in _NOTHING or "{{" in each for each in said):
            yield f"{name}: {part.strip()!r} says nothing"
        if part == "Since: " and any(not _TIME.match(each) for each in said):
            yield f"{name}: since {said[0]!r}"
