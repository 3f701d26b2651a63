"""The OpenAPI document of the collector's push listener. Pure data; a test holds the listener's answers against it."""

from __future__ import annotations

from racktwin.openapi import BEARER, JSON, Json, answer, document

_ERROR: Json = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_TAKEN: Json = {
    "type": "object",
    "properties": {
        "readings": {"type": "integer", "minimum": 0},
        "unknown": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["readings", "unknown"],
}


def openapi() -> Json:
    """The document, for a source of kind push with its usual path and fields."""
    message: Json = {"type": "object", "description": "Fields are those that the source's points name by their paths."}
    return document(
        "Racktwin collector: push",
        "Takes JSON of devices that nothing else fits, over HTTP; the same messages over a WebSocket, a frame each. "
        "The path is the source's own (`path`), /readings unless set.",
        {
            "/readings": {
                "post": {
                    "summary": "One message, or a list of them",
                    "requestBody": {
                        "required": True,
                        "content": {JSON: {"schema": {"oneOf": [message, {"type": "array", "items": message}]}}},
                    },
                    "responses": {
                        "202": answer(
                            "Readings were taken; `unknown` names devices that were not.", JSON, schema=_TAKEN
                        ),
                        "400": answer("The body is no JSON.", JSON, schema=_ERROR),
                        "401": answer("The bearer token is missing or wrong.", JSON, schema=_ERROR),
                        "404": answer("Another path.", JSON, schema=_ERROR),
                        "413": answer("No Content-Length, or more than 1 MiB.", JSON, schema=_ERROR),
                        "422": answer("None of the devices is known.", JSON, schema=_TAKEN),
                    },
                }
            }
        },
        BEARER,
    )
