"""A way to the console that can be cut without a word, as networks are: nothing is closed, nothing comes through."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

_CHUNK: Final = 65536


class Relay:
    """Passes bytes between a port of its own and another on this machine."""

    def __init__(self, url: str) -> None:
        """``url``: whose server is behind it."""
        self._behind = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        self._cut = False
        self._silenced = 0
        self._closed = threading.Event()
        self._sockets: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self._start(self._listen)

    @property
    def silenced(self) -> int:
        """Connections that fell silent so far."""
        return self._silenced

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """For a while connections that say something fall silent, for good; nobody is told."""
        self._cut = True
        try:
            yield
        finally:
            self._cut = False

    def close(self) -> None:
        """End every connection."""
        self._closed.set()
        for each in (self._door, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(self._behind)
                self._sockets += [near, far]
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                if self._cut:
                    self._silenced += 1
                    self._closed.wait()
                    break
                target.sendall(chunk)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _start(run: Callable[..., None], *given: socket.socket) -> None:
        threading.Thread(target=run, args=given, daemon=True).start()


@contextlib.contextmanager
def relay(url: str) -> Iterator[Relay]:
    """A relay to a server of this machine."""
    between = Relay(url)
    try:
        yield between
    finally:
        between.close()
