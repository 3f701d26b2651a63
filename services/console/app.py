"""The web application: routes, errors in one form, headers."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.status import HTTP_400_BAD_REQUEST, HTTP_422_UNPROCESSABLE_CONTENT, HTTP_503_SERVICE_UNAVAILABLE

from console import web
from console.access import Services
from console.api import alerts, commands, oidc, past, proposals, scenarios, session, twins
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
    for module in (session, oidc, twins, past, commands, alerts, proposals, scenarios):
        app.include_router(module.router)

    @app.exception_handler(HistoryError)
    async def bad_question(_request: Request, error: HistoryError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, HTTP_422_UNPROCESSABLE_CONTENT)

    @app.exception_handler(HistoryUnavailable)
    async def no_history(_request: Request, error: HistoryUnavailable) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, HTTP_503_SERVICE_UNAVAILABLE)

    @app.exception_handler(RequestValidationError)
    async def not_understood(_request: Request, error: RequestValidationError) -> JSONResponse:
        # One form for every refusal, which names the field and what was expected; what was sent is not sent back.
        said = [f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}" for each in error.errors()]
        return JSONResponse({"detail": "; ".join(said)}, HTTP_422_UNPROCESSABLE_CONTENT)

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        if error.status_code == HTTP_400_BAD_REQUEST:
            # A body that is no text at all.
            return JSONResponse({"detail": "body: expected JSON"}, HTTP_422_UNPROCESSABLE_CONTENT)
        return await http_exception_handler(request, error)

    if services.settings.console_web_dir:
        web.serve_page(app, Path(services.settings.console_web_dir))
    app.add_middleware(web.SecureHeaders)
    return app
