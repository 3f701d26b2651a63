"""Many readings -> one merge per thing and interval: what Ditto gets of the stream.

Pure; time is passed in. The rules:

* **Last value by observation time wins.** A reading older than what the twin was sent (or is about to be sent) never
  reaches it.
* **Leading edge.** When a thing's interval has passed, the first reading goes out at once (after a short linger that
  lets the thing's other features of the same instant join it); what comes within the interval waits for its end.
* **Per feature.** A feature is sent once per its own interval (critical 1 s, slow 5 min, by setting), a thing once per
  the shortest; a merge takes along whatever of the thing is due.
* **Tolerance.** Intervals are taken a little shorter than stated, so that a 1 Hz device with jitter is never one
  reading behind.
* **Catching up.** Readings from a backlog (after a restart or an outage) take no leading edge: by the end of the
  interval the backlog's newest value has replaced them, and the twin does not run through the past.

Nothing pending is lost with the process: each pending value names the source record it came from, and `held` tells the
loop which offsets must stay uncommitted. Only the record of the latest value is needed again, so a slow feature that a
device reports every second holds back one second of offsets, not five minutes; a value whose device has fallen silent
is sent early after `hold_ms`, which bounds what a crash repeats. Memory: one small state per thing and feature.

* **Credit.** `take` sends no more merges than its caller allows (`ingest.flow`: what Ditto has room for). What is due
  waits in the order in which it fell due and keeps being replaced by newer values, so intervals widen evenly and a
  twin gets what is newest when its turn comes. `slow_stretch` widens the slow features before anything else waits.
* **Silence.** A feature whose interval, or that of its device where it is longer, has passed several times without a
  reading is sent once more, with the quality `stale`; its next reading says `good` again. What fell silent while
  nobody listened is told by the twin itself (`unheard`).

What the twins already hold (`known`, asked once for each feature) counts as sent: a late reading cannot go back behind
it after a restart either. Next: the twin topic.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Source = tuple[str, int, int]
"""Topic, partition and offset of the record that a value came from."""

_NEVER = -(2**62)


@dataclasses.dataclass(slots=True)
class Merge:
    """One merge to send: feature -> properties of one thing. `newest` is its latest observation (epoch ms)."""

    thing: str
    site: str
    features: dict[str, dict[str, Any]]
    newest: int


@dataclasses.dataclass(slots=True)
class _Feature:
    interval_ms: int
    newest: int = _NEVER
    sent_at: int = _NEVER
    arrived_at: int = 0
    not_before: int = _NEVER
    quality: str = "good"
    # Between two readings (ms), smoothed: 0 until there were two.
    rhythm_ms: int = 0
    stale: bool = False
    # Where the last reading came from.
    origin: tuple[str, int] = ("", 0)
    pending: dict[str, Any] | None = None
    sources: list[Source] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class _Thing:
    site: str
    features: dict[str, _Feature]
    # The thing's own interval runs until here.
    not_before: int = _NEVER
    # When it stands in the heap for; 0 when it does not.
    due: int = 0
    touched_ms: int = 0


class Coalescer:
    """Holds what the twins have yet to be sent. Not thread safe. Times in epoch milliseconds."""

    def __init__(
        self,
        interval_ms: Callable[[str], int],
        *,
        thing_interval_ms: int = 1000,
        tolerance: float = 0.15,
        linger_ms: int = 20,
        catch_up_ms: int = 1000,
        hold_ms: int = 30_000,
        stale_after: float = 3.0,
        stale_grace_ms: int = 30_000,
        known: Callable[[str], Mapping[str, int]] = lambda thing: {},
    ) -> None:
        """`interval_ms` tells a feature's interval by its name; `thing_interval_ms` is the least between two merges.

        `stale_after`: intervals without a reading until a feature is stale, 0 for never; `stale_grace_ms` is granted
        while a device's rhythm is not known; `known` tells the observation times (epoch ms) that a twin holds.
        """
        self._interval_of = interval_ms
        self._thing_interval_ms = thing_interval_ms
        self._keep = 1.0 - tolerance
        self._linger_ms = linger_ms
        self._catch_up_ms = catch_up_ms
        self._hold_ms = hold_ms
        self._stale_after = stale_after
        self._stale_grace_ms = stale_grace_ms
        self._known = known
        self._things: dict[str, _Thing] = {}
        self._heap: list[tuple[int, str]] = []
        self._waiting: set[str] = set()
        # Things whose silence is still to be looked at in this round.
        self._round: list[str] = []
        # All intervals are this many times as long, those of slow features at least `slow_stretch` times.
        self.stretch = 1.0
        self.slow_stretch = 1.0

    def retime(self, interval_ms: Callable[[str], int], thing_interval_ms: int) -> None:
        """Take other intervals, from each thing's next merge on."""
        self._interval_of = interval_ms
        self._thing_interval_ms = thing_interval_ms
        for state in self._things.values():
            for name, one in state.features.items():
                one.interval_ms = interval_ms(name)

    def __len__(self) -> int:
        """How many things have something pending."""
        return len(self._waiting)

    def offer(
        self,
        thing: str,
        site: str,
        feature: str,
        observed_at: int,
        values: dict[str, Any],
        *,
        quality: str,
        now: int,
        source: Source,
        backlog: bool = False,
    ) -> bool:
        """Take a reading; False when it is late, that is older than what the twin has or is about to be sent.

        The caller gives `values` away. `backlog` says that the record has waited in Kafka rather than just arrived.
        """
        state = self._things.get(thing)
        if state is None:
            state = self._things[thing] = _Thing(site, {})
        one = state.features.get(feature)
        if one is None:
            newest = self._known(thing).get(feature, _NEVER)
            one = state.features[feature] = _Feature(self._interval_of(feature), newest)
        if observed_at < one.newest:
            return False
        if one.arrived_at and not backlog:
            gap = now - one.arrived_at
            one.rhythm_ms = gap if one.rhythm_ms == 0 else (3 * one.rhythm_ms + gap) >> 2
        one.newest = observed_at
        one.arrived_at = now
        one.origin = source[:2]
        one.quality = quality
        one.stale = False
        pending = one.pending
        if pending is None:
            one.pending = values
            one.sources = [source]
            one.not_before = now + (self._catch_up_ms if backlog else self._linger_ms)
        elif values.keys() >= pending.keys():
            # All of what waited is superseded, and with it the need to see its record again.
            one.pending = values
            one.sources = [source]
        else:
            pending.update(values)
            one.sources = _least([*one.sources, source])
        state.touched_ms = now
        due = self._due(state, one)
        if state.due == 0 or due < state.due:
            state.due = due
            heapq.heappush(self._heap, (due, thing))
        self._waiting.add(thing)
        return True

    def next_due(self) -> int | None:
        """When the next merge is due (epoch ms), None when nothing is pending. May be early, never late."""
        return self._heap[0][0] if self._heap else None

    def take(self, now: int, limit: int | None = None) -> list[Merge]:
        """The merges that are due, at most `limit`, those that have waited longest; they are pending no longer."""
        merges: list[Merge] = []
        while self._heap and self._heap[0][0] <= now and (limit is None or len(merges) < limit):
            due, name = heapq.heappop(self._heap)
            state = self._things.get(name)
            if state is None or state.due != due:
                continue
            state.due = 0
            merge = self._collect(name, state, now)
            if merge is not None:
                merges.append(merge)
            self._reschedule(name, state)
        return merges

    def drain(self, now: int) -> list[Merge]:
        """Everything pending, whether due or not: before a graceful stop."""
        merges = []
        for name in list(self._waiting):
            state = self._things[name]
            merge = self._collect(name, state, now, everything=True)
            if merge is not None:
                merges.append(merge)
            state.due = 0
        self._waiting.clear()
        self._heap.clear()
        return merges

    def silence(self, now: int, share: float = 1.0) -> int:
        """Make features stale of which nothing has come for too long; how many.

        Looks at a `share` of all things, the next ones each time, so that a look takes no noticeable time.
        """
        if not self._stale_after:
            return 0
        if not self._round:
            self._round = list(self._things)
        count = max(1, math.ceil(len(self._things) * share))
        names, self._round = self._round[-count:], self._round[:-count]
        found = 0
        for name in names:
            state = self._things.get(name)
            if state is None:
                continue
            for one in state.features.values():
                # Most have just been heard of.
                quiet = now - one.arrived_at
                if quiet <= one.interval_ms or one.stale or not one.interval_ms or not one.arrived_at:
                    continue
                allowed = int(self._stale_after * max(one.interval_ms, one.rhythm_ms))
                if not one.rhythm_ms:
                    allowed = max(allowed, self._stale_grace_ms)
                if quiet <= allowed:
                    continue
                one.stale = True
                one.quality = "stale"
                found += 1
                if one.pending is None:
                    one.pending = {}
                    one.not_before = now
                    self._reschedule(name, state)
                    self._waiting.add(name)
        return found

    def unheard(self, thing: str, feature: str, observed_at: int, *, site: str, now: int, allowed_ms: int) -> bool:
        """Make a feature stale whose twin shows something old and of which nothing came since we began; whether so.

        `observed_at`: of what the twin shows; it may be `allowed_ms` old, or several intervals where those are longer.
        """
        state = self._things.get(thing)
        if state is not None and feature in state.features:
            return False
        interval = self._interval_of(feature)
        if not interval or not self._stale_after or now - observed_at <= max(allowed_ms, self._stale_after * interval):
            return False
        if state is None:
            state = self._things[thing] = _Thing(site, {}, touched_ms=now)
        state.features[feature] = _Feature(
            interval, observed_at, not_before=now, quality="stale", stale=True, pending={}
        )
        self._reschedule(thing, state)
        self._waiting.add(thing)
        return True

    def held(self) -> dict[tuple[str, int], int]:
        """Per topic and partition the lowest offset that pending values still need: commit no further than that."""
        lowest: dict[tuple[str, int], int] = {}
        for name in self._waiting:
            for one in self._things[name].features.values():
                if one.pending is None:
                    continue
                for topic, partition, offset in one.sources:
                    at = (topic, partition)
                    if offset < lowest.get(at, offset + 1):
                        lowest[at] = offset
        return lowest

    def drop(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Forget pending values that came from these partitions: their new owner reads the records again, and sending
        them from here as well could put an old value over its newer one."""
        gone = set(partitions)
        for name, state in list(self._things.items()):
            for feature, one in list(state.features.items()):
                if one.origin in gone or any(source[:2] in gone for source in one.sources):
                    # Also what is known of it: the new owner moves the twin on, and we do not see it.
                    del state.features[feature]
            if all(one.pending is None for one in state.features.values()):
                self._waiting.discard(name)
            if not state.features:
                del self._things[name]

    def forget(self, exists: Callable[[str], bool]) -> None:
        """Drop the state of things that are no more and have nothing pending: bounds memory."""
        for name in [name for name in self._things if name not in self._waiting and not exists(name)]:
            del self._things[name]

    def _due(self, state: _Thing, one: _Feature) -> int:
        """When a pending feature should go: its interval and the thing's are over, and its linger."""
        due = self._ripe(one)
        due = max(due, one.not_before)
        return state.not_before if state.not_before > due else due

    def _ripe(self, one: _Feature) -> int:
        """From when on a pending feature may go along with a merge of its thing, whether or not it has lingered."""
        interval = one.interval_ms
        stretch = self.stretch
        if interval > self._thing_interval_ms and self.slow_stretch > stretch:
            stretch = self.slow_stretch
        by_interval = one.sent_at + int(interval * stretch * self._keep)
        # A value whose device fell silent goes early, or its offset would hold back all commits.
        held_until = one.arrived_at + self._hold_ms
        return by_interval if by_interval < held_until else held_until

    def _collect(self, name: str, state: _Thing, now: int, everything: bool = False) -> Merge | None:
        features: dict[str, dict[str, Any]] = {}
        newest = _NEVER
        for feature, one in state.features.items():
            if one.pending is None or not (everything or self._ripe(one) <= now):
                continue
            properties = one.pending
            properties["quality"] = one.quality
            properties["observedAt"] = one.newest
            features[feature] = properties
            newest = max(newest, one.newest)
            one.pending = None
            one.sources = []
            one.sent_at = now
        if not features:
            return None
        state.not_before = now + int(self._thing_interval_ms * self.stretch * self._keep)
        return Merge(name, state.site, features, newest)

    def _reschedule(self, name: str, state: _Thing) -> None:
        due = 0
        for one in state.features.values():
            if one.pending is not None:
                at = self._due(state, one)
                due = at if due == 0 else min(due, at)
        state.due = due
        if due:
            heapq.heappush(self._heap, (due, name))
        else:
            self._waiting.discard(name)


def _least(sources: list[Source]) -> list[Source]:
    """One source per partition, the earliest: a pending value built up of many partial ones stays small."""
    lowest: dict[tuple[str, int], int] = {}
    for topic, partition, offset in sources:
        lowest[topic, partition] = min(offset, lowest.get((topic, partition), offset))
    return [(topic, partition, offset) for (topic, partition), offset in lowest.items()]
