"""A read-only image registry over the folder that `images` fills: the part of the OCI distribution API that pulls need.

It has no state and no way to write, so it needs no accounts: `make cluster` puts images into the folder. Nodes are sent
here for every registry's images. Run: `python -m cluster.registry HOST PORT FOLDER`.
"""

import http.server
import re
import shutil
import sys
from http import HTTPStatus
from pathlib import Path

from cluster.images.oci import MANIFEST, Images

_NAME = r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_PATH = re.compile(rf"/v2/{_NAME}/(?P<kind>manifests|blobs)/(?P<reference>[A-Za-z0-9_][A-Za-z0-9_.:-]{{0,127}})")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    images: Images

    def do_GET(self) -> None:
        """A manifest or a blob."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Whether it is there."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """One line per request would only fill the log."""

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        if path == "/v2/":
            self._send(HTTPStatus.OK, {"Content-Length": "0"})
            return
        match = _PATH.fullmatch(path)
        digest = self._digest(match) if match else None
        file = self.images.blob_path(digest) if digest else None
        if match is None or file is None or not file.exists():
            self._send(HTTPStatus.NOT_FOUND, {"Content-Length": "0"})
            return
        kind = MANIFEST if match["kind"] == "manifests" else "application/octet-stream"
        size = file.stat().st_size
        headers = {"Content-Type": kind, "Content-Length": str(size), "Docker-Content-Digest": str(digest)}
        self._send(HTTPStatus.OK, headers)
        if with_body:
            with file.open("rb") as source:
                shutil.copyfileobj(source, self.wfile, 1 << 20)

    def _digest(self, match: re.Match[str]) -> str | None:
        reference = match["reference"]
        if _DIGEST.fullmatch(reference):
            return reference
        return self.images.manifest(match["name"], reference) if match["kind"] == "manifests" else None

    def _send(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def serve(host: str, port: int, folder: Path) -> http.server.ThreadingHTTPServer:
    """A server that is bound and not running yet."""
    handler = type("BoundHandler", (Handler,), {"images": Images(folder)})
    return http.server.ThreadingHTTPServer((host, port), handler)


def main() -> None:
    """Serve until the process is ended."""
    host, port, folder = sys.argv[1:]
    serve(host, int(port), Path(folder)).serve_forever()


if __name__ == "__main__":
    main()
