"""The life of a process: arguments, settings, logs, health server, signals, exit code.

Every long-running process of ours is ``main(...)`` (threads) or ``main_async(...)`` (asyncio) around its own ``run``.
Exit codes: 0 after a graceful stop, 1 when something broke, 2 for bad arguments or settings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from racktwin import __version__, health, logs
from racktwin.settings import ProcessSettings
from racktwin.tls import certificate_of

S = TypeVar("S", bound=ProcessSettings)


def epoch_ms() -> int:
    """Now in epoch milliseconds UTC: the clock that processes pass to their pure parts."""
    return time.time_ns() // 1_000_000


@dataclass
class Context:
    """What a process is given by its surroundings."""

    name: str
    log: structlog.stdlib.BoundLogger
    health: health.Health
    stop: threading.Event
    clock: Callable[[], int] = epoch_ms
    health_port: int = 0
    # Set for asyncio processes: the same stop as something to await.
    stopped: asyncio.Event = field(default_factory=asyncio.Event)


class Fatal(Exception):
    """A condition that ends the process with one clear line: what is wrong, and the next step."""


def main(name: str, settings_class: type[S], run: Callable[[S, Context], None], argv: list[str] | None = None) -> None:
    """Run a threaded process to its end and exit. ``run`` returns soon after ``context.stop`` is set."""
    settings, context = _prepare(name, settings_class, run.__doc__ or "", argv)

    def stop(number: int, _frame: FrameType | None) -> None:
        context.log.info("stopping", signal=signal.Signals(number).name)
        context.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        run(settings, context)
    except Fatal as error:
        context.log.error("fatal", error=str(error))
        sys.exit(1)
    except Exception:
        context.log.exception("crashed")
        sys.exit(1)
    context.log.info("stopped")
    sys.exit(0)


def main_async(
    name: str,
    settings_class: type[S],
    run: Callable[[S, Context], Awaitable[None]],
    argv: list[str] | None = None,
) -> None:
    """Run an asyncio process to its end and exit. ``run`` returns soon after ``context.stopped`` is set."""
    settings, context = _prepare(name, settings_class, run.__doc__ or "", argv)

    async def whole() -> None:
        loop = asyncio.get_running_loop()
        context.stopped = asyncio.Event()

        def stop(number: signal.Signals) -> None:
            context.log.info("stopping", signal=number.name)
            context.stop.set()
            context.stopped.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        await run(settings, context)

    try:
        asyncio.run(whole())
    except Fatal as error:
        context.log.error("fatal", error=str(error))
        sys.exit(1)
    except Exception:
        context.log.exception("crashed")
        sys.exit(1)
    context.log.info("stopped")
    sys.exit(0)


def describe(settings_class: type[ProcessSettings]) -> list[dict[str, Any]]:
    """Every setting of a process: environment name, type, default, description."""
    prefix = settings_class.model_config.get("env_prefix", "")
    rows = []
    for field_name, info in sorted(settings_class.model_fields.items()):
        default = None if info.default is PydanticUndefined else info.default
        rows.append(
            {
                "name": f"{prefix}{field_name}".upper(),
                "type": getattr(info.annotation, "__name__", str(info.annotation)),
                "default": default if isinstance(default, str | int | float | bool | None) else str(default),
                "required": info.is_required(),
                "description": info.description or "",
            }
        )
    return rows


def load(settings_class: type[S]) -> S:
    """Settings from the environment.

    Raises:
        Fatal: a setting is missing or wrong; one line names each and what was expected.
    """
    try:
        return settings_class()
    except ValidationError as error:
        prefix = settings_class.model_config.get("env_prefix", "")
        problems = "; ".join(
            f"{prefix}{'.'.join(str(part) for part in item['loc'])}".upper() + f": {item['msg']}"
            for item in error.errors()
        )
        raise Fatal(f"settings: {problems}") from error


def _prepare(name: str, settings_class: type[S], doc: str, argv: list[str] | None) -> tuple[S, Context]:
    rows = describe(settings_class)
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=doc.strip(),
        epilog="settings (environment):\n"
        + "\n".join(f"  {r['name']} (default {r['default']!r})\n      {r['description']}" for r in rows),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--json", action="store_true", help="print the settings this process understands as JSON and exit"
    )
    arguments = parser.parse_args(argv)
    if arguments.json:
        print(json.dumps({"process": name, "version": __version__, "settings": rows}))
        sys.exit(0)
    try:
        settings = load(settings_class)
    except Fatal as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    log = logs.configure(name, settings.log_level)
    state = health.Health()
    try:
        certificate = certificate_of(settings.health_tls_cert, settings.health_tls_key)
    except (OSError, ValueError) as error:
        print(f"{name}: RACKTWIN_HEALTH_TLS_CERT, RACKTWIN_HEALTH_TLS_KEY: {error}", file=sys.stderr)
        sys.exit(2)
    try:
        server = health.serve(state, settings.health_host, settings.health_port, certificate=certificate)
    except OSError as error:
        print(
            f"{name}: health endpoint {settings.health_host}:{settings.health_port}: {error.strerror}; "
            "set RACKTWIN_HEALTH_PORT to a free port",
            file=sys.stderr,
        )
        sys.exit(2)
    port = int(server.server_address[1])
    log.info("started", version=__version__, health_port=port)
    return settings, Context(name=name, log=log, health=state, stop=threading.Event(), health_port=port)
