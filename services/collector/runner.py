"""Drives the sources: reads each at its intervals, listens to those that speak, leaves failing ones alone for a while.

One task per device and interval; the starts are spread over the interval, so that a hundred devices are not asked in
one instant. A tick that comes while the one before still runs is left out and counted. Next: `collector.packs`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import structlog

from collector import metrics
from collector.backoff import Backoff
from collector.model import ConfigError, Emit, Listening, Polled, Reading, SourceError, speaks
from collector.points import Binding
from collector.sources import Made

# What a device may do wrong without being our mistake.
TROUBLE = (SourceError, ConfigError, OSError, TimeoutError, EOFError)


class Runner:
    """All sources, in one event loop."""

    def __init__(self, emit: Emit, log: structlog.stdlib.BoundLogger, rng: random.Random) -> None:
        """``emit`` takes what was read."""
        self._emit, self._log, self._rng = emit, log, rng
        self._good: dict[str, bool] = {}

    async def run(self, sources: Sequence[Made], stopped: asyncio.Event) -> None:
        """Until ``stopped`` is set; closes the sources."""
        tasks = [asyncio.create_task(work) for made in sources for work in self._work(made)]
        stopping = asyncio.create_task(stopped.wait())
        try:
            # A task of ours ends only by a mistake of ours, which must not pass in silence.
            await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *tasks):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for made in sources:
                with contextlib.suppress(*TROUBLE):
                    await made.source.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _work(self, made: Made) -> list[Any]:
        source = made.source
        if speaks(source):
            return [self._listen(made, source)]
        asked = cast("Polled", source)
        lock = asyncio.Lock()
        by_interval: dict[float, list[Binding[Any]]] = defaultdict(list)
        for binding in asked.bindings:
            by_interval[binding.interval_s].append(binding)
        return [self._poll(made, asked, due, interval, lock) for interval, due in sorted(by_interval.items())]

    async def _poll(
        self, made: Made, source: Polled, due: Sequence[Binding[Any]], interval: float, lock: asyncio.Lock
    ) -> None:
        backoff = Backoff(made.options.backoff_max_s, self._rng)
        seconds = metrics.READ_SECONDS.labels(made.protocol)
        skipped = metrics.SKIPPED.labels(made.protocol)
        # The same place in the interval at each start: samples of a device stay in step over restarts.
        phase = zlib.crc32(source.name.encode()) % 1000 / 1000 * min(interval, 10.0)
        next_at = time.monotonic() + phase
        while True:
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
            began = time.monotonic()
            try:
                async with lock, asyncio.timeout(made.options.timeout_s):
                    readings = await source.read(due)
            except TROUBLE as error:
                self._failed(made, error)
                with contextlib.suppress(*TROUBLE):
                    await source.close()
                next_at = time.monotonic() + max(interval, backoff.failed())
                continue
            took = time.monotonic() - began
            seconds.observe(took)
            backoff.good()
            self._works(made)
            self._take(made, readings)
            next_at += interval
            late = time.monotonic() - next_at
            if late > 0:
                missed = int(late / interval) + 1
                skipped.inc(missed)
                next_at += missed * interval

    async def _listen(self, made: Made, source: Listening) -> None:
        backoff = Backoff(made.options.backoff_max_s, self._rng)

        def take(readings: Sequence[Reading]) -> None:
            backoff.good()
            self._works(made)
            self._take(made, readings)

        while True:
            try:
                await source.listen(take)
                raise SourceError("the connection ended")
            except TROUBLE as error:
                self._failed(made, error)
            with contextlib.suppress(*TROUBLE):
                await source.close()
            await asyncio.sleep(backoff.failed())

    def _take(self, made: Made, readings: Sequence[Reading]) -> None:
        if readings:
            metrics.READINGS.labels(made.protocol).inc(len(readings))
            self._emit(readings)

    def _works(self, made: Made) -> None:
        if self._good.get(made.name) is not True:
            self._good[made.name] = True
            metrics.UP.labels(made.name).set(1)
            self._log.info("source answers", source=made.name, protocol=made.protocol)

    def _failed(self, made: Made, error: BaseException) -> None:
        metrics.FAILURES.labels(made.name).inc()
        if self._good.get(made.name) is not False:
            self._good[made.name] = False
            metrics.UP.labels(made.name).set(0)
            self._log.warning("source fails", source=made.name, protocol=made.protocol, reason=reason_of(error))


def reason_of(error: BaseException) -> str:
    """Why a source fails, in words."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    return " ".join(str(error).split())[:240] or type(error).__name__
