"""Where NetBox's webhooks come in: signed, or refused. What they say is not believed: NetBox is read again.

NetBox signs the body with HMAC-SHA512 and sends the hex digest as X-Hook-Signature. Next: `dcim.keeper`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from racktwin import __version__

LARGEST: Final = 2 * 1024 * 1024
PATH: Final = "/netbox"


class Hook(BaseModel):
    """What NetBox sends: its own default body. Only event and model are looked at."""

    model_config = ConfigDict(extra="allow")

    event: str = Field(description="created, updated or deleted, or a job's event.", max_length=100)
    model: str = Field("", description="Kind of object, for instance rack.", max_length=100)


class Told(BaseModel):
    """Why a hook was refused."""

    detail: str


def signature(body: bytes, secret: str) -> str:
    """NetBox's signature of a body: hex HMAC-SHA512."""
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


def build(secret: str, received: Callable[[str, str], None], counted: Callable[[str], None]) -> FastAPI:
    """The application. `received(event, model)` is called for each hook, `counted(result)` for each request."""
    app = FastAPI(
        title="Racktwin DCIM",
        version=__version__,
        description="Takes webhooks of NetBox, upon which the site is compared with NetBox again.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )

    @app.post(
        PATH,
        status_code=202,
        response_class=Response,
        summary="A webhook of NetBox",
        responses={
            400: {"model": Told, "description": "The body is no hook."},
            401: {"model": Told, "description": "The signature is missing or wrong."},
            413: {"model": Told, "description": "The body is too large."},
        },
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": Hook.model_json_schema()}}}
        },
    )
    async def hook(
        request: Request,
        x_hook_signature: Annotated[str, Header(description="Hex HMAC-SHA512 of the body with the secret.")] = "",
    ) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST:
                counted("too_large")
                return _refused(413, f"the body is larger than {LARGEST} bytes")
        if not hmac.compare_digest(signature(body, secret).encode(), x_hook_signature.strip().lower().encode()):
            counted("unsigned")
            return _refused(
                401, "X-Hook-Signature is missing or wrong: is the webhook's secret the same on both sides?"
            )
        try:
            told = Hook.model_validate(json.loads(body))
        except ValueError:
            counted("malformed")
            return _refused(400, "expected NetBox's own JSON body, with event and model")
        counted("accepted")
        received(told.event, told.model)
        return Response(status_code=202)

    return app


def _refused(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status)
