"""Predictions that wait for their time, and the readings that tell what came. Pure.

Each series (thing, target, model, version, horizon) has a queue in the order of time, so that a reading costs what it
is the truth of, however much waits. What persistence would have said is the reading that a prediction rests on; one
that is read before that reading, as after a start, waits for it. A prediction's truth is the first good reading at or
after its time, not later than `LATE_MS`; without one it is dropped, unscored.

A prediction that is told again is scored once: while it waits it is found by its time, and afterwards its truth is
past. Ten million wait on a large site, so each is packed (`queues`), its series by number, and names are kept once.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from racktwin.messages import Prediction, Reading
from scorecard import queues

LATE_MS: Final = 60_000
# A reading that is so much older than the newest tells of a clock that was set back.
_SET_BACK_MS: Final = 10 * LATE_MS
# Of a series: one each second for nearly three hours, a quarter of a MiB.
_KEPT: Final = 10_000
# Targets whose newest reading is known though nothing has been predicted of their like: servers have millions.
_STRANGERS: Final = 100_000

Target = tuple[str, str]  # thing, feature/property
Queues = dict[Target, dict[int, bytearray]]  # of each series by its number


@dataclass(slots=True)
class Waiting:
    """One prediction and what persistence said at the time it was made."""

    model: str
    version: str
    horizon_s: int
    valid_at: int
    value: float
    lo: float
    hi: float
    persistence: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A prediction whose time has come. `kind`, `room`, `row`: of its thing, from the reading that was its truth."""

    thing: str
    target: str
    waited: Waiting
    truth: float
    at_ms: int
    kind: str
    room: str | None
    row: str | None


class Ledger:
    """Takes predictions and readings; gives scored ones. Predictions may be ahead of their readings by any time, and
    behind them by a minute."""

    def __init__(self, every_ms: int = 0, kept: int = _KEPT) -> None:
        """``every_ms``: of each series one prediction in so long is scored, 0 for every one; ``kept``: most that wait
        of a series."""
        self._every_ms, self._most = every_ms, kept * queues.SIZE
        self._waiting: Queues = {}
        # Whose reading has not been read yet.
        self._early: Queues = {}
        self._newest: dict[Target, tuple[int, float]] = {}
        # Names of what is predicted.
        self._predicted: set[str] = set()
        # When the last one of a series was made that is scored; only where not all are.
        self._taken: dict[tuple[str, Target, int], int] = {}
        # Model, version, horizon (s) by number.
        self._series: list[tuple[str, str, int]] = []
        self._numbers: dict[tuple[str, str, int], int] = {}
        self.dropped = 0
        """Predictions that can no longer be scored: without a reading at their time or of then, too late, too many."""

    def __len__(self) -> int:
        bytes_held = sum(
            len(queue) for of in (self._early, self._waiting) for mine in of.values() for queue in mine.values()
        )
        return bytes_held // queues.SIZE

    def predicted(self, p: Prediction, scored_until: int = 0) -> None:
        """Note a prediction; one whose reading of then is not known cannot be compared with persistence. One that was
        surely scored by `scored_until` (epoch ms UTC), as it was due long enough before, does not wait again."""
        # Its truth came within a minute, and was read within another.
        if p.valid_at < scored_until - 2 * LATE_MS:
            return
        target = (sys.intern(p.thing), sys.intern(p.target))
        newest = self._newest.get(target)
        if newest is not None and (newest[0] - p.based_on > LATE_MS or newest[0] >= p.valid_at):
            self.dropped += 1
            return
        if self._every_ms:
            series = (sys.intern(p.model), target, p.horizon_s)
            before = self._taken.get(series)
            if before is not None and abs(p.issued_at - before) < self._every_ms:
                return
            self._taken[series] = p.issued_at
        self._predicted.add(target[1])
        try:
            if newest is not None and p.based_on - newest[0] <= LATE_MS:
                waiting = queues.WAITING.pack(p.valid_at, p.value, p.lo, p.hi, newest[1])
                self._wait(target, self._number(p), waiting)
            else:
                ahead_ms = p.valid_at - p.based_on
                early = queues.EARLY.pack(p.based_on, p.value, p.lo, p.hi, ahead_ms)
                self._wait_early(target, self._number(p), early)
        except (struct.error, OverflowError):
            # A time that is none, or a number.
            self.dropped += 1

    def read(self, reading: Reading) -> Iterator[Scored]:
        """Take a reading; every prediction that it is the truth of comes out scored."""
        if reading.quality != "good":
            return
        at = reading.observed_at
        for name, number in reading.values.items():
            if isinstance(number, str | bool):
                continue
            target = (sys.intern(reading.thing), sys.intern(f"{reading.feature}/{name}"))
            try:
                value = queues.single(number)
            except OverflowError:
                # Of no sensor.
                continue
            before = self._newest.get(target)
            if target in self._early:
                self._rest_on(target, before, (at, value))
            if before is None:
                if target[1] in self._predicted or len(self._newest) < _STRANGERS:
                    self._newest[target] = (at, value)
            elif at >= before[0] or at < before[0] - _SET_BACK_MS:
                self._newest[target] = (at, value)
            if target in self._waiting:
                yield from self._due(target, reading, value)

    def _wait(self, target: Target, number: int, waiting: bytes) -> None:
        """It waits for its truth. Of too many those go on that are due first, or none would ever be."""
        queue = _of(self._waiting, target, number)
        if queues.put(queue, waiting, queues.SIZE) and len(queue) > self._most:
            del queue[-queues.SIZE :]
            self.dropped += 1

    def _wait_early(self, target: Target, number: int, early: bytes) -> None:
        """It waits for the reading that it rests on. Of too many the oldest goes: readings may never come."""
        queue = _of(self._early, target, number)
        # Of those that rest on one reading each is valid at another time.
        if queues.put(queue, early, queues.SIZE - 4) and len(queue) > self._most:
            del queue[: queues.SIZE]
            self.dropped += 1

    def _rest_on(self, target: Target, before: tuple[int, float] | None, now: tuple[int, float]) -> None:
        """Predictions that rest on what was read before this reading, or on this one, begin to wait for their time."""
        mine = self._early[target]
        for number in [number for number, queue in mine.items() if queues.first(queue) <= now[0]]:
            queue = mine[number]
            for based_on, value, lo, hi, ahead_ms in queues.EARLY.iter_unpack(queues.take(queue, now[0])):
                known = before is not None and 0 <= based_on - before[0] <= LATE_MS and based_on < now[0]
                of_then = before if known and before is not None else now
                if of_then[0] - based_on > LATE_MS:
                    self.dropped += 1
                    continue
                self._wait(target, number, queues.WAITING.pack(based_on + ahead_ms, value, lo, hi, of_then[1]))
            if not queue:
                del mine[number]
        if not mine:
            del self._early[target]

    def _due(self, target: Target, reading: Reading, truth: float) -> Iterator[Scored]:
        mine, at = self._waiting[target], reading.observed_at
        for number in [number for number, queue in mine.items() if queues.first(queue) <= at]:
            queue = mine[number]
            due = queues.take(queue, at)
            if not queue:
                del mine[number]
            model, version, horizon_s = self._series[number]
            for valid_at, value, lo, hi, naive in queues.WAITING.iter_unpack(due):
                if at - valid_at > LATE_MS:
                    self.dropped += 1
                    continue
                waited = Waiting(model, version, horizon_s, valid_at, value, lo, hi, naive)
                yield Scored(target[0], target[1], waited, truth, at, reading.kind, reading.room, reading.row)
        if not mine:
            del self._waiting[target]

    def _number(self, p: Prediction) -> int:
        series = (p.model, p.model_version, p.horizon_s)
        number = self._numbers.get(series)
        if number is None:
            number = self._numbers[series] = len(self._series)
            self._series.append(series)
        return number


def _of(waiting: Queues, target: Target, number: int) -> bytearray:
    """The queue of a series; it is about to hold something."""
    mine = waiting.get(target)
    if mine is None:
        mine = waiting[target] = {}
    queue = mine.get(number)
    if queue is None:
        queue = mine[number] = bytearray()
    return queue
