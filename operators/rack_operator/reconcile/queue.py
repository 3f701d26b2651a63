"""A work queue of resource keys: each key at most once, never two workers on one key, retries with backoff.

Watches and sweeps ask for the same keys, often and at once: work on one is never done twice at a time. It knows
nothing of what a key means. Next: `controller`, whose workers take keys from here.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """Keys that wait for work, now or later.

    A key added while it is worked on is worked on once more afterwards. `jitter` returns a number
    in [0, 1); times are the event loop's, in seconds.
    """

    def __init__(self, *, first_s: float, longest_s: float, jitter: Callable[[], float]) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._ready: OrderedDict[K, None] = OrderedDict()
        self._active: set[K] = set()
        self._again: set[K] = set()
        self._later: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._order = itertools.count()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready) + len(self._due) + len(self._again)

    def failures(self, key: K) -> int:
        """How often in a row the key has failed."""
        return self._failures.get(key, 0)

    def add(self, key: K) -> None:
        """Asks for work on the key as soon as possible."""
        self._due.pop(key, None)
        if key in self._active:
            self._again.add(key)
        elif key not in self._ready:
            self._ready[key] = None
            self._wake.set()

    def add_after(self, key: K, delay_s: float) -> None:
        """Asks for work on the key after `delay_s`, unless it is asked for sooner."""
        at = asyncio.get_running_loop().time() + delay_s
        if key in self._ready or key in self._again or self._due.get(key, at + 1) <= at:
            return
        self._due[key] = at
        heapq.heappush(self._later, (at, next(self._order), key))
        self._wake.set()

    def retry(self, key: K) -> float:
        """Asks for work on a key that failed, later each time; returns the wait in seconds."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        # Half fixed, half random: failures of one cause must not come back in step.
        ceiling = min(self._longest_s, self._first_s * float(2 ** min(count, 30)))
        delay = ceiling / 2 + ceiling / 2 * self._jitter()
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Forgets the key's failures: it succeeded, or is gone."""
        self._failures.pop(key, None)

    async def take(self) -> K:
        """Waits for a key and marks it as worked on; `done` must follow."""
        while True:
            wait_s = self._promote()
            if self._ready:
                key, _ = self._ready.popitem(last=False)
                self._active.add(key)
                return key
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        """Ends the work on the key."""
        self._active.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _promote(self) -> float | None:
        """Moves what is due to the ready keys; returns the wait until the next, or None."""
        now = asyncio.get_running_loop().time()
        while self._later:
            at, _, key = self._later[0]
            if self._due.get(key) != at:
                heapq.heappop(self._later)  # Overtaken by `add` or an earlier date.
            elif at <= now:
                heapq.heappop(self._later)
                self.add(key)
            else:
                return at - now
        return None
