"""Scrapes on a socket. Next: `exporter.render` makes the text."""

from __future__ import annotations

import gzip
import hmac
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Final

from exporter.render import OPENMETRICS, PLAIN, wants_openmetrics
from racktwin.tls import Certificate, HttpServer

# Below this, compressing costs more than it saves.
_WORTH_COMPRESSING: Final = 4096
PATH: Final = "/metrics"


def create(
    address: tuple[str, int],
    text: Callable[[bool], bytes | None],
    token: str,
    answered: Callable[[int], None],
    certificate: Certificate | None = None,
) -> HttpServer:
    """A server bound to an address, not yet serving.

    `text(openmetrics)` gives the scrape, None while twins are not known; `answered(status)` is told each answer.

    Raises:
        OSError: the address is taken or not ours.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def version_string(self) -> str:
            return "racktwin-exporter"

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self._send(404, b"expected /metrics\n", PLAIN)
                return
            if token and not hmac.compare_digest(
                self.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()
            ):
                self._send(401, b"expected the bearer token\n", PLAIN, {"WWW-Authenticate": "Bearer"})
                return
            openmetrics = wants_openmetrics(self.headers.get("Accept", ""))
            body = text(openmetrics)
            if body is None:
                # No scrape rather than an empty one, which would say that all racks are gone.
                self._send(503, b"twins are not known yet\n", PLAIN)
                return
            self._send(200, body, OPENMETRICS if openmetrics else PLAIN)

        def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
            more = dict(headers or {})
            if len(body) >= _WORTH_COMPRESSING and "gzip" in self.headers.get("Accept-Encoding", ""):
                body = gzip.compress(body, compresslevel=1)
                more["Content-Encoding"] = "gzip"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            answered(status)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes come every few seconds."""

    return HttpServer(address, Handler, certificate)
