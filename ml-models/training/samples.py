"""History into samples: split by time and by rack, windows cut and worn as serving will meet them. Pure; seeded.

Three parts that share neither racks nor time: train (first 60 % of the time), calibration (next 20 %), test (last
20 %), with a gap of one window and one horizon between them, so that no reading serves two parts. Where there are rooms
enough, parts do not share rooms either, as racks of one room feel the same cooling.

Serving meets windows that are short (just started), late (the newest cells not there yet), sparse (slow sensors) or
that lack a channel. The same wear is put on training windows, in the shares below, so that none of it is news to the
model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from models.definition import Definition
from models.samples import Samples
from models.statistics import InputPlan
from models.windows import FloatArray
from training.history import History, HistoryError

TRAIN, CALIBRATION, TEST = 0, 1, 2
# Windows [N, channels, cells] -> forecasts of others than the model [N, outputs, ways].
Rivals = Callable[[FloatArray], FloatArray]
_SHARES = (0.6, 0.2, 0.2)
_ROOMS_TO_SPLIT_BY = 5
_CHUNK = 4096

# Shares of training windows with each kind of wear.
_SHORT = 0.4
_SPARSE = 0.25
_SPARSE_EVERY = (2, 3, 6)  # cells between readings of a slow sensor
_LATE_CELLS = (0, 1, 2)
_LATE_SHARES = (0.6, 0.3, 0.1)
_CHANNEL_MISSING = 0.08
# How often an optional channel is told.
_TOLD_S = 60


@dataclass(frozen=True)
class Part:
    """Which things, and which cells [begin, end), belong to one part of one history."""

    things: list[int]
    begin: int
    end: int


def split(history: History, definition: Definition, seed: int) -> list[Part]:
    """Split one history into train, calibration and test.

    Raises:
        HistoryError: too few things or too short for three separate parts.
    """
    if len(history.things) < len(_SHARES):
        raise HistoryError(f"history has {len(history.things)} things, training needs at least {len(_SHARES)}")
    by_room = len(set(history.rooms)) >= _ROOMS_TO_SPLIT_BY
    units = history.rooms if by_room else history.things
    order = np.random.default_rng(seed).permutation(sorted(set(units))).tolist()
    held_out = max(1, round(len(order) * _SHARES[TEST]))
    chosen = [order[2 * held_out :], order[held_out : 2 * held_out], order[:held_out]]
    things = [[index for index, unit in enumerate(units) if unit in set(mine)] for mine in chosen]
    gap = definition.cells + max(definition.horizons) // definition.resolution_s
    usable = history.cells - 2 * gap
    shortest = int(usable * min(_SHARES))
    if shortest <= gap:
        hours = (2 * gap + (gap + 1) / min(_SHARES)) * history.cell_s / 3600
        raise HistoryError(
            f"history of {history.hours:.1f} h is too short to split by time, at least {hours:.1f} h are needed"
        )
    parts, begin = [], 0
    for share, mine in zip(_SHARES, things, strict=True):
        end = begin + int(usable * share)
        parts.append(Part(mine, begin, end))
        begin = end + gap
    return parts


def build(
    histories: Sequence[tuple[History, Part]],
    definition: Definition,
    plan: InputPlan,
    count: int,
    rng: np.random.Generator,
    *,
    worn: bool = True,
    informed: float = 0.0,
    rivals: Rivals | None = None,
) -> Samples:
    """Draw about `count` samples, evenly over things and time. `worn`: with the wear described above, else whole.
    `informed`: by which share of `count` samples of which the optional channels are known are drawn beside these, if
    there are any: in a history they may be few. `rivals`: who else forecasts from the same windows.

    Raises:
        HistoryError: no window of these parts has both a reading and a truth.
    """
    per_history = max(1, count // len(histories))
    pieces = [
        _draw(history, part, definition, plan, count=per_history, rng=rng, worn=worn, rivals=rivals)
        for history, part in histories
    ]
    knowing = [(history, part) for history, part in histories if len(_known(history, part, definition))]
    if informed > 0.0 and knowing:
        each = max(1, round(informed * count / len(knowing)))
        pieces += [
            _draw(history, part, definition, plan, count=each, rng=rng, worn=worn, informed=True, rivals=rivals)
            for history, part in knowing
        ]
    merged = _joined(pieces)
    if not merged.usable.any():
        raise HistoryError("history has no window with both a fresh reading and a reading one horizon later")
    return merged


def _draw(
    history: History,
    part: Part,
    definition: Definition,
    plan: InputPlan,
    *,
    count: int,
    rng: np.random.Generator,
    worn: bool,
    informed: bool = False,
    rivals: Rivals | None = None,
) -> Samples:
    outputs = definition.outputs()
    ahead = np.array([output.horizon_s // definition.resolution_s for output in outputs])
    if informed:
        known = _known(history, part, definition)
        nows, things = known[rng.integers(len(known), size=count)].T
        # Told once a minute, read until the next time.
        nows = np.minimum(
            nows + rng.integers(max(1, _TOLD_S // history.cell_s), size=count), _span(part, definition)[1] - 1
        )
    else:
        first, last = _span(part, definition)
        things = rng.choice(np.array(part.things), size=count)
        nows = rng.integers(first, last, size=count)
    pieces = []
    windowed = definition.windowed
    by_thing = np.ascontiguousarray(history.values[:, :, :windowed].transpose(1, 2, 0))
    held = newest_of(history, definition)
    for start in range(0, count, _CHUNK):
        chunk_things, chunk_nows = things[start : start + _CHUNK], nows[start : start + _CHUNK]
        columns = chunk_nows[:, None] - np.arange(definition.cells - 1, -1, -1)[None, :]
        windows = by_thing[chunk_things[:, None, None], np.arange(windowed)[None, :, None], columns[:, None, :]]
        optional = held[chunk_nows, chunk_things]
        if worn:
            wear(windows, definition, rng)
        truth = by_thing[
            chunk_things[:, None], np.array(definition.output_channels())[None, :], chunk_nows[:, None] + ahead[None, :]
        ]
        pieces.append(_samples(windows, optional, truth, definition, plan, rivals=rivals))
    return _joined(pieces)


def _span(part: Part, definition: Definition) -> tuple[int, int]:
    """Cells [first, last) of a part that a sample may be of."""
    return part.begin + definition.cells - 1, part.end - max(definition.horizons) // definition.resolution_s


def _known(history: History, part: Part, definition: Definition) -> npt.NDArray[np.intp]:
    """(cell, thing) that a sample may be of and at which an optional channel was told anything, [N, 2]."""
    first, last = _span(part, definition)
    told = np.isfinite(history.values[first:last, part.things, definition.windowed :]).any(axis=2)
    found = np.argwhere(told)
    found[:, 0] += first
    found[:, 1] = np.array(part.things)[found[:, 1]]
    return found


def newest_of(history: History, definition: Definition) -> FloatArray:
    """Of each optional channel the newest value at each cell, while it is not stale, as serving holds it
    [cells, things, optional]."""
    held = history.values[:, :, definition.windowed :].copy()
    at = np.arange(len(held))[:, None, None]
    for channel, stale_ms in enumerate(definition.optional_ms()):
        values = held[:, :, channel : channel + 1]
        newest = np.maximum.accumulate(np.where(np.isfinite(values), at, -1), axis=0)
        found = np.take_along_axis(values, np.maximum(newest, 0), axis=0)
        timely = (newest >= 0) & ((at - newest) * definition.resolution_s * 1000 <= stale_ms)
        held[:, :, channel : channel + 1] = np.where(timely, found, np.nan)
    return held


def _joined(pieces: Sequence[Samples]) -> Samples:
    return Samples(*(np.concatenate([getattr(piece, field.name) for piece in pieces]) for field in fields(Samples)))


def wear(windows: FloatArray, definition: Definition, rng: np.random.Generator) -> None:
    """Make windows [N, channels, cells] short, late, sparse or without a channel, in place."""
    count, channels, cells = windows.shape
    age = np.arange(cells - 1, -1, -1)[None, :]
    # Short: lengths spread evenly on a log scale, since the first minute matters as much as the last ten.
    length = np.where(rng.random(count) < _SHORT, np.exp(rng.uniform(0, np.log(cells), count)).astype(int), cells)
    late = rng.choice(_LATE_CELLS, p=_LATE_SHARES, size=count)
    every = np.where(rng.random(count) < _SPARSE, rng.choice(_SPARSE_EVERY, size=count), 1)
    lost = (age >= (length + late)[:, None]) | (age < late[:, None]) | ((age - late[:, None]) % every[:, None] != 0)
    windows[np.broadcast_to(lost[:, None, :], windows.shape)] = np.nan
    windows[rng.random((count, channels)) < _CHANNEL_MISSING] = np.nan


def _samples(
    windows: FloatArray,
    optional: FloatArray,
    truth: FloatArray,
    definition: Definition,
    plan: InputPlan,
    *,
    rivals: Rivals | None,
) -> Samples:
    own = windows[:, definition.output_channels(), :]
    held = np.isfinite(own)
    newest = own.shape[2] - 1 - np.argmax(held[:, :, ::-1], axis=2)
    persistence = np.take_along_axis(own, newest[:, :, None], axis=2)[:, :, 0]
    # What serving refuses as stale is no sample either.
    fresh = (own.shape[2] - 1 - newest) * definition.resolution_s <= definition.stale_after_s
    filled = np.where(held.any(axis=2), (own.shape[2] - np.argmax(held, axis=2)) * definition.resolution_s, 0)
    usable = held.any(axis=2) & fresh & np.isfinite(truth)
    others = np.empty((*truth.shape, 0), dtype=np.float32) if rivals is None else rivals(windows)
    return Samples(plan.compute(windows, optional), truth, persistence, filled.astype(np.float32), usable, others)
