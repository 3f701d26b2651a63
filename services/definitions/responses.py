"""What the definitions server answers: pure, from a request's parts to status, headers and body.

Models with strong ETags, an index for people and programs, errors as Ditto words its own. Next:
:mod:`definitions.server` puts it on a socket.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from definitions.compose import compose
from racktwin.thing_models import MEDIA_TYPE

# Models of a version never change; an hour bounds what a mistake in one costs.
CACHE_CONTROL = "public, max-age=3600"
_HOST = re.compile(r"^[A-Za-z0-9.\-_]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; ``body`` is what a GET would carry, a HEAD drops it."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definitions:
    """The models by file name, and the URL they are known by (empty: whatever the request's Host says)."""

    models: Mapping[str, Mapping[str, Any]]
    public_url: str = ""

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> Response:
        """Answer one request; header names in lower case."""
        if method not in ("GET", "HEAD"):
            response = _error(405, "method.notallowed", f"The method {method} is not allowed.", "Use GET or HEAD.")
            response.headers["Allow"] = "GET, HEAD"
            return response
        base_url = self.public_url or _base_url(headers.get("host", ""))
        if not base_url:
            return _error(400, "host.invalid", "The Host header is missing or not a host.", "Send host or host:port.")
        if path in ("/", "/index.html", "/index.json"):
            return self._index(path, base_url, headers)
        return self._model(path.removeprefix("/"), query, base_url, headers)

    def _model(self, name: str, query: str, base_url: str, headers: Mapping[str, str]) -> Response:
        model = self.models.get(name)
        if model is None:
            return _error(404, "model.notfound", f"There is no model {name!r}.", "GET / lists the models.")
        features = [feature for value in parse_qs(query).get("features", []) for feature in value.split(",") if feature]
        try:
            served = compose(name, model, base_url, features)
        except ValueError as error:
            return _error(404, "model.notfound", f"There is no such model: {error}.", "Name features of this kind.")
        return _cached(json.dumps(served, ensure_ascii=False).encode(), MEDIA_TYPE, headers)

    def _index(self, path: str, base_url: str, headers: Mapping[str, str]) -> Response:
        rows = [
            {"title": model["title"], "version": model["version"]["model"], "href": f"{base_url}/{name}"}
            for name, model in sorted(self.models.items())
        ]
        wants_json = path == "/index.json" or (path == "/" and _prefers_json(headers.get("accept", "")))
        if wants_json:
            body, content_type = json.dumps({"models": rows}).encode(), "application/json"
        else:
            body, content_type = _page(rows).encode(), "text/html; charset=utf-8"
        response = _cached(body, content_type, headers)
        response.headers["Vary"] = "Accept"
        return response


def _base_url(host: str) -> str:
    return f"http://{host}" if _HOST.match(host) else ""


def _prefers_json(accept: str) -> bool:
    return "text/html" not in accept and "json" in accept


def _cached(body: bytes, content_type: str, headers: Mapping[str, str]) -> Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    extra = {"ETag": etag, "Cache-Control": CACHE_CONTROL, "Access-Control-Allow-Origin": "*"}
    if _matches(headers.get("if-none-match"), etag):
        return Response(304, b"", content_type, extra)
    return Response(200, body, content_type, extra)


def _matches(if_none_match: str | None, etag: str) -> bool:
    # Weak comparison, RFC 9110 §13.1.2.
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


def _error(status: int, code: str, message: str, description: str) -> Response:
    body = {"status": status, "error": code, "message": message, "description": description}
    return Response(status, json.dumps(body).encode(), "application/json", {"Access-Control-Allow-Origin": "*"})


def _page(rows: list[dict[str, str]]) -> str:
    items = "\n".join(
        f'<li><a href="{html.escape(row["href"])}">{html.escape(row["title"])}</a> {html.escape(row["version"])}</li>'
        for row in rows
    )
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Racktwin Thing Models</title>\n'
        f"<h1>Thing Models</h1>\n<ul>\n{items}\n</ul>\n</html>\n"
    )
