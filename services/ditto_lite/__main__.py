"""The process ``python -m ditto_lite``."""

from __future__ import annotations

import asyncio
import gc
import sqlite3

from aiohttp import web

from ditto_lite.app import Options, Service
from ditto_lite.settings import DittoLiteSettings
from racktwin.process import Context, Fatal, main_async

_HEARTBEAT_S = 2.0


async def run(settings: DittoLiteSettings, context: Context) -> None:
    """Racktwin's embedded stand-in for Eclipse Ditto: HTTP API 2, search, events and Kafka connections on SQLite."""
    password = settings.ditto_lite_devops_password
    options = Options(
        settings.ditto_lite_db,
        settings.ditto_lite_synchronous,
        settings.ditto_lite_wot_validation,
        settings.ditto_lite_devops_user,
        password.get_secret_value() if password else None,
        settings.ditto_lite_rate_profile,
    )
    try:
        service = Service(options, context.clock)
    except (sqlite3.Error, OSError) as wrong:
        raise Fatal(f"cannot open {options.db}: {wrong}; set RACKTWIN_DITTO_LITE_DB to a writable file") from wrong

    def broken(error: BaseException) -> None:
        context.log.error("state cannot be written; stopping", error=str(error))
        context.health.set_ready(False, "state cannot be written", part="store")
        context.stopped.set()

    service.committer.on_failure = broken
    runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    site = web.TCPSite(runner, settings.ditto_lite_host, settings.ditto_lite_port, backlog=1024)
    try:
        await site.start()
    except OSError as wrong:
        raise Fatal(
            f"cannot listen on {settings.ditto_lite_host}:{settings.ditto_lite_port}: {wrong.strerror}; "
            "set RACKTWIN_DITTO_LITE_PORT to a free port"
        ) from wrong
    await service.connections.start()
    context.log.info(
        "serving; this is a stand-in for Eclipse Ditto, not Eclipse Ditto",
        address=runner.addresses[0],
        rate_profile=options.rate_profile,
        things=len(service.twin.things),
        policies=len(service.twin.policies),
        connections=len(service.connections.ids()),
    )
    # The state is large and has no cycles: looking through all of it again and again would stop everything else.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    context.health.set_ready(True)
    try:
        while not context.stopped.is_set():
            context.health.heartbeat("loop", max_age_s=30)
            try:
                await asyncio.wait_for(context.stopped.wait(), _HEARTBEAT_S)
            except TimeoutError:
                continue
    finally:
        service.streams.close()
        await runner.cleanup()
        await service.close()
    if service.committer.failed is not None:
        raise Fatal(f"state cannot be written: {service.committer.failed}")


if __name__ == "__main__":
    main_async("ditto_lite", DittoLiteSettings, run)
