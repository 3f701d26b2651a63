"""The web application: routes, errors in one form, headers."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.status import HTTP_422_UNPROCESSABLE_CONTENT, HTTP_503_SERVICE_UNAVAILABLE

from console import web
from console.access import Services
from console.api import alerts, commands, past, proposals, scenarios, session, twins
from console.history import HistoryError, HistoryUnavailable
from racktwin import __version__


def build(services: Services) -> FastAPI:
    """The application on some services."""
    app = FastAPI(
        title="Racktwin console",
        version=__version__,
        description="Twins, their past, and commands of the sites that a user may see.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    for module in (session, twins, past, commands, alerts, proposals, scenarios):
        app.include_router(module.router)

    @app.exception_handler(HistoryError)
    async def bad_question(_request: Request, error: HistoryError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, HTTP_422_UNPROCESSABLE_CONTENT)

    @app.exception_handler(HistoryUnavailable)
    async def no_history(_request: Request, error: HistoryUnavailable) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, HTTP_503_SERVICE_UNAVAILABLE)

    if services.settings.console_web_dir:
        web.serve_page(app, Path(services.settings.console_web_dir))
    app.add_middleware(web.SecureHeaders)
    return app
