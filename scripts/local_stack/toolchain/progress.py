"""Shows what is being built and why: a bar per artefact on a terminal, a line per change elsewhere."""

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Reporter(Protocol):
    """What the builder tells about its work. Calls come from several threads."""

    def waiting(self, name: str, why: str) -> None:
        """`name` will be made."""

    def started(self, name: str) -> None:
        """`name` is being made now."""

    def progressed(self, name: str, done: int, total: int) -> None:
        """`done` of about `total` steps are made."""

    def finished(self, name: str, ok: bool) -> None:
        """`name` is made, or failed."""


class PlainReporter:
    """A line per change, for logs and pipes."""

    def __init__(self) -> None:
        """Start without any artefact."""
        self._why: dict[str, str] = {}
        self._since: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to tidy up."""

    def waiting(self, name: str, why: str) -> None:
        """Remember the reason for the line that follows."""
        self._why[name] = why

    def started(self, name: str) -> None:
        """Say what and why."""
        self._since[name] = time.monotonic()
        print(f"building {name}: {self._why.get(name, '')}", file=sys.stderr, flush=True)

    def progressed(self, name: str, done: int, total: int) -> None:
        """Too chatty for a log."""

    def finished(self, name: str, ok: bool) -> None:
        """Say how it ended and how long it took."""
        seconds = time.monotonic() - self._since.get(name, time.monotonic())
        print(f"{name} {'is ready' if ok else 'FAILED'} after {seconds:.0f} s", file=sys.stderr, flush=True)


class BarReporter:
    """A bar per artefact, with its reason and its time."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._bars = Progress(
            TextColumn("{task.fields[state]:>9}"),
            TextColumn("[bold]{task.description:<12}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[why]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing; the last state stays on the screen."""
        self._bars.stop()

    def waiting(self, name: str, why: str) -> None:
        """Add a bar that does not run yet."""
        self._tasks[name] = self._bars.add_task(name, total=None, start=False, why=why, state="waiting")

    def started(self, name: str) -> None:
        """Start the clock of the bar."""
        self._bars.start_task(self._tasks[name])
        self._bars.update(self._tasks[name], state="building")

    def progressed(self, name: str, done: int, total: int) -> None:
        """Move the bar."""
        self._bars.update(self._tasks[name], completed=done, total=total)

    def finished(self, name: str, ok: bool) -> None:
        """Fill the bar, or leave it where it failed."""
        task = self._tasks[name]
        self._bars.update(task, state="ready" if ok else "[red]failed", total=1, completed=1 if ok else 0)
        self._bars.stop_task(task)


def reporter() -> PlainReporter | BarReporter:
    """The fitting reporter for where standard error goes."""
    console = Console(stderr=True)
    return BarReporter(console) if console.is_terminal else PlainReporter()
