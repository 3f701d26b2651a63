"""Push: whatever can post JSON or open a WebSocket, and nothing else here fits.

``POST /<path>`` takes one message or a list of them; the same over ``ws://…``, a frame each. Each message is mapped by
paths, its device named by a field. A token is demanded always; the address is loopback unless told otherwise.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from collector import maps, paths
from collector.config import Common
from collector.mapped import JsonPoint, MappedDevice, Table
from collector.model import ConfigError, Emit, Plugin, Reading, SourceError, Surroundings
from collector.secrets import Secret
from racktwin.tls import Certificate, HttpServer, certificate_of

_LARGEST: Final = 1024 * 1024


class PushOptions(Common, kw_only=True):
    """One listener. ``port`` is for HTTP, ``ws_port`` for WebSocket (0: none); both over TLS with ``tls_cert``."""

    host: str = "127.0.0.1"
    port: int = 8088
    ws_port: int = 0
    path: str = "/readings"
    token: Secret
    tls_cert: str = ""
    tls_key: str = ""
    devices: list[MappedDevice]
    device: str = "device"
    """Path of the field that names the device."""
    time: str = "time"
    points: list[JsonPoint] = []
    map: str = ""


class PushSource:
    """Both servers."""

    def __init__(self, options: PushOptions, surroundings: Surroundings) -> None:
        points = list(options.points)
        if options.map:
            points += maps.load("push", options.map, JsonPoint, options.folder).points
        if not points:
            raise ConfigError("points: expected at least one")
        paths.parse(options.device)
        self.name = options.name
        self._options = options
        self._table = Table(
            points, options.devices, site=surroundings.site, time_path=options.time, clock=surroundings.clock
        )
        self.bindings = self._table.bindings
        self.address: tuple[str, int] = (options.host, options.port)
        self.ws_port = options.ws_port

    async def listen(self, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def take(body: bytes) -> tuple[int, dict[str, Any]]:
            """In the server's thread: what to answer."""
            try:
                readings, unknown = self.readings(body)
            except ValueError as error:
                return 400, {"error": f"not JSON: {error}"}
            if readings:
                loop.call_soon_threadsafe(emit, readings)
            # Some of a list may be fine: say what was taken, and what was not.
            return (202 if readings or not unknown else 422), {"readings": len(readings), "unknown": unknown}

        try:
            certificate = certificate_of(
                Path(self._options.tls_cert) if self._options.tls_cert else None,
                Path(self._options.tls_key) if self._options.tls_key else None,
            )
            server = HttpServer((self._options.host, self._options.port), _handler(self._options, take), certificate)
        except (OSError, ValueError) as error:
            raise SourceError(f"{self._options.host}:{self._options.port}: {error}") from error
        self.address = (self._options.host, int(server.server_address[1]))
        serving = asyncio.create_task(asyncio.to_thread(server.serve_forever, 0.1))
        try:
            if self._options.ws_port:
                await self._serve_websocket(take, ended, certificate)
            else:
                await ended.wait()
        finally:
            await asyncio.shield(asyncio.to_thread(server.shutdown))
            server.server_close()
            await asyncio.gather(serving, return_exceptions=True)

    async def close(self) -> None:
        """Nothing is held between two `listen`."""

    def readings(self, body: bytes) -> tuple[list[Reading], list[str]]:
        """Readings of a message or a list of them, and the devices in it that are not in the table."""
        document = json.loads(body)
        readings: list[Reading] = []
        unknown: list[str] = []
        for message in document if isinstance(document, list) else [document]:
            device = str(paths.pick(message, self._options.device) or "")
            if self._table.knows(device):
                readings += self._table.readings(device, message)
            else:
                unknown.append(device)
        return readings, unknown

    async def _serve_websocket(self, take: Any, ended: asyncio.Event, certificate: Certificate | None) -> None:
        from websockets.asyncio.server import ServerConnection, serve  # noqa: PLC0415 - memory: where asked for
        from websockets.http11 import Request, Response  # noqa: PLC0415 - likewise

        def admit(connection: ServerConnection, request: Request) -> Response | None:
            if allowed(request.headers.get("Authorization", ""), self._options.token):
                return None
            return connection.respond(HTTPStatus.UNAUTHORIZED, "expected Authorization: Bearer <token>\n")

        async def handle(connection: ServerConnection) -> None:
            async for frame in connection:
                _, answer = take(frame.encode() if isinstance(frame, str) else frame)
                await connection.send(json.dumps(answer))

        async with serve(
            handle, self._options.host, self._options.ws_port, process_request=admit, max_size=_LARGEST,
            ssl=_context(certificate),
        ):  # fmt: skip
            await ended.wait()


def _context(certificate: Certificate | None) -> ssl.SSLContext | None:
    """For a listener that keeps its context: each handshake is given the certificate as it stands in its files then."""
    if certificate is None:
        return None

    def fresh(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = certificate.context()

    # A context of its own: those that it gives must not ask again.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sni_callback = fresh
    return context


def allowed(header: str, token: Secret) -> bool:
    """Whether a request's Authorization holds the token."""
    given = header.removeprefix("Bearer ").strip()
    wanted = token.read()
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def _handler(options: PushOptions, take: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > _LARGEST:
                self._answer(413, {"error": f"expected Content-Length of at most {_LARGEST}"})
                return
            body = self.rfile.read(int(length))
            if not allowed(self.headers.get("Authorization", ""), options.token):
                self._answer(401, {"error": "expected Authorization: Bearer <token>"})
            elif self.path.partition("?")[0] != options.path:
                self._answer(404, {"error": f"expected {options.path}"})
            else:
                self._answer(*take(body))

        def _answer(self, status: int, document: Sequence[Any] | dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 413:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are counted, not logged."""

    return Handler


PLUGIN = Plugin(PushOptions, PushSource, shared=True)
