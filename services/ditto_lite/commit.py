"""Group commit: many commands, one transaction; nobody hears of a change before it is durable.

While one group is written in the writer thread the next one gathers. A change that was not durable yet is visible to
readers of this process (not to anybody after a crash, and its sender was not answered). Next: answers and events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ditto_lite.metrics import COMMIT_ROWS, COMMIT_SECONDS
from ditto_lite.store import Row, Store


class Committer:
    """Writes what ``drain`` gives and then runs ``after`` (publishing) in the event loop."""

    def __init__(self, store: Store, drain: Callable[[], tuple[list[Row], list[Callable[[], None]]]]) -> None:
        self._store = store
        self._drain = drain
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._waiting: list[asyncio.Future[None]] = []
        self._running: asyncio.Task[None] | None = None
        self.failed: BaseException | None = None
        self.on_failure: Callable[[BaseException], None] = lambda error: None

    async def durable(self) -> None:
        """Return when everything changed so far is durable and published.

        Raises:
            sqlite3.Error: it could not be written; the process must end, for its memory is ahead of its file.
        """
        if self.failed is not None:
            raise self.failed
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="commit")
        await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                rows, after = self._drain()
                try:
                    if rows:
                        COMMIT_ROWS.observe(len(rows))
                        with COMMIT_SECONDS.time():
                            await loop.run_in_executor(self._writer, self._store.write, rows)
                except BaseException as error:
                    self.failed = error
                    for future in waiting + self._waiting:
                        if not future.done():
                            future.set_exception(error)
                    self._waiting = []
                    self.on_failure(error)
                    return
                for publish in after:
                    publish()
                for future in waiting:
                    if not future.done():
                        future.set_result(None)
        finally:
            self._running = None

    async def close(self) -> None:
        """Write what is left and end the writer thread."""
        if self.failed is None:
            await self.durable()
        self._writer.shutdown()
