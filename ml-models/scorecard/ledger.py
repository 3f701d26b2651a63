"""Predictions that wait for their time, and the readings that tell what came. Pure.

Of each series (model, thing, target, horizon) one prediction a minute is kept: scores need no more, and ten thousand
racks would fill the memory with the others. What persistence would have said is the reading that a prediction rests on;
one that is read before that reading, as after a start, waits for it. A prediction's truth is the first good reading at
or after its time, not later than `LATE_MS`; without one it is dropped, unscored.

Millions wait after a start, so each is kept as packed bytes, its series by number, and names are kept once.
"""

from __future__ import annotations

import math
import struct
import sys
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from racktwin.messages import Prediction, Reading

EVERY_MS: Final = 60_000
LATE_MS: Final = 60_000
# Of a target: several models with several horizons each, one prediction a minute over what is read again at a start.
_KEPT: Final = 1000
# Valid at and based on (ms); value, lo, hi, what persistence said; number of the series.
_PACKED: Final = struct.Struct("<qqddddI")
_VALID_AT: Final = struct.Struct("<q")

Target = tuple[str, str]  # thing, feature/property


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

    def __init__(self) -> None:
        self._waiting: dict[Target, deque[bytes]] = defaultdict(deque)
        # Whose reading has not been read yet; the oldest first.
        self._early: dict[Target, deque[bytes]] = {}
        self._newest: dict[Target, tuple[int, float]] = {}
        self._taken: dict[tuple[str, Target, int], int] = {}
        # Model, version, horizon (s): of the packed by their number.
        self._series: list[tuple[str, str, int]] = []
        self._numbers: dict[tuple[str, str, int], int] = {}
        self.dropped = 0

    def __len__(self) -> int:
        early = sum(len(queue) for queue in self._early.values())
        return early + sum(len(queue) for queue in self._waiting.values())

    def predicted(self, p: Prediction, scored_until: int = 0) -> None:
        """Note a prediction; one whose reading of then is not known cannot be compared with persistence. One that was
        surely scored by `scored_until` (epoch ms UTC), as it was due long enough before, does not wait again."""
        target = (sys.intern(p.thing), sys.intern(p.target))
        series = (sys.intern(p.model), target, p.horizon_s)
        before = self._taken.get(series)
        if before is not None and 0 <= p.issued_at - before < EVERY_MS:
            return
        newest = self._newest.get(target)
        if newest is not None and newest[0] - p.based_on > LATE_MS:
            return
        self._taken[series] = p.issued_at
        # Its truth came within a minute, and was read within another.
        if p.valid_at < scored_until - 2 * LATE_MS:
            return
        naive = newest[1] if newest is not None else math.nan
        try:
            waiting = _PACKED.pack(p.valid_at, p.based_on, p.value, p.lo, p.hi, naive, self._number(p))
        except struct.error:
            # A time that is none.
            self.dropped += 1
            return
        if newest is not None and p.based_on - newest[0] <= LATE_MS:
            self._keep(self._waiting[target], waiting)
        else:
            self._keep(self._early.setdefault(target, deque()), waiting)

    def _keep(self, queue: deque[bytes], one: bytes) -> None:
        if len(queue) >= _KEPT:
            queue.popleft()
            self.dropped += 1
        queue.append(one)

    def read(self, reading: Reading) -> Iterator[Scored]:
        """Take a reading; every prediction that it is the truth of comes out scored."""
        if reading.quality != "good":
            return
        for name, value in reading.values.items():
            if isinstance(value, str | bool):
                continue
            target = (sys.intern(reading.thing), sys.intern(f"{reading.feature}/{name}"))
            before = self._newest.get(target)
            if target in self._early:
                self._rest_on(target, before, (reading.observed_at, float(value)))
            if before is None or reading.observed_at >= before[0] or reading.observed_at < before[0] - 10 * LATE_MS:
                self._newest[target] = (reading.observed_at, float(value))
            queue = self._waiting.get(target)
            if not queue:
                continue
            yield from self._due(target, queue, reading, float(value))

    def _rest_on(self, target: Target, before: tuple[int, float] | None, now: tuple[int, float]) -> None:
        """Predictions that rest on what was read before this reading, or on this one, begin to wait for their time."""
        early = self._early[target]
        while early:
            valid_at, based_on, value, lo, hi, _, number = _PACKED.unpack(early[0])
            if based_on > now[0]:
                break
            early.popleft()
            of_then = now if before is None or based_on == now[0] or based_on - before[0] > LATE_MS else before
            if abs(of_then[0] - based_on) > LATE_MS:
                self.dropped += 1
                continue
            rested = _PACKED.pack(valid_at, based_on, value, lo, hi, of_then[1], number)
            self._keep(self._waiting[target], rested)
        if not early:
            del self._early[target]

    def _due(self, target: Target, queue: deque[bytes], reading: Reading, value: float) -> Iterator[Scored]:
        left: list[bytes] = []
        while queue:
            packed = queue.popleft()
            late = reading.observed_at - _VALID_AT.unpack_from(packed)[0]
            if late < 0:
                left.append(packed)
            elif late <= LATE_MS:
                waiting = self._unpacked(packed)
                yield Scored(
                    target[0], target[1], waiting, value, reading.observed_at, reading.kind, reading.room, reading.row
                )
            else:
                self.dropped += 1
        queue.extend(left)

    def _number(self, p: Prediction) -> int:
        series = (p.model, p.model_version, p.horizon_s)
        number = self._numbers.get(series)
        if number is None:
            number = self._numbers[series] = len(self._series)
            self._series.append(series)
        return number

    def _unpacked(self, packed: bytes) -> Waiting:
        valid_at, _, value, lo, hi, naive, number = _PACKED.unpack(packed)
        model, version, horizon_s = self._series[number]
        return Waiting(model, version, horizon_s, valid_at, value, lo, hi, naive)
