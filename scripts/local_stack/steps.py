"""Tells a person what happens during `make demo`: a line per step, and how far a wait has come."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.status import Status

_PLAIN_EVERY_S = 10.0


class Steps:
    """Lines with the seconds since the beginning."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now."""
        self._console = console or Console(stderr=True, highlight=False)
        self._clock = clock
        self._began = clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(f"[dim]{self.elapsed_s:6.1f} s[/]  {text}", soft_wrap=True)

    def component(self, name: str, event: str) -> None:
        """One line about a component; components that are merely started are not worth one."""
        if event != "starting":
            self.say(f"{name:<15} {event}")

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Give a function that shows how far a wait has come: in place on a terminal, a line now and then elsewhere."""
        if self._console.is_terminal:
            with Status(text, console=self._console) as status:
                yield lambda progress: status.update(f"{text}: {progress}")
            return
        shown = self._clock()

        def show(progress: str) -> None:
            nonlocal shown
            if self._clock() - shown >= _PLAIN_EVERY_S:
                shown = self._clock()
                self.say(f"{text}: {progress}")

        yield show
