"""`python -m alerting`: puts the parts together."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from alerting import certificates, wire
from alerting.board import Board, Change
from alerting.settings import AlertingSettings
from racktwin import names, process
from racktwin.kafka import SafeProducer
from racktwin.process import Context
from racktwin.twin_feed import TwinFeed

OPEN = Gauge("racktwin_alerts_open", "Alerts that fire now.", ["site", "severity"])
CHANGES = Counter("racktwin_alert_changes_total", "Alerts that began, ended or were acknowledged.", ["site", "what"])
_FLUSH_S = 10.0


class Alerting:
    """Judges twins and says what changed. Called from one thread."""

    def __init__(self, feed: TwinFeed, producer: SafeProducer, context: Context, scale: float) -> None:
        self._feed = feed
        self._producer = producer
        self._context = context
        self._scale = scale
        self._boards: dict[str, Board] = {}

    def take_certificates(self, found: dict[str, int]) -> None:
        """Put when certificates end onto the twins of the sites."""
        for site in self._feed.fleets:
            for topic, key, value in certificates.records(site, found, self._context.clock()):
                self._producer.produce(topic, key, value)

    def look(self, *, everything: bool) -> None:
        """Judge what changed since the last look, or everything."""
        now = self._context.clock()
        for site, fleet in self._feed.fleets.items():
            board = self._boards.setdefault(site, Board(self._scale))
            changed, gone = fleet.drain()
            for name in gone:
                for change in board.forget(name, now):
                    self._say(site, change)
            for name in list(fleet.things) if everything else list(changed):
                for change in board.judge(fleet.things[name], now):
                    self._say(site, change)
            for severity, count in board.count().items():
                OPEN.labels(site, severity).set(count)
        self._producer.flush(_FLUSH_S)

    def _say(self, site: str, change: Change) -> None:
        CHANGES.labels(site, change.what).inc()
        self._context.log.info("alert", what=change.what, rule=change.rule.name, text=change.finding.text)
        thing = change.thing["thingId"]
        command = wire.twin_command(change, f"alerting-{uuid.uuid4().hex[:12]}")
        if command is not None:
            self._producer.produce(names.own_topic("twin", site), thing, command)
        self._producer.produce(names.own_topic("readings", site), thing, wire.history_record(change))


def run(settings: AlertingSettings, context: Context) -> None:
    """Say what is wrong on which twin, once when it begins and once when it is over."""
    calls: queue.SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]] = queue.SimpleQueue()
    feed = TwinFeed(
        settings,
        settings,
        settings.site_list(),
        name="alerting",
        call=lambda function, *arguments: calls.put((function, arguments)),
    )
    alerting = Alerting(feed, SafeProducer(settings), context, settings.alerting_time_scale)
    context.health.set_ready(False, "twins: starting", part="twins")
    context.health.set_ready(True)
    feed.start()
    places = settings.certificate_places()
    if places:

        def watch() -> None:
            while feed.state != "live" and not context.stop.wait(1.0):
                pass
            while not context.stop.is_set():
                found = certificates.ends(
                    places, lambda place, problem: context.log.info("certificate", place=place, problem=problem)
                )
                if found:
                    calls.put((alerting.take_certificates, (found,)))
                context.stop.wait(settings.alerting_certificates_every_s)

        threading.Thread(target=watch, name="certificates", daemon=True).start()
    next_look = next_all = time.monotonic()
    while not context.stop.is_set():
        context.health.heartbeat("look", 120.0)
        context.health.set_ready(feed.state == "live", f"twins: {feed.state}", part="twins")
        try:
            function, arguments = calls.get(timeout=0.2)
            function(*arguments)
            continue
        except queue.Empty:
            pass
        finally:
            now = time.monotonic()
            if now >= next_look and feed.state == "live":
                alerting.look(everything=now >= next_all)
                next_look = now + settings.alerting_every_s
                if now >= next_all:
                    next_all = now + settings.alerting_all_every_s
    feed.stop()


def main() -> None:
    """Run alerting."""
    process.main("alerting", AlertingSettings, run)
