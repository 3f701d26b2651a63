"""How many merges Ditto has room for: a window over what lies between us and it. Pure; one per site.

Ditto says nothing about its load, but its consumer group does: what is on the twin topic beyond the group's committed
offsets has not been applied. We let at most a window of records lie there and keep the rest in the coalescer, where
newer values replace older ones; a queue in Kafka would be worked through value by value. The window is the rate at
which Ditto commits times the target time. If records come back sooner than that, the next window is larger, until they
take just the target time: then Ditto is at its limit. So a fast Ditto is not held back, a slow one is kept busy and no
more, and one that is away finds a window's worth when it returns.

Rate and age are judged when the group commits, because between two commits (a real Ditto commits once per 1000 records
or 10 s) applied and waiting records look the same. Several replicas share a window by what each of them sends.
A group that never committed anything limits nothing: nobody may be listening under that name.
Next: `ingest.work` spends the credit; `ingest.pressure` observes.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping
from typing import Final

# Least time between the two commits that a rate is taken from (ms).
_RATE_OVER_MS: Final = 1000
# How fast another replica's share is noticed: what is kept of the counts at each observation.
_SHARE_KEPT: Final = 0.9
_LEAST_SHARE: Final = 0.05
_KEPT: Final = 2400


@dataclasses.dataclass(frozen=True, slots=True)
class Offsets:
    """What a site's twin topic looked like at `at_ms` (epoch ms): partition -> offset. Uncommitted ones are absent."""

    at_ms: int
    end: Mapping[int, int]
    committed: Mapping[int, int]


class TwinFlow:
    """The window of one site. Not thread safe. Times in ms of one clock."""

    def __init__(
        self,
        *,
        target_ms: int = 2000,
        least: int = 1500,
        most: int = 1_000_000,
        commit_ms: int = 12_000,
        trickle_ms: int = 60_000,
    ) -> None:
        """`target_ms`: the age that the queue should not exceed; `least`, `most`: bounds of the window in records.

        `commit_ms`: the longest pause between two commits of a Ditto that works; `trickle_ms`: when nothing moves for
        so long, each thing is let through once, later again after twice as long, and so on.
        """
        self._target_ms = target_ms
        self._least = least
        self._most = most
        self._commit_ms = commit_ms
        self._trickle_ms = trickle_ms
        self._ends: dict[int, deque[tuple[int, int]]] = {}
        # When the sum of the committed offsets changed, and to what.
        self._totals: deque[tuple[int, int]] = deque()
        self._moved_at: int | None = None
        self._trickle_at = 0
        self._trickle_pause = trickle_ms
        self._mine = 0.0
        self._all = 0.0
        self._end_before: int | None = None
        self._sent = 0
        self._credit: float | None = None
        self.window = float(least)
        # Records on the topic that Ditto's group has not committed, and the age of the oldest when last judged (ms).
        self.queued = 0
        self.age_ms = 0
        # Whether Ditto's group has ever committed; if not, nothing is limited.
        self.known = False

    def credit(self) -> int | None:
        """Merges that may be sent now; None for as many as there are."""
        return None if self._credit is None else max(0, int(self._credit))

    def spent(self, count: int) -> None:
        """Count merges that were sent."""
        self._sent += count
        if self._credit is not None:
            self._credit -= count

    def stalled(self, now: int) -> bool:
        """Whether records wait and Ditto's group has not moved for longer than it may take between two commits."""
        return self.queued > 0 and self._moved_at is not None and now - self._moved_at > self._commit_ms

    def observe(self, seen: Offsets, things: int) -> None:
        """Take an observation; `things` is how many have something pending."""
        if not seen.committed:
            self._credit = None
            self.known = False
            self._count_share(seen)
            return
        now = seen.at_ms
        self.known = True
        moved = self._remember(seen)
        self._count_share(seen)
        if moved or self.queued == 0:
            self._moved_at = now
            self._trickle_pause = self._trickle_ms
            self._trickle_at = now + self._trickle_ms
            rate = self._rate()
            if rate is not None:
                self.window = min(max(rate * self._target_ms, float(self._least)), float(self._most))
        if moved or self.stalled(now):
            self.age_ms = self._age(seen)
        room = (self.window - self.queued) * self._share()
        if self.stalled(now) and now >= self._trickle_at:
            room = max(room, float(things))
            self._trickle_pause *= 2
            self._trickle_at = now + self._trickle_pause
        self._credit = max(0.0, room)

    def _remember(self, seen: Offsets) -> bool:
        """Keep what later observations are compared with; whether Ditto's group has moved."""
        now = seen.at_ms
        total = sum(seen.committed.values())
        moved = not self._totals or total != self._totals[-1][1]
        if moved:
            self._totals.append((now, total))
            while len(self._totals) > 2 and now - self._totals[1][0] >= _RATE_OVER_MS:
                self._totals.popleft()
        self.queued = 0
        for partition, end in seen.end.items():
            history = self._ends.setdefault(partition, deque(maxlen=_KEPT))
            if not history or history[-1][1] != end:
                history.append((now, end))
            done = seen.committed.get(partition)
            if done is None:
                # Nothing of this partition was ever committed: its oldest record is as old as we have seen it.
                done = history[0][1]
            self.queued += max(0, end - done)
            # The last observation that is applied as a whole stays: what came after it is younger than that.
            while len(history) > 1 and history[1][1] <= done:
                history.popleft()
        return moved

    def _age(self, seen: Offsets) -> int:
        oldest = seen.at_ms
        for partition, history in self._ends.items():
            end = seen.end.get(partition)
            done = seen.committed.get(partition, history[0][1])
            if end is not None and end > done:
                first = next((at for at, value in history if value > done), seen.at_ms)
                oldest = min(oldest, first)
        return seen.at_ms - oldest

    def _rate(self) -> float | None:
        """Records that Ditto commits per ms, from one commit to another; None while that is not known."""
        (since, before), (now, after) = self._totals[0], self._totals[-1]
        return (after - before) / (now - since) if now > since and after > before else None

    def _count_share(self, seen: Offsets) -> None:
        end = sum(seen.end.values())
        if self._end_before is not None:
            self._mine = self._mine * _SHARE_KEPT + self._sent
            self._all = self._all * _SHARE_KEPT + max(0, end - self._end_before)
        self._end_before = end
        self._sent = 0

    def _share(self) -> float:
        if self._all < 1:
            return 1.0
        return min(1.0, max(_LEAST_SHARE, self._mine / self._all))
