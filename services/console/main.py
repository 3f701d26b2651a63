"""`python -m console`: puts the parts together and serves until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path

import uvicorn
from kubernetes.config.config_exception import ConfigException

from console.access import Services
from console.app import build
from console.audit import KafkaJournal
from console.history import History
from console.live import Hub
from console.oidc import Oidc
from console.questions import OptimiserQuestions
from console.scenarios import ClusterScenarios
from console.sessions import Sessions
from console.settings import ConsoleSettings
from console.users import LocalUsers, UsersError
from racktwin import process
from racktwin.ditto_client import DittoClient
from racktwin.history import Retention
from racktwin.names import thing_id
from racktwin.process import Context, Fatal
from racktwin.twin_feed import TwinFeed


def _ditto(settings: ConsoleSettings) -> DittoClient:
    """One client a thread, for requests' sessions belong to one."""
    client = getattr(_LOCAL, "client", None)
    if client is None:
        client = _LOCAL.client = DittoClient(settings, timeout_s=10)
    assert isinstance(client, DittoClient)
    return client


_LOCAL = threading.local()


def _scenarios(context: Context) -> ClusterScenarios | None:
    try:
        return ClusterScenarios()
    except ConfigException as error:
        context.log.warning("no scenarios without a Kubernetes API", error=str(error))
        return None


async def run(settings: ConsoleSettings, context: Context) -> None:
    """Serve the page and its API."""
    try:
        sessions = Sessions(settings.console_session_key.get_secret_value(), settings.console_session_hours)
        users = LocalUsers(Path(settings.console_users_file)) if settings.console_users_file else None
        oidc = Oidc(settings, settings.console_session_key.get_secret_value()) if settings.console_oidc_issuer else None
    except (ValueError, UsersError) as error:
        raise Fatal(str(error)) from error
    if users is None and oidc is None:
        raise Fatal("nobody could sign in: set RACKTWIN_CONSOLE_USERS_FILE or RACKTWIN_CONSOLE_OIDC_ISSUER")
    loop = asyncio.get_running_loop()
    feed = TwinFeed(
        settings,
        settings,
        settings.site_list(),
        name="console",
        call=loop.call_soon_threadsafe,
        on_change=lambda: context.health.set_ready(feed.state == "live", f"twins: {feed.state}", part="twins"),
    )
    hub = Hub(feed, settings.console_push_ms / 1000, context.clock)

    def keeps(site: str) -> Retention:
        fleet = feed.fleets.get(site)
        # One look-up: this is asked in other threads than the feed's.
        own = fleet.things.get(thing_id(site, "site", site), {}) if fleet is not None else {}
        return Retention().of_site(own.get("attributes") or {})

    history = History(settings, keeps)
    journal = KafkaJournal(settings)
    app = build(
        Services(
            settings=settings,
            sessions=sessions,
            users=users,
            feed=feed,
            hub=hub,
            history=history,
            ditto=lambda: _ditto(settings),
            clock=context.clock,
            journal=journal,
            questions=OptimiserQuestions(),
            oidc=oidc,
            scenarios=_scenarios(context),
        )
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.console_host,
            port=settings.console_port,
            ssl_certfile=settings.console_tls_cert,
            ssl_keyfile=settings.console_tls_key,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=settings.console_origin is not None,
            timeout_graceful_shutdown=5,
        )
    )
    context.health.set_ready(False, "twins: starting", part="twins")
    context.health.set_ready(True)
    feed.start()
    pushing = asyncio.create_task(hub.run(context.stopped))
    serving = asyncio.create_task(_serve(server))
    try:
        await asyncio.wait((asyncio.create_task(context.stopped.wait()), serving), return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not context.stopped.is_set():
            raise Fatal(
                f"cannot listen on {settings.console_host}:{settings.console_port}; "
                "set RACKTWIN_CONSOLE_PORT to a free port"
            )
    finally:
        context.stopped.set()
        await pushing
        server.should_exit = True
        with contextlib.suppress(SystemExit):
            await serving
        await asyncio.to_thread(feed.stop)
        history.close()
        journal.close()


async def _serve(server: uvicorn.Server) -> None:
    # Signals are the process's business.
    server.config.setup_event_loop = lambda: None  # type: ignore[method-assign]
    with contextlib.suppress(SystemExit):
        await server._serve()


def main() -> None:
    """Run the console."""
    process.main_async("console", ConsoleSettings, run)
