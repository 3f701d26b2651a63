"""Makes the stand-in as slow as a profile says: a server that works on one operation at a time, and a queue before it.

Nothing is refused and nothing is late for show: an operation waits until those before it are done, and at least for
its own cost, one over its rate. HTTP and Kafka share the server fairly: while both wait, each gets half of the time,
in the order in which its operations came. Without a profile nothing waits. Next: :mod:`ditto_lite.rates` holds the
numbers; HTTP handlers and :mod:`ditto_lite.kafka_link` wait here before they execute.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from ditto_lite.rates import FROM_KAFKA, Operation, Profile

# Shorter waits than this are saved up: timers are no finer.
_TICK_S: Final = 0.002
# Depth of the bucket: how far the server may catch up after a pause. It makes up for the time that the stand-in itself
# needs for what it was let do, which a batch from Kafka spends between two turns.
CATCH_UP_S: Final = 0.25

Sleep = Callable[[float], Awaitable[object]]


class _Lane:
    """Operations of one origin that wait, oldest first, and the server's time that the lane has had."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[float, float, asyncio.Future[None]]] = deque()
        self.used_s = 0.0


class Pace:
    """The one server of a profile."""

    def __init__(
        self, profile: Profile | None, now: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        """``now`` gives seconds of a clock that only goes forward."""
        self.profile = profile
        self._now = now
        self._sleep = sleep
        self._lanes = {False: _Lane(), True: _Lane()}
        self._free_at = 0.0
        self._server: asyncio.Task[None] | None = None

    async def turn(self, operation: Operation, amount: int = 1) -> None:
        """Return when the server is through with ``amount`` operations of a kind."""
        if self.profile is None:
            return
        lane = self._lanes[operation in FROM_KAFKA]
        if not lane.waiting:
            # A lane that was idle saved nothing up for itself.
            lane.used_s = max(
                lane.used_s, min((each.used_s for each in self._lanes.values() if each.waiting), default=0)
            )
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        each_s = 1 / self.profile.per_s[operation]
        lane.waiting.append((amount * each_s, self._now() + each_s, done))
        if self._server is None:
            self._server = asyncio.create_task(self._serve(), name="pace")
        await done

    async def _serve(self) -> None:
        self._free_at = max(self._free_at, self._now() - CATCH_UP_S)
        try:
            while busy := [lane for lane in self._lanes.values() if lane.waiting]:
                lane = min(busy, key=lambda each: each.used_s)
                cost, earliest, done = lane.waiting[0]
                self._free_at += cost
                if (ahead := max(self._free_at, earliest) - self._now()) > _TICK_S:
                    await self._sleep(ahead)
                lane.waiting.popleft()
                lane.used_s += cost
                if not done.done():
                    done.set_result(None)
        finally:
            self._server = None

    async def indexed(self) -> None:
        """Return when what is durable now would be found by a search."""
        if self.profile is not None:
            await self._sleep(self.profile.search_lag_s)

    def outlet(self) -> Outlet | None:
        """A buffer for the events of one connection; None when nothing limits them."""
        return None if self.profile is None else Outlet(self.profile, self._now)

    def close(self) -> None:
        """Stop serving; what waits is abandoned."""
        if self._server is not None:
            self._server.cancel()
        for lane in self._lanes.values():
            for _, _, done in lane.waiting:
                done.cancel()


class Outlet:
    """Events of one connection on their way out: sent at a rate, dropped while the buffer is full. No I/O."""

    def __init__(self, profile: Profile, now: Callable[[], float]) -> None:
        self._each_s = 1 / profile.events_per_s
        self._buffered_s = profile.events_buffered * self._each_s
        self._now = now
        self._free_at = 0.0

    def admit(self) -> float | None:
        """Seconds until an event that comes now is sent; None when it is dropped."""
        now = self._now()
        start = max(self._free_at, now)
        if start - now >= self._buffered_s:
            return None
        self._free_at = start + self._each_s
        return self._free_at - now
