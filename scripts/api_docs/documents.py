"""Every document, from where the truth is: applications that describe themselves, tables beside servers, a router."""

from __future__ import annotations

import inspect
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web

import collector.openapi
import console.app
import dcim.receiver
import definitions.openapi
import exporter.openapi
import racktwin.openapi
from console.access import Services
from console.settings import ConsoleSettings
from ditto_lite.app import Options, Service

Json = dict[str, Any]
# Answers that there is nothing.
_CATCH_ALL = re.compile(r"^/\{\w+\}$")
_PARAMETER = re.compile(r"\{(\w+)(?::[^}]*)?\}")
_METHODS = ("get", "put", "patch", "post", "delete")


async def documents() -> dict[str, Json]:
    """Documents by name."""
    return {
        "console": _console(),
        "collector-push": collector.openapi.openapi(),
        "dcim": dcim.receiver.build("", lambda _event, _model: None, lambda _result: None).openapi(),
        "definitions": definitions.openapi.openapi(),
        "ditto-lite": await _ditto_lite(),
        "exporter": exporter.openapi.openapi(),
        "process": racktwin.openapi.process(),
    }


def _console() -> Json:
    # Routes are described without what they work with.
    services = cast(Services, SimpleNamespace(settings=ConsoleSettings()))
    return console.app.build(services).openapi()


async def _ditto_lite() -> Json:
    """The routes of the stand-in; what each takes and answers is Ditto's own documentation."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Options(Path(folder) / "twins.sqlite"), lambda: 0)
        try:
            routes = list(service.application().router.routes())
        finally:
            await service.close()
    paths: Json = {}
    for route in routes:
        if route.resource is None or _CATCH_ALL.match(route.resource.canonical):
            continue
        _add(paths, route)
    return racktwin.openapi.document(
        "ditto_lite",
        "The part of Eclipse Ditto's HTTP API 2 that Racktwin uses, as its stand-in serves it. Bodies, parameters and "
        "error codes are Ditto's: see https://eclipse.dev/ditto/http-api-doc.html.",
        dict(sorted(paths.items())),
    )


def _add(paths: Json, route: web.AbstractRoute) -> None:
    assert route.resource is not None
    path = route.resource.canonical
    names = _PARAMETER.findall(path)
    operations = paths.setdefault(path, {})
    if names:
        operations["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    summary = (inspect.getdoc(route.handler) or route.handler.__name__.replace("_", " ")).partition("\n")[0]
    for method in _METHODS if route.method == "*" else (route.method.lower(),):
        if method != "head":
            operations[method] = {
                "summary": summary,
                "responses": {
                    "2XX": {"description": "As Ditto answers."},
                    "default": {
                        "description": "An error in Ditto's form.",
                        "content": {
                            "application/json": {"schema": {"type": "object", "required": ["status", "error"]}}
                        },
                    },
                },
            }
