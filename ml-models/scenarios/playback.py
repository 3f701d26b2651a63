"""Recorded values into readings of a replay's own things, in order of time. Pure.

Next: `replay` sends them when their time has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from racktwin.messages import Reading
from scenarios.history import Row

# Written by the pipeline about a reading; not what a sensor said.
_ABOUT = frozenset({"seq", "quality"})
_THINNED = ("_min", "_max")


@dataclass(frozen=True)
class Own:
    """A replay's own thing, in the place of a live one."""

    thing: str
    kind: str
    room: str
    row: str | None


def readings(rows: Iterable[Row], things: Mapping[str, Own], device: str) -> list[Reading]:
    """One reading for each own thing, feature and time, oldest first; rows of other things are left out.

    Args:
        rows: as recorded, in any order.
        things: live thing id -> own thing.
        device: the id that the readings name as their sender.
    """
    gathered: dict[tuple[int, str, str], dict[str, float | str | bool]] = {}
    quality: dict[tuple[int, str, str], str] = {}
    for row in rows:
        if row.thing not in things or not row.value:
            continue
        key = (row.at, row.thing, row.feature)
        if row.field == "quality":
            quality[key] = row.value
        elif row.field not in _ABOUT and not row.field.endswith(_THINNED):
            gathered.setdefault(key, {})[row.field] = _value(row.value)
    return list(_made(gathered, quality, things, device))


def _made(
    gathered: dict[tuple[int, str, str], dict[str, float | str | bool]],
    quality: dict[tuple[int, str, str], str],
    things: Mapping[str, Own],
    device: str,
) -> Iterator[Reading]:
    for key in sorted(gathered):
        at, thing, feature = key
        own = things[thing]
        said = quality.get(key, "good")
        yield Reading(
            thing=own.thing,
            feature=feature,
            observed_at=at,
            received_at=at,
            values=gathered[key],
            quality=said if said in ("good", "stale", "estimated", "faulty") else "good",  # type: ignore[arg-type]
            device=device,
            kind=own.kind,
            room=own.room,
            row=own.row,
            v=1,
        )


def _value(text: str) -> float | str | bool:
    try:
        return float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text, text)


@dataclass(frozen=True)
class Chunk:
    """A part of the time that is replayed, [`start_ms`, `end_ms`)."""

    start_ms: int
    end_ms: int


def chunks(start_ms: int, end_ms: int, *, things: int, sample_s: float) -> list[Chunk]:
    """The time cut into parts of about 100,000 readings, so that memory stays small whatever is replayed.

    `sample_s` is the time between two readings of a sensor; each thing is taken to have three features.
    """
    seconds = max(60.0, 100_000.0 * max(sample_s, 1.0) / max(3 * things, 1))
    step = round(seconds) * 1000
    return [Chunk(at, min(at + step, end_ms)) for at in range(start_ms, end_ms, step)]
