"""The OpenAPI document of the definitions server. Pure data; a test holds the server's answers against it."""

from __future__ import annotations

from racktwin.openapi import JSON, Json, answer, document, get
from racktwin.thing_models import MEDIA_TYPE

_ERROR: Json = {
    "type": "object",
    "properties": {
        "status": {"type": "integer"},
        "error": {"type": "string"},
        "message": {"type": "string"},
        "description": {"type": "string"},
    },
    "required": ["status", "error", "message"],
}
_INDEX: Json = {
    "type": "object",
    "properties": {
        "models": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("title", "version", "href")},
                "required": ["title", "version", "href"],
            },
        }
    },
    "required": ["models"],
}
_CACHED: Json = {
    "ETag": {"description": "Strong; goes into If-None-Match.", "schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
}
_IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "ETags that the client has.",
}


def openapi() -> Json:
    """The document."""
    unchanged = answer("It is as the client has it.", headers=_CACHED)
    bad_host = answer("The Host header is missing or not a host.", JSON, schema=_ERROR)
    index = {
        "200": answer("The models.", JSON, "text/html", headers=_CACHED),
        "304": unchanged,
        "400": bad_host,
    }
    index["200"]["content"][JSON]["schema"] = _INDEX
    as_json = {**index, "200": answer("The models.", JSON, schema=_INDEX, headers=_CACHED)}
    model = {
        "200": answer("The model.", MEDIA_TYPE, schema={"type": "object", "required": ["title"]}, headers=_CACHED),
        "304": unchanged,
        "400": bad_host,
        "404": answer("There is no such model, or its things cannot carry such a feature.", JSON, schema=_ERROR),
    }
    name: Json = {
        "name": "model",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "example": "rack-1.0.0.tm.jsonld",
    }
    features: Json = {
        "name": "features",
        "in": "query",
        "schema": {"type": "string"},
        "description": "Features that the model is to have beside its own, comma separated.",
        "example": "environment.middle,prediction.power",
    }
    return document(
        "Racktwin definitions",
        "Serves the Thing Models of thing-definitions/ to Ditto, people and programs. Read only.",
        {
            "/": get("The models, as HTML or JSON", index, [_IF_NONE_MATCH]),
            "/index.json": get("The models, as JSON", as_json, [_IF_NONE_MATCH]),
            "/{model}": get("One Thing Model", model, [name, features, _IF_NONE_MATCH]),
        },
    )
