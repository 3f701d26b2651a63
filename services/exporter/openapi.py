"""The OpenAPI document of the exporter. Pure data; a test holds the server's answers against it."""

from __future__ import annotations

from racktwin.openapi import BEARER, TEXT, Json, answer, document, get


def openapi() -> Json:
    """The document."""
    accept: Json = {
        "name": "Accept",
        "in": "header",
        "schema": {"type": "string"},
        "description": "OpenMetrics where it names application/openmetrics-text, else Prometheus' older text format.",
    }
    return document(
        "Racktwin exporter",
        "What twins show now, for Prometheus. The token is asked for where one is set.",
        {
            "/metrics": get(
                "All twins of the kinds that are shown",
                {
                    "200": answer("A scrape.", "application/openmetrics-text", TEXT),
                    "401": answer("The bearer token is missing or wrong.", TEXT),
                    "503": answer("Twins are not known yet.", TEXT),
                },
                [accept],
            )
        },
        BEARER,
    )
