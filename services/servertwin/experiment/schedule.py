"""Schedules: which load runs when, for how long, at which level. The same seed gives the same schedule. Pure.

Time is seconds after the experiment's start. A phase is one or more loads that run together; ``schedule.json`` holds
them in order. Every round of loads has each stressor once, in a drawn order, so that both halves of a record know every
load. Next: :mod:`servertwin.experiment.run`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from servertwin.config import KINDS, Experiment, Kind, Limits
from servertwin.failures import Failure, one_line
from servertwin.stress.bounds import Load, checked

VERSION: Final = 1
_NEXT: Final = "racktwin experiment schedule makes one"


@dataclass(frozen=True, slots=True)
class Phase:
    """Loads that run together from ``start`` (s) on; each has its own duration."""

    name: str
    start: float
    loads: tuple[Load, ...]

    @property
    def end(self) -> float:
        """When the last of its loads is over (s)."""
        return self.start + max(load.duration for load in self.loads)

    @property
    def title(self) -> str:
        """What is being tried, for people."""
        return " + ".join(f"{load.kind} {load.level:g} %" for load in self.loads)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Phases in order of time, which do not overlap; ``length`` is the whole experiment (s)."""

    seed: int
    length: float
    phases: tuple[Phase, ...]


def draw(plan: Experiment, limits: Limits) -> Schedule:
    """A schedule by a seed.

    Raises:
        Failure: a level or duration is beyond the limits.
    """
    rng = random.Random(plan.seed)  # noqa: S311 - a schedule is no secret
    slots = _slots(plan, rng)
    # Levels come round too, so that every load is tried at different ones in each half.
    decks = {kind: _Deck(plan.memory_levels if kind == "memory" else plan.levels, rng) for kind in KINDS}
    at = plan.lead
    phases = []
    for number, kinds in enumerate(slots, 1):
        duration = round(rng.uniform(*plan.duration), 1)
        loads = tuple(checked(Load(kind, decks[kind].draw(), duration), limits) for kind in kinds)
        phases.append(Phase(f"p{number:02d}", round(at, 1), loads))
        at += duration + rng.uniform(*plan.gap)
    return Schedule(plan.seed, round(phases[-1].end + plan.lead, 1), tuple(phases))


def _slots(plan: Experiment, rng: random.Random) -> list[tuple[Kind, ...]]:
    slots: list[tuple[Kind, ...]] = []
    while len(slots) < plan.phases:
        kinds: list[Kind] = list(plan.stressors)
        rng.shuffle(kinds)
        together = min(len(kinds), rng.choice((2, 2, 3)))
        if plan.mode == "parallel" and together > 1:
            slots.append(tuple(sorted(kinds[:together])))
            continue
        slots += [(kind,) for kind in kinds]
        if plan.mode == "mixed" and together > 1:
            slots.append(tuple(sorted(rng.sample(kinds, together))))
    return slots[: plan.phases]


class _Deck:
    """Levels, each drawn once before any comes again."""

    def __init__(self, levels: Sequence[float], rng: random.Random) -> None:
        self._levels, self._rng, self._left = list(levels), rng, list[float]()

    def draw(self) -> float:
        if not self._left:
            self._left = self._rng.sample(self._levels, len(self._levels))
        return self._left.pop()


def document(schedule: Schedule) -> dict[str, Any]:
    """As schedule.json has it."""
    return {
        "version": VERSION,
        "seed": schedule.seed,
        "length": schedule.length,
        "phases": [
            {
                "name": phase.name,
                "start": phase.start,
                "loads": [
                    {"kind": load.kind, "level": load.level, "duration": load.duration}
                    | ({"cores": load.cores} if load.cores is not None else {})
                    for load in phase.loads
                ],
            }
            for phase in schedule.phases
        ],
    }


def read(path: Path, limits: Limits) -> Schedule:
    """The schedule of a file, which people may write too.

    Raises:
        Failure: it cannot be read, a field is wrong, phases overlap, or a load is beyond the limits.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("version") != VERSION:
            raise Failure(f"{path}: version {data.get('version')!r}: expected {VERSION}", _NEXT)
        phases = tuple(_phase(each, number, limits) for number, each in enumerate(data["phases"], 1))
        schedule = Schedule(int(data.get("seed", 0)), float(data["length"]), phases)
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: {one_line(error)}", _NEXT) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise Failure(f"{path}: {one_line(error)}", _NEXT) from error
    except KeyError as error:
        raise Failure(f"{path}: field {error.args[0]} is missing", _NEXT) from error
    before = 0.0
    if not phases:
        raise Failure(f"{path}: no phases", _NEXT)
    for phase in phases:
        if phase.start < before:
            raise Failure(f"{path}: phase {phase.name} starts at {phase.start:g} s, before the last one ends", _NEXT)
        before = phase.end
    if schedule.length < before:
        raise Failure(f"{path}: length {schedule.length:g} s: expected at least {before:g}", _NEXT)
    return schedule


def _phase(data: dict[str, Any], number: int, limits: Limits) -> Phase:
    loads = []
    for each in data["loads"]:
        if each["kind"] not in KINDS:
            raise ValueError(f"kind {each['kind']!r}: expected one of {', '.join(KINDS)}")
        cores = int(each["cores"]) if each.get("cores") is not None else None
        loads.append(checked(Load(each["kind"], float(each["level"]), float(each["duration"]), cores), limits))
    if not loads or len({load.kind for load in loads}) < len(loads):
        raise ValueError(f"phase {number}: expected one load or more, each of another kind")
    return Phase(str(data.get("name") or f"p{number:02d}"), float(data["start"]), tuple(loads))


def write(path: Path, schedule: Schedule) -> None:
    """Write schedule.json.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(schedule), indent=1) + "\n", encoding="utf-8")
