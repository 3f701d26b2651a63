"""The logger's loop: wait, sample, write, show, send; then say how it went. Next: `servertwin.log.command`.

The loop's own lateness is a column of the log (``logger/late``), so that a record says itself how regular it is.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import psutil

from servertwin import columns as col
from servertwin.log.files import Rows
from servertwin.log.sampler import Sampler
from servertwin.log.ticker import Ticker


class Sender(Protocol):
    """Takes rows for the twin."""

    def offer(self, time_ms: int, row: Mapping[str, float | str]) -> None:
        """A row of a moment (epoch ms)."""


class Show(Protocol):
    """Takes rows for scrapes."""

    def show(self, row: Mapping[str, float | str], missed: int, interval_s: float) -> None:
        """The newest row."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the logging went; ``late_ms`` are percentiles."""

    samples: int
    missed: int
    late_ms: dict[str, float]
    seconds: float
    cpu_seconds: float
    cpu_percent: float
    memory_bytes: int

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "samples": self.samples,
            "missed": self.missed,
            "jitterMs": self.late_ms,
            "seconds": round(self.seconds, 3),
            "cpuSeconds": round(self.cpu_seconds, 4),
            "cpuPercent": round(self.cpu_percent, 4),
            "memoryBytes": self.memory_bytes,
        }


def run(
    sampler: Sampler,
    rows: Rows,
    *,
    interval_s: float,
    duration_s: float | None,
    stop: threading.Event,
    sender: Sender | None = None,
    send_every_s: float = 1.0,
    show: Show | None = None,
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Outcome:
    """Log until the duration (s) is over or ``stop`` is set. The process' whole time on the processor is told.

    Raises:
        OSError: a row cannot be written.
    """
    count = None if duration_s is None else max(1, round(duration_s / interval_s))
    ticker = Ticker(interval_s, stop.wait, count=count)
    # On whole multiples of the interval, so that logs of several machines fit together.
    ticker.begin((-time.time()) % interval_s)
    send_ticks = max(1, round(send_every_s / interval_s))
    waiting: dict[str, float | str] = {}
    taken = 0
    while not stop.is_set() and (due := ticker.next()) is not None:
        number, late = due
        now = clock()
        row = sampler.sample(number)
        rows.write({col.TIME: now, col.LATE: round(1000.0 * late, 3), **row})
        taken += 1
        if show is not None:
            show.show(row, ticker.missed, interval_s)
        if sender is not None:
            # Slow groups fall between two packs: they go with the next.
            waiting.update(row)
            if number % send_ticks == 0:
                sender.offer(now, waiting)
                waiting = {}
    return _outcome(taken, ticker)


def _outcome(taken: int, ticker: Ticker) -> Outcome:
    me = psutil.Process(os.getpid())
    lived = max(1e-3, time.time() - me.create_time())
    spent = time.process_time()
    return Outcome(
        samples=taken,
        missed=ticker.missed,
        late_ms=ticker.lateness_ms(),
        seconds=lived,
        cpu_seconds=spent,
        cpu_percent=100.0 * spent / lived,
        memory_bytes=me.memory_info().rss,
    )
