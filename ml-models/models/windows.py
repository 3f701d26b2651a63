"""Windows of recent readings: one ring of cells per thing and channel, in a few flat numpy arrays.

A channel is one property of one feature (say, the top inlet temperature). Time is cut into cells of equal length; a
cell keeps the newest reading that fell into it, ties going to the larger value. That merge is commutative,
associative and idempotent, so a window depends on the set of readings alone: not on their order, nor on how often one
was delivered.

What this module does not do: decide which readings come here (`runner.intake`) or what is computed from a window
(`models.statistics`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

_NEVER = -1
# A device's clock may run ahead of ours by this much; its readings wait in the ring until our clock reaches them.
FUTURE_TOLERANCE_MS = 60_000


@dataclass(frozen=True)
class Snapshot:
    """The windows of N things as they stand at one instant.

    `values`: float32 [N, channels, cells], newest cell last, NaN where a cell holds no usable reading.
    `newest_ms`: int64 [N, channels], time of the newest reading in the window, -1 if there is none.
    `newest`: float32 [N, channels], its value; NaN when that reading was not usable (quality not good) or absent.
    `optional`: float32 [N, optional channels], newest value, NaN when there is none, it is too old or not usable.
    """

    values: FloatArray
    newest_ms: IntArray
    newest: FloatArray
    optional: FloatArray


class WindowStore:
    """Windows of many things; grows as things appear. Not thread-safe: one owner.

    `channels` per thing, `cells` per window, `cell_ms` the length of a cell in milliseconds. Beside them the newest
    value of each optional channel, numbered after the others; `optional_ms`: how old each of them may be.
    """

    def __init__(
        self, channels: int, cells: int, cell_ms: int, capacity: int = 64, optional_ms: Sequence[int] = ()
    ) -> None:
        if min(channels, cells, capacity) < 1 or cell_ms < 1000:
            raise ValueError("channels, cells and capacity must each be at least 1, cell_ms at least 1000")
        self.channels = channels
        self.cells = cells
        self.cell_ms = cell_ms
        # The ring is longer than the window by the clock tolerance, so that a reading from just ahead of our clock
        # does not overwrite the oldest cell that is still in the window.
        self._ring = cells + FUTURE_TOLERANCE_MS // cell_ms + 2
        # The number of a cell since the epoch fits 32 bits for cells of a second and more.
        self._cell = np.full((capacity, channels, self._ring), _NEVER, dtype=np.int32)
        self._offset = np.zeros((capacity, channels, self._ring), dtype=np.int32)
        self._value = np.full((capacity, channels, self._ring), np.nan, dtype=np.float32)
        # Time of the newest reading ever taken, per thing and channel: what is due and what is stale is asked often.
        self._newest_ms = np.full((capacity, channels), _NEVER, dtype=np.int64)
        self._optional_ms = np.array(optional_ms, dtype=np.int64)
        self._optional_at = np.full((capacity, len(optional_ms)), _NEVER, dtype=np.int64)
        self._optional = np.full((capacity, len(optional_ms)), np.nan, dtype=np.float32)
        self._used = np.zeros(capacity, dtype=np.bool_)
        self._slots: dict[str, int] = {}
        self._free = list(range(capacity - 1, -1, -1))

    def used(self, slots: IntArray) -> IntArray:
        """Those of these rows that belong to a thing."""
        kept: IntArray = slots[self._used[slots]]
        return kept

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, thing: str) -> bool:
        return thing in self._slots

    def slot(self, thing: str) -> int:
        """The row of `thing`, made if new."""
        slot = self._slots.get(thing)
        if slot is None:
            if not self._free:
                self._grow()
            slot = self._free.pop()
            self._slots[thing] = slot
            self._used[slot] = True
        return slot

    def drop(self, things: Iterable[str]) -> None:
        """Forget these things and their readings; unknown ones are ignored."""
        for thing in things:
            slot = self._slots.pop(thing, None)
            if slot is not None:
                self._cell[slot] = _NEVER
                self._newest_ms[slot] = _NEVER
                self._optional_at[slot] = _NEVER
                self._optional[slot] = np.nan
                self._used[slot] = False
                self._free.append(slot)

    def add(self, slots: IntArray, channels: IntArray, times_ms: IntArray, values: FloatArray, now_ms: int) -> int:
        """Merge readings, given as four arrays of equal length; a NaN value says "a reading that must not be used".

        Readings older than the window, or ahead of `now_ms` by more than the tolerance, are left out.
        Returns how many were left out for their time.
        """
        if len(self._optional_ms) and (beside := channels >= self.channels).any():
            left_out = self._add_optional(
                slots[beside], channels[beside] - self.channels, times_ms[beside], values[beside], now_ms
            )
            rest = ~beside
            return left_out + self.add(slots[rest], channels[rest], times_ms[rest], values[rest], now_ms)
        newest = now_ms // self.cell_ms
        cells = times_ms // self.cell_ms
        in_time = (cells > newest - self.cells) & (times_ms <= now_ms + FUTURE_TOLERANCE_MS)
        left_out = int(len(times_ms) - np.count_nonzero(in_time))
        if left_out:
            slots, channels, times_ms, cells = (array[in_time] for array in (slots, channels, times_ms, cells))
            values = values[in_time]
        if len(times_ms) == 0:
            return left_out
        # Ascending by (time, value), NaN last: where one cell is written several times below, the last one, which is
        # the largest, stays. So an unusable reading beats a usable one of the same instant.
        order = np.lexsort((values, times_ms))
        where = (slots[order], channels[order], cells[order] % self._ring)
        cells, values = cells[order], values[order]
        offsets = (times_ms[order] - cells * self.cell_ms).astype(np.int32)
        latest = (now_ms + FUTURE_TOLERANCE_MS) // self.cell_ms
        wins = self._beats(cells, offsets, values, where, latest)
        where = (where[0][wins], where[1][wins], where[2][wins])
        self._cell[where] = cells[wins]
        self._offset[where] = offsets[wins]
        self._value[where] = values[wins]
        newest_before = self._newest_ms[slots, channels]
        ahead = newest_before > now_ms + FUTURE_TOLERANCE_MS
        self._newest_ms[slots[ahead], channels[ahead]] = _NEVER
        np.maximum.at(self._newest_ms, (slots, channels), times_ms)
        return left_out

    def newest_ms(self, slots: IntArray) -> IntArray:
        """Time of the newest reading of each channel, int64 [N, channels], -1 if there was none."""
        newest: IntArray = self._newest_ms[slots]
        return newest

    def snapshot(self, slots: IntArray, now_ms: int) -> Snapshot:
        """The windows of these rows whose newest cell is the one that holds `now_ms`."""
        wanted = now_ms // self.cell_ms - np.arange(self.cells - 1, -1, -1, dtype=np.int64)
        first = int(wanted[0] % self._ring)
        held = self._columns(self._cell, slots, first) == wanted.astype(np.int32)
        # Within the newest cell a reading may still lie ahead of now by less than a cell: it counts as now.
        values = np.where(held, self._columns(self._value, slots, first), np.float32(np.nan))
        last = self.cells - 1 - np.argmax(held[:, :, ::-1], axis=2)
        any_held = held.any(axis=2)
        offsets = self._offset[slots[:, None], np.arange(self.channels)[None, :], (first + last) % self._ring]
        newest_ms = wanted[last] * self.cell_ms + offsets
        newest = np.take_along_axis(values, last[:, :, None], axis=2)[:, :, 0]
        at = self._optional_at[slots]
        timely = (at >= now_ms - self._optional_ms) & (at <= now_ms + FUTURE_TOLERANCE_MS)
        optional = np.where(timely, self._optional[slots], np.float32(np.nan))
        return Snapshot(values, np.where(any_held, newest_ms, _NEVER), newest, optional)

    def _add_optional(
        self, slots: IntArray, which: IntArray, times_ms: IntArray, values: FloatArray, now_ms: int
    ) -> int:
        """Keep the newest of each, as `add` does; how many were left out for their time."""
        in_time = (times_ms >= now_ms - self._optional_ms[which]) & (times_ms <= now_ms + FUTURE_TOLERANCE_MS)
        slots, which, times_ms = (array[in_time] for array in (slots, which, times_ms))
        values = values[in_time]
        order = np.lexsort((values, times_ms))
        where = (slots[order], which[order])
        times, values = times_ms[order], values[order]
        held_at, held = self._optional_at[where], self._optional[where]
        larger = (values > held) | (np.isnan(values) & ~np.isnan(held))
        wins = (times > held_at) | ((times == held_at) & larger) | (held_at > now_ms + FUTURE_TOLERANCE_MS)
        where = (where[0][wins], where[1][wins])
        self._optional_at[where], self._optional[where] = times[wins], values[wins]
        return int(len(in_time) - np.count_nonzero(in_time))

    def _columns(self, ring: npt.NDArray[Any], slots: IntArray, first: int) -> npt.NDArray[Any]:
        """One window's length of these rows from column `first` on, round the ring's end: slices, as they copy
        fastest.
        """
        past_end = first + self.cells - self._ring
        if past_end <= 0:
            return ring[slots, :, first : first + self.cells]
        return np.concatenate([ring[slots, :, first:], ring[slots, :, :past_end]], axis=2)

    def _beats(
        self,
        cells: IntArray,
        offsets: npt.NDArray[np.int32],
        values: FloatArray,
        where: tuple[IntArray, IntArray, IntArray],
        latest: int,
    ) -> npt.NDArray[np.bool_]:
        held_cell, held_offset, held_value = self._cell[where], self._offset[where], self._value[where]
        larger = (values > held_value) | (np.isnan(values) & ~np.isnan(held_value))
        later = (offsets > held_offset) | ((offsets == held_offset) & larger)
        beats: npt.NDArray[np.bool_] = (cells > held_cell) | ((cells == held_cell) & later)
        # What lies in the future was written before our clock was set back: nobody waits until it comes true.
        beats |= held_cell > latest
        return beats

    def _grow(self) -> None:
        old = self._cell.shape[0]
        more = (old, self.channels, self._ring)
        self._cell = np.concatenate([self._cell, np.full(more, _NEVER, dtype=np.int32)])
        self._offset = np.concatenate([self._offset, np.zeros(more, dtype=np.int32)])
        self._value = np.concatenate([self._value, np.full(more, np.nan, dtype=np.float32)])
        beside = (old, len(self._optional_ms))
        self._optional_at = np.concatenate([self._optional_at, np.full(beside, _NEVER, dtype=np.int64)])
        self._optional = np.concatenate([self._optional, np.full(beside, np.nan, dtype=np.float32)])
        self._used = np.concatenate([self._used, np.zeros(old, dtype=np.bool_)])
        self._newest_ms = np.concatenate([self._newest_ms, np.full((old, self.channels), _NEVER, dtype=np.int64)])
        self._free.extend(range(2 * old - 1, old - 1, -1))
