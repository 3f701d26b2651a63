"""Waiting for what processes do: generous, for on two busy cores a start alone may take half a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN_S = 120.0
# A process that was asked to end.
END_S = 60.0


def until(probe: Callable[[], bool], said: Callable[[], str]) -> None:
    """Until `probe` is true; `said` tells what the process said when it never was."""
    deadline = time.monotonic() + WITHIN_S
    while not probe():
        assert time.monotonic() < deadline, said()[-3000:]
        time.sleep(0.05)
