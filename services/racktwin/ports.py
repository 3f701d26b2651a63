"""A port for a process that is about to be started: below those that the kernel gives to outgoing connections.

A port of the kernel's choosing (bind to 0, look, close) is given to the next outgoing connection as readily as to the
process it was meant for, and on a busy machine a process binds seconds later.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from typing import Final

# Above what servers are usually found at, below the local stacks' own (from 21000) and Linux's ephemeral ports.
FIRST: Final = 10_000
LAST: Final = 20_999
_TRIES: Final = 1000


def free_ports(count: int) -> list[int]:
    """Different TCP ports of loopback that nothing listens on at this moment.

    Raises:
        OSError: there were not enough.
    """
    found: set[int] = set()
    for _ in range(_TRIES):
        if len(found) == count:
            return list(found)
        port = secrets.choice(range(FIRST, LAST + 1))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.add(port)
    raise OSError(f"no {count} free ports between {FIRST} and {LAST}")


def free_port() -> int:
    """One of :func:`free_ports`."""
    return free_ports(1)[0]
