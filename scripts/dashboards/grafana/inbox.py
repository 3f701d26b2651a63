"""The webhook that Grafana tells of alerts: a small HTTP server on loopback that keeps what it is told.

Next: `told`.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local_stack.instance import LOOPBACK

Message = Mapping[str, Any]


class Inbox:
    """Messages in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        # Nobody else on this machine should fill it.
        self.path = f"/{secrets.token_urlsafe(16)}"
        self.url = ""

    def put(self, message: Message) -> None:
        """One more."""
        with self._lock:
            self._messages.append(message)

    def messages(self) -> list[Message]:
        """All so far."""
        with self._lock:
            return list(self._messages)


@contextmanager
def listening() -> Iterator[Inbox]:
    """An inbox at an address of its own."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                message = json.loads(text)
            except ValueError:
                message = None
            known = self.path == inbox.path and isinstance(message, dict)
            if known:
                inbox.put(message)
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: what comes is looked at."""

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        inbox.url = f"http://{LOOPBACK}:{server.server_address[1]}{inbox.path}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()
