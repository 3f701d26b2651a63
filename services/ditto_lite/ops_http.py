"""HTTP about the service itself: who am I, health, status. The status says that this is a stand-in.

I/O of one request.
"""

from __future__ import annotations

import os
import platform
from typing import Final

from aiohttp import web

from ditto_lite.auth import subjects_of
from ditto_lite.http_common import NOT_FOUND_TEXT, Services, json_response, plain
from racktwin import __version__

# The version whose answers this imitates.
IMITATES: Final = "3.9.6"


class OpsHttp:
    """Handlers about the service."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def whoami(self, request: web.Request) -> web.StreamResponse:
        """Subjects of the caller."""
        subjects = subjects_of(request.headers)
        return json_response({"defaultSubject": subjects[0], "subjects": list(subjects)})

    async def health(self, request: web.Request) -> web.StreamResponse:
        """UP while changes can be written."""
        failed = self._services.committer.failed is not None
        return json_response({"status": "DOWN" if failed else "UP"}, 503 if failed else 200)

    async def status(self, request: web.Request) -> web.StreamResponse:
        """What this is."""
        return json_response(
            {
                "service": "ditto-lite",
                "racktwin-stand-in": True,
                "description": "Racktwin's embedded stand-in for Eclipse Ditto; not Eclipse Ditto.",
                "imitates": f"Eclipse Ditto {IMITATES}",
                "rate-profile": self._services.rate_profile,
                "service-version": __version__,
                "hostname": platform.node(),
                "processor-count": os.cpu_count(),
                "things": len(self._services.twin.things),
                "policies": len(self._services.twin.policies),
            }
        )

    async def stats(self, request: web.Request) -> web.StreamResponse:
        """How much is kept."""
        twin = self._services.twin
        return json_response({"hotThings": len(twin.things), "hotPolicies": len(twin.policies)})

    async def gone(self, request: web.Request) -> web.StreamResponse:
        """Versions of the API that Ditto no longer has, and what it never had."""
        parts = request.path.split("/")
        if len(parts) > 2 and parts[1] == "api" and parts[2] != "2":
            return json_response(
                {
                    "status": 404,
                    "error": "api.version.notsupported",
                    "message": f"The requested resource is not supported by version '{parts[2]}'.",
                    "description": "Check if you specified the correct version of the API.",
                },
                404,
            )
        return plain(404, NOT_FOUND_TEXT)
