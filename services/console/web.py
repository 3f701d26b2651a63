"""The page: files that Vite built, with headers that let it load nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI, HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.status import HTTP_404_NOT_FOUND
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Styles are set by scripts on elements (the 3D view's labels, charts), which CSP counts as inline.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class SecureHeaders:
    """Adds them to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def serve_page(app: FastAPI, folder: Path) -> None:
    """Serve the built page: its assets for ever (their names hold a hash of their content), itself always anew."""
    app.mount("/assets", StaticFiles(directory=folder / "assets"), name="assets")

    async def page(request: Request) -> FileResponse:
        if request.url.path.startswith("/api/"):
            raise HTTPException(HTTP_404_NOT_FOUND, "there is no such call; /api/openapi.json names them all")
        return FileResponse(folder / "index.html", headers={"cache-control": "no-cache"})

    # Deep links are the page's own business.
    for path in ("/", "/{view}", "/{view}/{rest:path}"):
        app.add_api_route(path, page, include_in_schema=False)
