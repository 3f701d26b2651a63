"""The collectors put together: sources, store, uplink, and a stop that waits for acknowledgements."""

from __future__ import annotations

import asyncio
import functools
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from collector import config as config_module
from collector import metrics, sources
from collector.config import Config
from collector.model import ConfigError, Reading, Surroundings
from collector.packs import Numbers, packs
from collector.runner import Runner
from collector.settings import CollectorSettings
from collector.store import Store
from collector.totals import Totals
from collector.uplink.pump import Make, Pump
from collector.uplink.transport import EnvironmentCredentials
from racktwin import health as health_module
from racktwin import logs
from racktwin.device_credentials import CredentialSource, SecretFiles
from racktwin.tls import certificate_of

# How long a graceful stop waits for Hono's acknowledgements (s).
_DRAIN_S: Final = 4.0


def epoch_ms() -> int:
    """Now in epoch milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Intake:
    """Readings in, messages kept. Called in the event loop's thread."""

    def __init__(
        self, store: Store, pump: Pump, totals: Totals, max_bytes: int, log: structlog.stdlib.BoundLogger
    ) -> None:
        self._store, self._pump, self._totals, self._max_bytes, self._log = store, pump, totals, max_bytes, log
        self._numbers = Numbers()
        self._broken = ""

    def take(self, readings: Sequence[Reading]) -> None:
        """Keep readings, and the totals that they complete."""
        for thing, payload, count in packs([*readings, *self._totals.of(readings)], self._numbers, self._max_bytes):
            try:
                kept = self._store.append(thing, payload, count)
            except OSError as error:
                metrics.LOST.labels("disk").inc(count)
                if str(error) != self._broken:
                    self._log.error("readings cannot be kept", reason=str(error))
                self._broken = str(error)
                continue
            self._broken = ""
            if kept:
                metrics.KEPT.inc(count)
        self._pump.wake()


def totals_of(made: Sequence[sources.Made], site: str) -> Totals:
    """Which things' power is the sum of their feeds'."""
    bound = [
        (binding.thing, binding.property)
        for item in made
        for binding in getattr(item.source, "bindings", ())
        if binding.feature == "power"
    ]
    measured = {thing for thing, name in bound if name == "power"}
    return Totals([pair for pair in bound if pair[0] not in measured])


def credentials_of(config: Config) -> tuple[CredentialSource, str]:
    """Where the gateway's credentials are, and under which name."""
    uplink = config.uplink
    if uplink.credentials_env:
        return EnvironmentCredentials(), uplink.credentials_env
    folder = (Path(config.folder) / uplink.credentials).resolve()
    return SecretFiles(folder.parent), folder.name


def transport_of(config: Config) -> Make:
    """The transport that the configuration asks for; only that one is imported."""
    uplink = config.uplink
    ca_file = str(Path(config.folder) / uplink.ca_file) if uplink.ca_file else ""
    if uplink.protocol == "http":
        from collector.uplink.http import HttpTransport  # noqa: PLC0415 - memory

        return functools.partial(HttpTransport, ca_file=ca_file)
    if uplink.protocol == "amqp":
        from collector.uplink.amqp import AmqpTransport  # noqa: PLC0415 - memory

        return functools.partial(AmqpTransport, address=uplink.amqp, tls=uplink.amqp_tls, ca_file=ca_file)
    from collector.uplink.mqtt import MqttTransport  # noqa: PLC0415 - memory

    return functools.partial(MqttTransport, ca_file=ca_file)


def run(path: Path, settings: CollectorSettings) -> int:
    """Collect until stopped; the exit code."""
    log = logs.configure("collector", settings.log_level)
    state = health_module.Health()
    try:
        config = config_module.load(path)
        made = sources.make(config, Surroundings(config.site, epoch_ms))
        server = health_module.serve(
            state,
            settings.health_host,
            settings.health_port,
            certificate=certificate_of(*settings.certificate),
        )
        store = Store(Path(config.folder) / config.store.directory, int(config.store.max_mb * 1e6), config.store.drop)
    except (ConfigError, OSError, ValueError) as error:
        print(f"collector: {error}", file=sys.stderr)
        return 2
    log.info("started", health_port=int(server.server_address[1]), sources=len(made))
    if store.recovered_packs:
        log.info("messages of an earlier run that Hono has not", count=store.recovered_packs)
    source, name = credentials_of(config)
    pump = Pump(
        store, source, name, transport_of(config), window=config.uplink.window,
        ack_timeout_s=config.uplink.ack_timeout_s, health=state, log=log,
    )  # fmt: skip
    intake = Intake(store, pump, totals_of(made, config.site), config.uplink.max_bytes, log)
    pump.start()
    state.set_ready(True)
    try:
        asyncio.run(_collect(made, intake, state, log))
    except Exception:
        log.exception("crashed")
        return 1
    finally:
        pump.stop(_DRAIN_S)
        store.close()
    log.info("stopped", left=store.backlog()[0])
    return 0


async def _collect(
    made: Sequence[sources.Made],
    intake: Intake,
    state: health_module.Health,
    log: structlog.stdlib.BoundLogger,
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stopped.set()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)

    async def beat() -> None:
        while not stopped.is_set():
            state.heartbeat("collect", 60.0)
            await asyncio.sleep(1.0)

    beating = asyncio.create_task(beat())
    try:
        await Runner(intake.take, log, random.Random()).run(made, stopped)  # noqa: S311 - no secret
    finally:
        beating.cancel()
