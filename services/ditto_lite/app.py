"""The service: its parts put together, and every route on one page.

Next: :mod:`ditto_lite.__main__` runs it as a process; tests run it in their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from aiohttp import web

from ditto_lite.bus import Bus
from ditto_lite.commit import Committer
from ditto_lite.connections import Connections
from ditto_lite.connections_http import ConnectionsHttp
from ditto_lite.http_common import Services, envelope
from ditto_lite.messages import Messages
from ditto_lite.messages_http import MessagesHttp
from ditto_lite.ops_http import OpsHttp
from ditto_lite.pace import Pace
from ditto_lite.pace_http import paced
from ditto_lite.policies_http import PoliciesHttp
from ditto_lite.rates import PROFILES, ProfileName
from ditto_lite.search import Search
from ditto_lite.search_http import SearchHttp
from ditto_lite.search_index import LaggingIndex, Searchable
from ditto_lite.sse import Streams
from ditto_lite.store import Row, Store
from ditto_lite.things_http import ThingsHttp
from ditto_lite.twin import Twin
from ditto_lite.wot import Models
from ditto_lite.wot_fetch import ModelFetcher

MAX_REQUEST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Options:
    """How a service is to run."""

    db: Path
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    wot_validation: bool = True
    devops_user: str = "devops"
    devops_password: str | None = None
    rate_profile: ProfileName = "none"


class Service:
    """One stand-in: state, store, connections and the HTTP application. Made inside a running event loop."""

    def __init__(self, options: Options, clock: Callable[[], int]) -> None:
        """Open the store and load the state.

        Raises:
            sqlite3.Error: the file cannot be opened.
        """
        bus = Bus()
        models = Models(options.wot_validation)
        self.store = Store(options.db, options.synchronous)
        self.twin = Twin(clock, bus, models)
        self.committer = Committer(self.store, self._drain)
        self.fetcher = ModelFetcher(models)
        self.pace = Pace(PROFILES[options.rate_profile])
        self._options = options
        for row in self.store.load("policy"):
            self.twin.load(row)
        for row in self.store.load("thing"):
            self.twin.load(row)
        index: Searchable = self.twin
        if self.pace.profile is not None:
            index = LaggingIndex(self.twin, round(self.pace.profile.search_lag_s * 1000))
        messages = Messages(self.twin, bus)
        self.services = Services(
            self.twin,
            bus,
            self.committer,
            self.fetcher,
            messages,
            self.pace,
            Search(index),
            options.rate_profile,
            clock,
        )
        self.connections = Connections(self.services)
        self.streams = Streams(self.twin, bus)
        for row in self.store.load("connection"):
            self.connections.load(row)

    def _drain(self) -> tuple[list[Row], list[Callable[[], None]]]:
        rows, after = self.twin.drain()
        return rows + self.connections.drain(), after

    async def close(self) -> None:
        """Stop connections and streams, write what is left, close the store."""
        self.streams.close()
        self.pace.close()
        await self.connections.stop()
        await self.committer.close()
        await self.fetcher.close()
        self.store.close()

    def application(self) -> web.Application:
        """Every route."""
        app = web.Application(middlewares=[envelope, paced(self.pace, self.twin)], client_max_size=MAX_REQUEST_BYTES)
        messages = MessagesHttp(self.services, self.streams)
        things = ThingsHttp(self.services, self.streams, messages)
        policies = PoliciesHttp(self.services)
        search = SearchHttp(self.services.search)
        ops = OpsHttp(self.services)
        connections = ConnectionsHttp(self.connections, self._options.devops_user, self._options.devops_password)
        route = app.router.add_route
        route("GET", "/api/2/whoami", ops.whoami)
        route("GET", "/health", ops.health)
        route("GET", "/status/health", ops.health)
        route("GET", "/status", ops.status)
        route("GET", "/overall/status", ops.status)
        route("GET", "/stats/things", ops.stats)
        route("GET", "/api/2/things", things.collection_get)
        route("POST", "/api/2/things", things.collection_post)
        route("*", "/api/2/things/{rest:.+}", things.item)
        route("*", "/api/2/policies/{rest:.+}", policies.item)
        route("POST", "/api/2/checkPermissions", policies.check_permissions)
        for method in ("GET", "POST"):
            route(method, "/api/2/search/things", search.things)
            route(method, "/api/2/search/things/count", search.count)
        route("GET", "/api/2/connections", connections.collection_get)
        route("POST", "/api/2/connections", connections.collection_post)
        route("GET", "/api/2/connections/{id}", connections.item_get)
        route("PUT", "/api/2/connections/{id}", connections.item_put)
        route("DELETE", "/api/2/connections/{id}", connections.item_delete)
        route("POST", "/api/2/connections/{id}/command", connections.command)
        route("GET", "/api/2/connections/{id}/status", connections.status)
        route("GET", "/api/2/connections/{id}/metrics", connections.metrics)
        route("GET", "/api/2/connections/{id}/logs", connections.logs)
        route("*", "/{rest:.*}", ops.gone)
        return app
