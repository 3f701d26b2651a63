"""Predictions that wait for their time, and the readings that tell what came. Pure.

Of each series (model, thing, target, horizon) one prediction a minute is kept: scores need no more, and ten thousand
racks would fill the memory with the others. A prediction's truth is the first good reading at or after its time, not
later than `LATE_MS`; without one it is dropped, unscored.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from racktwin.messages import Prediction, Reading

EVERY_MS: Final = 60_000
LATE_MS: Final = 60_000
_KEPT: Final = 200

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
    """Takes predictions and readings in any order; gives scored ones."""

    def __init__(self) -> None:
        self._waiting: dict[Target, deque[Waiting]] = defaultdict(deque)
        self._newest: dict[Target, tuple[int, float]] = {}
        self._taken: dict[tuple[str, str, str, int], int] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._waiting.values())

    def predicted(self, p: Prediction) -> None:
        """Note a prediction; one whose reading of then is not known cannot be compared with persistence."""
        series = (p.model, p.thing, p.target, p.horizon_s)
        before = self._taken.get(series)
        if before is not None and 0 <= p.issued_at - before < EVERY_MS:
            return
        newest = self._newest.get((p.thing, p.target))
        if newest is None or abs(newest[0] - p.based_on) > LATE_MS:
            return
        self._taken[series] = p.issued_at
        queue = self._waiting[(p.thing, p.target)]
        if len(queue) >= _KEPT:
            queue.popleft()
            self.dropped += 1
        queue.append(Waiting(p.model, p.model_version, p.horizon_s, p.valid_at, p.value, p.lo, p.hi, newest[1]))

    def read(self, reading: Reading) -> Iterator[Scored]:
        """Take a reading; every prediction that it is the truth of comes out scored."""
        if reading.quality != "good":
            return
        for name, value in reading.values.items():
            if isinstance(value, str | bool):
                continue
            target = (reading.thing, f"{reading.feature}/{name}")
            before = self._newest.get(target)
            if before is None or reading.observed_at >= before[0] or reading.observed_at < before[0] - 10 * LATE_MS:
                self._newest[target] = (reading.observed_at, float(value))
            queue = self._waiting.get(target)
            if not queue:
                continue
            yield from self._due(target, queue, reading, float(value))

    def _due(self, target: Target, queue: deque[Waiting], reading: Reading, value: float) -> Iterator[Scored]:
        left: deque[Waiting] = deque()
        while queue:
            waiting = queue.popleft()
            late = reading.observed_at - waiting.valid_at
            if late < 0:
                left.append(waiting)
            elif late <= LATE_MS:
                yield Scored(
                    target[0], target[1], waiting, value, reading.observed_at, reading.kind, reading.room, reading.row
                )
            else:
                self.dropped += 1
        queue.extend(left)
