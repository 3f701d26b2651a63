"""`python -m servertwin.stress.worker`: one load, by an order on standard input; the standard library alone.

Life: a line of JSON is the order, it gets ready and says so; a line ``go`` starts the load; it ends when its time is
over, when standard input ends, or on a signal. Input ends too when whoever started it is killed, so no load outlives
its parent. Each event is a line of JSON on standard output. Next: :mod:`servertwin.stress.crew` reads them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

from servertwin.stress import loads


def say(event: str, **more: Any) -> None:
    """An event, for the parent; nobody may be there to read it any more."""
    try:
        os.write(1, (json.dumps({"event": event, "at": time.time_ns() // 1_000_000, **more}) + "\n").encode())
    except OSError:
        return


def read_line() -> bytes:
    """A line of standard input, past Python's buffers, which another thread could not share; empty at its end."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return b""
        line += byte
    return line


def main() -> None:
    """The worker."""
    stop = threading.Event()
    for name in ("SIGTERM", "SIGINT", "SIGBREAK", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda *_: stop.set())
    line = read_line()
    if not line:
        return
    order = json.loads(line)
    if hasattr(os, "nice"):
        os.nice(int(order["niceness"]))
    say("ready")
    if read_line() != b"go\n":
        return

    def tied() -> None:
        while read_line():
            pass
        stop.set()

    threading.Thread(target=tied, daemon=True).start()
    say("started")
    began = time.monotonic()
    try:
        done = loads.LOADS[order["kind"]](order, began + float(order["duration"]), stop)
    except (OSError, MemoryError) as error:
        say("failed", why=f"{type(error).__name__}: {error}")
        sys.exit(1)
    say("stopped", seconds=time.monotonic() - began, cpuSeconds=time.process_time(), **done)


if __name__ == "__main__":
    main()
