"""The bridge put together: which sites, both sides, readiness, a stop that leaves nothing unsettled."""

from __future__ import annotations

import re
import sys
import time
from functools import partial
from typing import Final

from confluent_kafka import KafkaException
from proton import Message

from hono_bridge import metrics
from hono_bridge.amqp import AmqpSide
from hono_bridge.command_source import CommandSource
from hono_bridge.commands import Command
from hono_bridge.intake import Intake, KafkaSink
from hono_bridge.links import Arrival
from hono_bridge.settings import BridgeSettings
from racktwin.kafka import make_consumer
from racktwin.names import SITE_PATTERN
from racktwin.process import Context, Fatal

_TELEMETRY: Final = re.compile(r"^hono\.telemetry\.(?P<site>.+)$")
_SITE: Final = re.compile(SITE_PATTERN)
# Three threads share the interpreter; the default of 5 ms would be most of a message's time in here (s).
_SWITCH_S: Final = 0.0005
# How long a graceful stop waits for Kafka's acknowledgements (s).
_STOP_S: Final = 10.0


def sites_in(topics: set[str], chosen: list[str] | None) -> set[str]:
    """Sites whose ``hono.telemetry.<site>`` exists, narrowed to the chosen ones."""
    found = {match["site"] for topic in topics if (match := _TELEMETRY.match(topic)) and _SITE.match(match["site"])}
    return found if chosen is None else found & set(chosen)


class _Ears:
    """Passes on what the AMQP side reports."""

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context, self._intake = context, intake
        self.commands: CommandSource | None = None

    def arrived(self, arrival: Arrival, message: Message) -> None:
        self._intake.arrived(arrival, message)

    def outcome(self, command: Command, outcome: str) -> None:
        if self.commands is not None:
            self.commands.outcome(command, outcome)

    def connection(self, up: bool, reason: str) -> None:
        self._context.health.set_ready(up, f"AMQP broker: {reason}", part="amqp")

    def beat(self) -> None:
        self._context.health.heartbeat("amqp", 30.0)


def run(settings: BridgeSettings, context: Context) -> None:
    """Bridge between an AMQP-messaging Hono and Kafka: telemetry, events, commands, responses."""
    sys.setswitchinterval(_SWITCH_S)
    context.health.set_ready(False, "AMQP broker: not connected yet", part="amqp")
    context.health.set_ready(False, "Kafka: not reached yet", part="kafka")
    context.health.set_ready(True)
    sink = KafkaSink(
        settings, delivery_timeout_s=settings.bridge_delivery_timeout_s, linger_ms=settings.bridge_linger_ms
    )
    intake = Intake(sink, context.clock, context.log)
    ears = _Ears(context, intake)
    scheme = "amqps" if settings.hono_amqp_tls else "amqp"
    amqp = AmqpSide(
        f"{scheme}://{settings.hono_amqp_host}:{settings.hono_amqp_port}",
        settings.hono_amqp_user,
        settings.hono_amqp_password.get_secret_value(),
        credit=settings.bridge_credit,
        reply_id=settings.bridge_reply_id,
        undelivered=[a.strip() for a in settings.bridge_undelivered_addresses.split(",") if a.strip()],
        listener=ears,
        clock=context.clock,
        log=context.log,
    )
    intake.attach(amqp)
    source = CommandSource(
        make_consumer(settings, settings.bridge_group),
        sink,
        amqp,
        max_age_ms=round(settings.bridge_command_max_age_s * 1000),
        in_flight=settings.bridge_commands_in_flight,
        clock=context.clock,
        log=context.log,
    )
    ears.commands = source
    sink.start(intake.flush_settlements)
    amqp.start()
    try:
        _serve(settings, context, sink, amqp, source)
    finally:
        amqp.drain()
        left = sink.flush(_STOP_S)
        source.close()
        if left:
            context.log.warning("stopped with unacknowledged messages; the broker redelivers them", count=left)
        amqp.stop(_STOP_S)
        sink.stop()


def _serve(settings: BridgeSettings, context: Context, sink: KafkaSink, amqp: AmqpSide, source: CommandSource) -> None:
    chosen = settings.site_list()
    sites: set[str] = set()
    next_refresh = 0.0
    next_commit = 0.0
    while not context.stop.is_set():
        context.health.heartbeat("commands", 60.0)
        if not amqp.alive():
            raise Fatal(f"the AMQP thread ended: {amqp.failure!r}")
        now = time.monotonic()
        if now >= next_refresh:
            next_refresh = now + settings.bridge_site_refresh_s
            try:
                topics = sink.topics(2.0)
            except KafkaException as error:
                context.health.set_ready(False, f"Kafka: {error.args[0].str()}", part="kafka")
            else:
                context.health.set_ready(True, part="kafka")
                found = sites_in(topics, chosen)
                if found != sites:
                    context.log.info("sites", added=sorted(found - sites), removed=sorted(sites - found))
                    sites = found
                    metrics.SITES.set(len(sites))
                    amqp.post(partial(amqp.serve_sites, set(sites)))
                source.serve_sites({s for s in sites if f"hono.command.{s}" in topics})
        source.poll(0.05)
        if now >= next_commit:
            next_commit = now + 0.5
            source.commit()
