"""Ditto's HTTP API over some twins, on loopback, with a guard behind it that says what the test wants."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Said = dict[str, Any]


def accepts(_unit: str, _desired: dict[str, Any]) -> Said:
    return {"state": "accepted"}


class Ditto:
    """Twins by id, and what was written to them."""

    def __init__(self, things: list[dict[str, Any]]) -> None:
        self.things = {thing["thingId"]: thing for thing in things}
        self.guard: Callable[[str, dict[str, Any]], Said] = accepts
        self.written: list[tuple[str, Any]] = []
        self.away = False

    def get(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if self.away:
            return 503, {"error": "gateway:service.unavailable", "message": "try again later"}
        if path == "/api/2/search/things":
            [wanted] = re.findall(r'eq\(attributes/location,"(.*)"\)', query["filter"][0])
            namespace = query["namespaces"][0] + ":"
            found = [
                thing
                for name, thing in self.things.items()
                if name.startswith(namespace) and thing["attributes"].get("location") == wanted
            ]
            return 200, {"items": found}
        thing = self.things.get(path.removeprefix("/api/2/things/"))
        return (200, thing) if thing is not None else (404, {"error": "things:thing.notfound"})

    def put(self, path: str, body: Any) -> tuple[int, Any]:
        name, _, rest = path.removeprefix("/api/2/things/").partition("/")
        thing = self.things.get(name)
        if thing is None:
            return 404, {"error": "things:thing.notfound", "message": f"{name} is not there"}
        self.written.append((path, body))
        if rest == "features/control/desiredProperties":
            request = body["request"]
            values = {key: value for key, value in body.items() if key != "request"}
            last = {"id": request["id"], "who": request["who"], "values": values, **self.guard(name, body)}
            thing["features"]["control"]["properties"]["lastCommand"] = last
        return 204, None


@contextmanager
def serving(ditto: Ditto) -> Iterator[str]:
    """The base URL under which these twins are."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._reply(*ditto.get(unquote(parts.path), parse_qs(parts.query)))

        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._reply(*ditto.put(unquote(self.path), body))

        def _reply(self, status: int, body: Any) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
