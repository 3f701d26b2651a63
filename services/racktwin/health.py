"""Health of a process over HTTP: /healthz (is it alive), /readyz (can it do its work), /metrics (Prometheus).

Alive means that every loop that promised a heartbeat gave one in time: a process whose loop hangs is restarted.
Ready means that what it depends on is there; the reason says what is not.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from racktwin.tls import Certificate, HttpServer


class Health:
    """State behind the endpoints. Thread safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._beats: dict[str, tuple[float, float]] = {}
        self._not_ready: dict[str, str] = {"start": "starting"}

    def heartbeat(self, name: str, max_age_s: float = 60.0) -> None:
        """Say that the loop ``name`` runs, and promise to say so again within ``max_age_s``."""
        with self._lock:
            self._beats[name] = (self._monotonic(), max_age_s)

    def set_ready(self, ready: bool, reason: str = "", part: str = "start") -> None:
        """Say whether one part of the process can work. It is ready when all parts are."""
        with self._lock:
            if ready:
                self._not_ready.pop(part, None)
            else:
                self._not_ready[part] = reason or "not ready"

    def alive(self) -> tuple[bool, dict[str, str]]:
        """Whether every promised heartbeat is in time, and the late ones."""
        now = self._monotonic()
        with self._lock:
            late = {
                name: f"no heartbeat for {now - at:.1f} s (promised every {age:.0f} s)"
                for name, (at, age) in self._beats.items()
                if now - at > age
            }
        return not late, late

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether every part is ready, and the reasons of those that are not."""
        with self._lock:
            return not self._not_ready, dict(self._not_ready)


def serve(
    health: Health,
    host: str,
    port: int,
    registry: CollectorRegistry = REGISTRY,
    certificate: Certificate | None = None,
) -> HttpServer:
    """Serve the endpoints in a background thread, over TLS with a certificate; ``server.server_address[1]`` is the
    port.

    Raises:
        OSError: the address is taken or not ours.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._send(200, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif self.path in ("/healthz", "/readyz"):
                good, reasons = health.alive() if self.path == "/healthz" else health.ready()
                body = json.dumps({"status": "ok" if good else "failing", "reasons": reasons}).encode()
                self._send(200 if good else 503, body, "application/json")
            else:
                self._send(404, b'{"error":"expected /healthz, /readyz or /metrics"}', "application/json")

        def _send(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds; logging them would bury the rest."""

    server = HttpServer((host, port), Handler, certificate)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
