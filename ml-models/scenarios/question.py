"""What is asked, as the operator wrote it for the Job. Pure but for reading the one file.

Next: `start` for a what-if, `replay` for a replay.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from physics import sources
from physics.layout import Layout

Json = Mapping[str, Any]


class ScenarioError(Exception):
    """The question cannot be answered as it is asked; the text names what is wrong. Trying again would not help."""


@dataclass(frozen=True)
class Case:
    """A course of events: changes as the Scenario resource spells them."""

    name: str
    changes: tuple[Json, ...]


@dataclass(frozen=True)
class Question:
    """A Scenario with the resources of its room, and what its twin is calibrated to. `base_ms` is None for the
    present."""

    name: str
    uid: str
    site: str
    room: str
    base_ms: int | None
    what_if: Json | None
    replay: Json | None
    replay_site: str
    replay_things: Mapping[str, str]
    site_resource: Json
    racks: tuple[Json, ...]
    units: tuple[Json, ...]
    parameters: Json | None = None

    def layout(self) -> Layout:
        """The room. Raises `physics.layout.LayoutError`."""
        return sources.from_resources(self.site_resource, self.room, self.racks, self.units)

    def cases(self, layout: Layout) -> list[Case]:
        """The cases of a what-if, without the baseline.

        Raises:
            ScenarioError: two have one name.
        """
        asked = self.what_if or {}
        found = [Case(str(case["name"]), tuple(case["changes"])) for case in asked.get("cases") or ()]
        if asked.get("changes"):
            found.insert(0, Case(self.name, tuple(asked["changes"])))
        if asked.get("eachUnitFails"):
            for unit in layout.unit_ids:
                name = short(unit)
                found.append(Case(f"{name}-fails", ({"coolingUnit": {"name": name, "fails": True}},)))
        names = [case.name for case in found]
        twice = sorted({name for name in names if names.count(name) > 1 or name == BASELINE})
        if twice:
            raise ScenarioError(f"case {twice[0]!r}: there is another of this name; give each its own")
        if not found:
            raise ScenarioError("no case: give changes, cases, or eachUnitFails")
        return found


BASELINE = "baseline"


def short(thing: str) -> str:
    """A thing's name without site and kind."""
    return thing.rpartition(":")[2].partition("-")[2]


def read(path: Path) -> Question:
    """The question in a file.

    Raises:
        ScenarioError: it is not readable, or not a question.
    """
    try:
        return parse(json.loads(gzip.decompress(path.read_bytes())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScenarioError(f"input {path.name}: {type(error).__name__}: {error}") from error


def parse(document: Json) -> Question:
    """The question in the operator's document."""
    scenario = document["scenario"]
    spec, replay = scenario["spec"], document.get("replay") or {}
    base = spec.get("baseTime")
    return Question(
        name=scenario["name"],
        uid=scenario["uid"],
        site=spec["site"],
        room=spec["room"],
        base_ms=None if base is None else epoch_ms(base),
        what_if=spec.get("whatIf"),
        replay=spec.get("replay"),
        replay_site=str(replay.get("site") or ""),
        replay_things=dict(replay.get("things") or {}),
        site_resource=document["site"],
        racks=tuple(document["racks"]),
        units=tuple(document["coolingUnits"]),
        parameters=document.get("parameters"),
    )


def epoch_ms(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
