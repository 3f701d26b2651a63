"""Phases that the record itself shows, and how they fit what was annotated. Pure.

Each channel (processors, memory, disk, network) is cut where its level changes, not knowing annotations; what stands
above its rest is a phase of that channel. An annotated load is found when its channel has a phase, or neighbouring
ones, that begins and ends where it did, within a tolerance. Next:
`servertwin.analysis.command`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from servertwin.analysis.changes import MOST, Floats, changes, merged, noise, settled
from servertwin.config import Analysis
from servertwin.experiment.annotations import Annotation
from servertwin.recording import Recording

_MB: Final = 1e6


@dataclass(frozen=True, slots=True)
class Channel:
    """A column that shows a kind of load, by the least step that counts and the least noise that is assumed."""

    kind: str
    column: str
    step: float
    floor: float


# Percent, and bytes/s. Memory in % of what is installed, so that one step fits all machines.
CHANNELS: Final = (
    Channel("cpu", "cpu/utilization", 4.0, 1.0),
    Channel("memory", "memory/utilization", 0.4, 0.05),
    Channel("disk", "disk/writeBytes", 4 * _MB, 0.5 * _MB),
    Channel("network", "network/loopback", 4 * _MB, 0.5 * _MB),
)
# Share of the time that a machine is taken to be at rest, at least.
_REST: Final = 0.15


@dataclass(frozen=True, slots=True)
class Found:
    """A phase of a channel: epoch seconds, its mean, and the channel's rest, in the channel's unit."""

    kind: str
    start: float
    end: float
    mean: float
    rest: float


@dataclass(frozen=True, slots=True)
class Match:
    """An annotated load and the phase that fits it; None where none does. Errors are found less annotated (s)."""

    annotation: Annotation
    found: Found | None

    @property
    def start_error(self) -> float | None:
        """How late the found start is (s)."""
        return None if self.found is None else self.found.start - self.annotation.started_at / 1000.0

    @property
    def end_error(self) -> float | None:
        """How late the found end is (s)."""
        return None if self.found is None else self.found.end - self.annotation.stopped_at / 1000.0


def find(recording: Recording, settings: Analysis) -> list[Found]:
    """Phases of all channels, in order of their start."""
    found = []
    for channel in CHANNELS:
        values = recording.column(channel.column)
        if values is not None:
            found += _in_channel(channel, recording.time, values, settings)
    return sorted(found, key=lambda each: (each.start, each.kind))


def _in_channel(channel: Channel, time: Floats, values: Floats, settings: Analysis) -> list[Found]:
    good = np.isfinite(values)
    time, values = _thinned(time[good], values[good])
    if values.size < 4:
        return []
    step = float(np.median(np.diff(time)))
    sigma = max(channel.floor, noise(values))
    shortest = max(2, round(settings.shortest / step))
    cuts = changes(values, sigma=sigma, penalty=settings.penalty, shortest=shortest)
    cuts = merged(values, settled(values, cuts, shortest), channel.step)
    edges = [0, *cuts, values.size]
    # A sample tells of the time before it; the first and last levels begin and end with the record.
    times = [float(time[0] - step), *(_when(time, values, edges, place) for place in range(1, len(edges) - 1))]
    times.append(float(time[-1]))
    means = [float(np.mean(values[a:b])) for a, b in pairwise(edges)]
    rest = _rest(means, np.diff(times))
    return [
        Found(channel.kind, times[place], times[place + 1], mean, rest)
        for place, mean in enumerate(means)
        if mean >= rest + channel.step
    ]


def _thinned(time: Floats, values: Floats) -> tuple[Floats, Floats]:
    by = -(-values.size // MOST)
    if by <= 1:
        return time, values
    whole = values.size // by * by
    return time[:whole].reshape(-1, by)[:, -1], values[:whole].reshape(-1, by).mean(axis=1)


def _when(time: Floats, values: Floats, edges: Sequence[int], place: int) -> float:
    """When the level changed, closer than a sample: by how much of the samples beside the edge is of the new level."""
    at = edges[place]
    # Without the samples at the edge, which are of both levels.
    old = values[edges[place - 1] : max(edges[place - 1] + 1, at - 1)]
    new = values[min(edges[place + 1] - 1, at + 1) : edges[place + 1]]
    low, high = float(np.mean(old)), float(np.mean(new))
    step = float(time[at] - time[at - 1])
    if abs(high - low) < 1e-12:
        return float(time[at - 1])
    shares = np.clip((values[at - 1 : at + 1] - low) / (high - low), 0.0, 1.0)
    return float(time[at] - step * float(np.sum(shares)))


def _rest(means: Sequence[float], lengths: Floats) -> float:
    """The channel's level at rest: the mean of its lowest levels that make up a part of the time."""
    order = np.argsort(means)
    needed = _REST * float(np.sum(lengths))
    taken = weight = 0.0
    for place in order:
        taken += means[place] * float(lengths[place])
        weight += float(lengths[place])
        if weight >= needed:
            break
    return taken / weight


def match(annotations: Sequence[Annotation], found: Sequence[Found], tolerance: float) -> list[Match]:
    """For each annotated load the phase of its channel that fits it best within the tolerance (s)."""
    matches = []
    for annotation in annotations:
        start, end = annotation.started_at / 1000.0, annotation.stopped_at / 1000.0
        fitting = [
            whole
            for whole in _runs([each for each in found if each.kind == annotation.stressor], tolerance)
            if abs(whole.start - start) <= tolerance and abs(whole.end - end) <= tolerance
        ]
        best = min(fitting, key=lambda each: abs(each.start - start) + abs(each.end - end), default=None)
        matches.append(Match(annotation, best))
    return matches


def _runs(found: Sequence[Found], gap: float) -> list[Found]:
    """Each phase, and each row of neighbours as one: other work may split a load's time in two."""
    runs = []
    for first, each in enumerate(found):
        weight, total, end = 0.0, 0.0, each.start
        for other in found[first:]:
            if other.start - end > min(gap, 1.0):
                break
            weight += other.end - other.start
            total += other.mean * (other.end - other.start)
            end = other.end
            runs.append(Found(each.kind, each.start, end, total / max(weight, 1e-9), each.rest))
    return runs


def unexplained(annotations: Sequence[Annotation], found: Sequence[Found], tolerance: float) -> list[Found]:
    """Phases that lie beside every annotated load: something else kept the machine busy."""
    spans = [(each.started_at / 1000.0 - tolerance, each.stopped_at / 1000.0 + tolerance) for each in annotations]
    return [each for each in found if not any(low < each.end and each.start < high for low, high in spans)]


def by_phase(matches: Sequence[Match]) -> dict[str, bool]:
    """Phase -> whether each of its loads was found."""
    phases: dict[str, bool] = {}
    for each in matches:
        phases[each.annotation.phase] = phases.get(each.annotation.phase, True) and each.found is not None
    return phases


def document(matches: Sequence[Match], found: Sequence[Found], beside: Sequence[Found]) -> dict[str, Any]:
    """As JSON has it."""
    phases = by_phase(matches)
    return {
        "phases": len(phases),
        "phasesDetected": sum(phases.values()),
        "found": len(found),
        "unexplained": [_row(each) for each in beside],
        "loads": [
            {
                "phase": each.annotation.phase,
                "stressor": each.annotation.stressor,
                "level": each.annotation.level,
                "detected": each.found is not None,
                "startError": None if each.start_error is None else round(each.start_error, 3),
                "endError": None if each.end_error is None else round(each.end_error, 3),
            }
            for each in matches
        ],
    }


def _row(found: Found) -> dict[str, Any]:
    return {
        "channel": found.kind,
        "start": round(found.start, 3),
        "end": round(found.end, 3),
        "mean": round(found.mean, 3),
    }
