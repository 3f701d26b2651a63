"""`python -m alerting`: puts the parts together."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial

from prometheus_client import Counter, Gauge

from alerting import certificates, wire
from alerting.board import Board, Change
from alerting.history import HistoryThread
from alerting.leftovers import Found, Leftovers
from alerting.settings import AlertingSettings
from racktwin import names, process
from racktwin.kafka import SafeProducer
from racktwin.process import Context
from racktwin.twin_feed import TwinFeed

OPEN = Gauge("racktwin_alerts_open", "Alerts that fire now.", ["site", "severity"])
CHANGES = Counter("racktwin_alert_changes_total", "Alerts that began, ended or were acknowledged.", ["site", "what"])
UNREAD = Gauge(
    "racktwin_alerts_history_unread", "1 while it could not be read which alerts are open in history.", ["site"]
)
_FLUSH_S = 10.0


class Alerting:
    """Judges twins and says what changed. Called from one thread."""

    def __init__(
        self,
        feed: TwinFeed,
        producer: SafeProducer,
        context: Context,
        new_board: Callable[[], Board],
        leftovers: Leftovers | None = None,
    ) -> None:
        """``new_board``: for a site that is met. ``leftovers`` None: without InfluxDB."""
        self._feed = feed
        self._producer = producer
        self._context = context
        self._new_board = new_board
        self._leftovers = leftovers
        self._boards: dict[str, Board] = {}

    def take_certificates(self, found: dict[str, int]) -> None:
        """Put when certificates end onto the twins of the sites."""
        for site in self._feed.fleets:
            for topic, key, value in certificates.records(site, found, self._context.clock()):
                self._producer.produce(topic, key, value)

    def look(self, *, everything: bool) -> None:
        """Judge what changed since the last look, or everything."""
        now = self._context.clock()
        for site in self._boards.keys() - self._feed.fleets.keys():
            # A site of this name that comes again is another.
            del self._boards[site]
        for site, fleet in self._feed.fleets.items():
            if site not in self._boards:
                self._boards[site] = self._new_board()
                if self._leftovers is not None:
                    self._leftovers.begin(site)
            board = self._boards[site]
            changed, gone = fleet.drain()
            for name in gone:
                for change in board.forget(name, now):
                    self._say(site, change)
            for name in list(fleet.things) if everything else list(changed):
                for change in board.judge(fleet.things[name], now):
                    self._say(site, change)
            for severity, count in board.count().items():
                OPEN.labels(site, severity).set(count)
            if self._leftovers is not None:
                self._leftovers.ask_if_due(site, fleet.things)
        self._producer.flush(_FLUSH_S)

    def take_history(self, site: str, found: Found) -> None:
        """End what is open in a site's history alone."""
        UNREAD.labels(site).set(0)
        fleet, board = self._feed.fleets.get(site), self._boards.get(site)
        if self._leftovers is None or fleet is None or board is None:
            return
        for change in self._leftovers.over(site, found, fleet.things, board, self._context.clock()):
            self._say(site, change)

    def take_no_history(self, site: str, problem: str) -> None:
        """A site's history could not be read: it is tried again."""
        UNREAD.labels(site).set(1)
        if self._leftovers is not None:
            again_s = self._leftovers.failed(site)
            self._context.log.warning("history could not be read", site=site, problem=problem, again_in_s=again_s)

    def _say(self, site: str, change: Change) -> None:
        CHANGES.labels(site, change.what).inc()
        self._context.log.info("alert", what=change.what, rule=change.rule.name, text=change.finding.text)
        thing = change.thing["thingId"]
        command = wire.twin_command(change, f"alerting-{uuid.uuid4().hex[:12]}")
        if command is not None:
            self._producer.produce(names.own_topic("twin", site), thing, command)
        self._producer.produce(names.own_topic("readings", site), thing, wire.history_record(change))
        if self._leftovers is not None:
            self._leftovers.said(change)


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
    leftovers = None
    if settings.influx_url:
        history = HistoryThread(
            settings,
            settings,
            found=lambda site, found: calls.put((alerting.take_history, (site, found))),
            failed=lambda site, problem: calls.put((alerting.take_no_history, (site, problem))),
        )
        leftovers = Leftovers(
            history.ask,
            after_s=settings.alerting_history_after_s,
            every_s=settings.alerting_history_every_s,
            clock=time.monotonic,
        )
        history.start()
    else:
        context.log.info("no InfluxDB: an alert whose thing is deleted while alerting is down stays open in history")
    new_board = partial(Board, settings.alerting_time_scale, settings.alerting_calm_scale)
    alerting = Alerting(feed, SafeProducer(settings), context, new_board, leftovers)
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
