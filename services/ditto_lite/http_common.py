"""What all HTTP handlers share: reading requests as Ditto does, writing its answers, turning errors into answers.

I/O of one request. Next: the ``*_http`` modules; :mod:`ditto_lite.app` puts them together.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import structlog
from aiohttp import web

from ditto_lite.auth import subjects_of
from ditto_lite.bus import Bus
from ditto_lite.commands import Result
from ditto_lite.commit import Committer
from ditto_lite.errors import DittoError, error
from ditto_lite.fields import Selector, parse_selector
from ditto_lite.messages import Messages
from ditto_lite.metrics import HTTP_REQUESTS
from ditto_lite.pace import Pace
from ditto_lite.pointers import MISSING
from ditto_lite.protocol import MERGE_PATCH
from ditto_lite.rates import ProfileName
from ditto_lite.search import Search
from ditto_lite.twin import Twin
from ditto_lite.wot_fetch import ModelFetcher

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_TIMEOUT_MS: Final = 60_000
_TIMEOUT = re.compile(r"^(\d+)(ms|s|m)?$")
# Query parameters that Ditto also takes as headers.
_PARAMETERS: Final = ("condition", "timeout", "response-required", "requested-acks", "policy-view", "if-equal",
"if-match",
                      "if-none-match", "at-historical-revision", "at-historical-timestamp", "channel")  # fmt: skip
_CORS: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "OPTIONS, GET, PUT, PATCH, POST, HEAD, DELETE",
}
NOT_FOUND_TEXT: Final = "The requested resource could not be found."


@dataclass
class Services:
    """What handlers work with."""

    twin: Twin
    bus: Bus
    committer: Committer
    fetcher: ModelFetcher
    messages: Messages
    pace: Pace
    search: Search
    rate_profile: ProfileName
    clock: Callable[[], int]


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """An answer with JSON."""
    return web.Response(
        status=status, body=msgspec.json.encode(body), headers=headers or {}, content_type="application/json"
    )


def raw_segments(request: web.Request, prefix: str) -> tuple[str, str]:
    """The first segment after a prefix of the path, decoded, and the decoded rest (with slashes as they come)."""
    first, _, rest = request.rel_url.raw_path[len(prefix) :].partition("/")
    return unquote(first), unquote(rest)


def ditto_headers(request: web.Request) -> dict[str, Any]:
    """Headers of a command that came by HTTP; some may be given as query parameters too."""
    headers: dict[str, Any] = {name.lower(): value for name, value in request.headers.items()}
    for name in _PARAMETERS:
        if name in request.query:
            headers[name] = request.query[name]
    return headers


def selector_of(request: web.Request) -> Selector | None:
    """The ``fields`` parameter.

    Raises:
        DittoError: it is not a selector.
    """
    text = request.query.get("fields")
    return parse_selector(text) if text else None


async def json_body(request: web.Request, *, merge: bool = False) -> Any:
    """The JSON of a request.

    Raises:
        DittoError: it has another media type (415) or is not JSON (400).
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip()
    if merge:
        if given != MERGE_PATCH:
            wrong = error("mediatype.unsupported", given=given, description=f"Allowed Media-Type is: <{MERGE_PATCH}>.")
            wrong.payload["href"] = "https://tools.ietf.org/html/rfc7396"
            raise wrong
    elif given not in ("", "application/json", "application/octet-stream"):
        raise error("mediatype.unsupported", given=given)
    payload = await request.read()
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise error("json.invalid", text=payload.decode(errors="replace")) from None


def timeout_ms(text: str | None, code: str = "gateway:timeout.invalid", default: int = 10_000) -> int:
    """Milliseconds of a ``timeout`` parameter (``5``, ``5s``, ``500ms``, ``1m``).

    Raises:
        DittoError: it is no duration, or longer than 60 s.
    """
    if text is None:
        return default
    match = _TIMEOUT.match(text)
    if match is None:
        raise error(code, message=f'For input string: "{text}"')
    value = int(match[1]) * {"ms": 1, "s": 1000, "m": 60_000, None: 1000}[match[2]]
    if value > MAX_TIMEOUT_MS:
        raise error(code, timeout=f"{value:,}")
    return value


def wants_response(headers: dict[str, Any]) -> bool:
    """Whether the sender waits for the outcome: not with ``response-required: false`` or ``timeout=0``."""
    if str(headers.get("response-required", "true")).lower() == "false":
        return False
    return timeout_ms(headers.get("timeout")) > 0


def answer(request: web.Request, result: Result, subject: str) -> web.Response:
    """The HTTP answer to a command."""
    headers = {"ditto-originator": subject, "response-required": "false", **result.headers}
    if result.revision is not None:
        headers["entity-revision"] = str(result.revision)
    if result.etag is not None:
        headers["etag"] = result.etag
    if result.status == 201 and "location" not in headers:
        headers["location"] = f"{request.scheme}://{request.host}{request.rel_url.raw_path}"
    if result.body is MISSING:
        return web.Response(status=result.status, headers=headers)
    return json_response(result.body, result.status, headers)


def error_answer(raised: DittoError, subject: str | None = None) -> web.Response:
    """The HTTP answer to a failure."""
    headers = {"etag": raised.etag} if raised.etag else {}
    if subject:
        headers["ditto-originator"] = subject
    return json_response(raised.payload, raised.status, headers)


# Faults of the request itself, found before it is known whom it is for.
_UNADDRESSED: Final = frozenset((400, 401, 413, 415))
_ADDRESSED: Final = frozenset(("things:condition.invalid", "wot:payload.validation.error", "things:thing.notcreatable"))


def _names_subject(raised: DittoError) -> bool:
    return raised.status not in _UNADDRESSED or raised.code in _ADDRESSED


def plain(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """An answer of Ditto's HTTP server itself, which are texts."""
    return web.Response(status=status, text=text, headers=headers or {})


@web.middleware
async def envelope(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors to answers, and the headers that every answer has."""
    if request.method == "OPTIONS":
        response: web.StreamResponse = web.Response(status=200)
    else:
        try:
            response = await handler(request)
        except DittoError as raised:
            response = error_answer(raised, _subject(request) if _names_subject(raised) else None)
        except web.HTTPMethodNotAllowed as wrong:
            allowed = ", ".join(
                name for name in ("GET", "PUT", "PATCH", "POST", "DELETE") if name in wrong.allowed_methods
            )
            response = plain(405, f"HTTP method not allowed, supported methods: {allowed}", {"allow": allowed})
        except web.HTTPRequestEntityTooLarge:
            response = error_answer(error("things:thing.toolarge", size="1024", limit="100"))
        except web.HTTPException as wrong:
            response = plain(wrong.status, NOT_FOUND_TEXT if wrong.status == 404 else wrong.reason)
        except Exception:
            structlog.get_logger().exception("request failed", method=request.method, path=request.path)
            response = json_response(
                {
                    "status": 500,
                    "error": "internalerror",
                    "message": "There was an internal error while processing the request.",
                    "description": "See the log of the service.",
                },
                500,
            )
    HTTP_REQUESTS.labels(request.method, response.status).inc()
    if not response.prepared:
        response.headers.update(_CORS)
        if correlation := request.headers.get("correlation-id"):
            response.headers["correlation-id"] = correlation
    return response


def _subject(request: web.Request) -> str | None:
    try:
        return subjects_of(request.headers)[0]
    except DittoError:
        return None
