"""OpenAPI documents of our small HTTP servers, written beside their code; and what every process answers. Pure data.

FastAPI writes its own. Next: `api_docs`, which keeps all of them as files.
"""

from __future__ import annotations

from typing import Any, Final

from racktwin import __version__

Json = dict[str, Any]

JSON: Final = "application/json"
TEXT: Final = "text/plain"


def document(title: str, description: str, paths: Json, schemes: Json | None = None) -> Json:
    """An OpenAPI 3.1 document."""
    body: Json = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "description": description, "license": {"name": "Apache-2.0"}},
        "paths": paths,
    }
    if schemes:
        body["components"] = {"securitySchemes": schemes}
        body["security"] = [{name: []} for name in schemes]
    return body


def answer(description: str, *kinds: str, schema: Json | None = None, headers: Json | None = None) -> Json:
    """One response: what it means, its content types and schema."""
    body: Json = {"description": description}
    if kinds:
        body["content"] = {kind: {"schema": schema or {"type": "string"}} for kind in kinds}
    if headers:
        body["headers"] = headers
    return body


def get(summary: str, responses: Json, parameters: list[Json] | None = None) -> Json:
    """A GET operation."""
    operation: Json = {"summary": summary, "responses": responses}
    if parameters:
        operation["parameters"] = parameters
    return {"get": operation}


BEARER: Final[Json] = {"token": {"type": "http", "scheme": "bearer"}}

_STATE: Final[Json] = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["ok", "failing"]},
        "reasons": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["status", "reasons"],
}


def process() -> Json:
    """What every process answers at RACKTWIN_HEALTH_HOST:RACKTWIN_HEALTH_PORT."""
    state = {
        "200": answer("It is.", JSON, schema=_STATE),
        "503": answer("It is not; the reasons say why, by part.", JSON, schema=_STATE),
    }
    return document(
        "Racktwin process",
        "Health and metrics of every process of Racktwin (see racktwin.health).",
        {
            "/healthz": get("Whether every loop of the process runs", state),
            "/readyz": get("Whether what it depends on is there", state),
            "/metrics": get("Its counters, for Prometheus", {"200": answer("Prometheus' text format.", TEXT)}),
        },
    )
