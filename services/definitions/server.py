"""The definitions server on a socket: reads the models once, answers by :mod:`definitions.responses`.

Threads, for Ditto asks rarely (it keeps a model for a day) and never waits on another. Knows nothing of twins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from definitions.responses import Definitions, Response
from racktwin.thing_models import SUFFIX
from racktwin.tls import Certificate, HttpServer

IDLE_CONNECTION_S = 30


def load_models(directory: Path) -> dict[str, dict[str, Any]]:
    """Every model of a directory, by file name.

    Raises:
        OSError: the directory or a file cannot be read.
        ValueError: there is none, or a file is not a JSON object with a title and a version.
    """
    models: dict[str, dict[str, Any]] = {}
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            model = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path.name}: not JSON: {error}") from error
        if not isinstance(model, dict) or "title" not in model or "model" not in model.get("version", {}):
            raise ValueError(f"{path.name}: not a Thing Model: expected an object with title and version.model")
        models[path.name] = model
    if not models:
        raise ValueError(f"no *{SUFFIX} in {directory}")
    return models


def create(
    definitions: Definitions,
    host: str,
    port: int,
    served: Callable[[str, str, int], None],
    certificate: Certificate | None = None,
) -> HttpServer:
    """A server bound to an address, not yet serving; ``served`` is told path, method and status of each answer.

    Raises:
        OSError: the address is taken or not ours.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = IDLE_CONNECTION_S

        def version_string(self) -> str:
            return "racktwin-definitions"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = definitions.answer(self.command, unquote(parts.path), parts.query, headers)
            self._send(response)
            served(parts.path, self.command, response.status)

        def _send(self, response: Response) -> None:
            self.send_response(response.status)
            if response.status != 304:
                self.send_header("Content-Type", response.content_type)
                self.send_header("Content-Length", str(len(response.body)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            if self.command not in ("GET", "HEAD"):
                # What such a request carries is not read, so the connection cannot be used again.
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

        def log_message(self, format: str, *args: object) -> None:
            """``served`` logs instead, structured."""

    return HttpServer((host, port), Handler, certificate)
