"""Twin events from Kafka into the fleets, and reading again what events do not tell.

A thread consumes ``racktwin.events.<site>`` from its end on (every replica sees every event, so nothing is committed)
and hands batches to the owner's thread (or event loop), where alone fleets are touched. Another thread reads things
from Ditto. Next: the console, alerting.
"""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Callable
from typing import Final, Literal

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, TopicPartition
from prometheus_client import Counter, Gauge

from racktwin import names
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.ditto_protocol import Envelope, decode
from racktwin.fleet import Fleet, Thing
from racktwin.kafka import make_consumer
from racktwin.settings import DittoSettings, KafkaSettings

_log = structlog.get_logger("racktwin.twin_feed")

EVENTS = Counter("racktwin_twin_feed_events_total", "Twin events taken in.")
UNREADABLE = Counter("racktwin_twin_feed_unreadable_total", "Twin events that could not be read.")
REREAD = Counter("racktwin_twin_feed_reread_total", "Things read again because events were lost.")
FEED_UP = Gauge("racktwin_twin_feed_up", "1 while twin events can be followed.")

FIELDS: Final = "thingId,policyId,attributes,features,_revision,_modified"
_BATCH: Final = 1000
# Everything is read again this often, for what no event told (s).
_REFRESH_S: Final = 300.0
# And so soon when there is an event of a site that is not known yet (s).
_NEW_SITE_S: Final = 2.0
# So long after a topic was assigned its newest offset is surely known to the consumer (s).
_SETTLED_S: Final = 5.0

State = Literal["starting", "live", "lost"]


class TwinFeed:
    """Keeps the fleets of the sites served true. ``fleets`` belongs to the owner's thread."""

    def __init__(
        self,
        kafka: KafkaSettings,
        ditto: DittoSettings,
        sites: list[str] | None,
        *,
        name: str,
        call: Callable[..., object],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """``sites`` None: those that Ditto has. ``call(function, *arguments)`` runs a function in the owner's thread.
        Nothing starts yet."""
        self.fleets: dict[str, Fleet] = {}
        self.state: State = "starting"
        self._kafka = kafka
        self._ditto = ditto
        self._sites = sites
        self._name = name
        self._call = call
        self._on_change = on_change
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._wanted: set[str] = set()
        self._new_site = threading.Event()
        self._read_at = -_REFRESH_S
        # When everything is read once more, because following of a topic began shortly before (monotonic s).
        self._again_at = math.inf
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._follow, name="events", daemon=True),
            threading.Thread(target=self._read, name="things", daemon=True),
        ]

    def start(self) -> None:
        """Begin to follow and to read."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; waits for them."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(10)

    # In the owner's thread.

    def _take(self, events: list[Envelope]) -> None:
        for event in events:
            try:
                site = names.site_of(event.topic.replace("/", ":", 1).split("/", 1)[0])
                fleet = self.fleets.get(site)
                if fleet is not None:
                    fleet.apply(event)
                elif self._sites is None or site in self._sites:
                    self._new_site.set()
            except ValueError:
                UNREADABLE.inc()
        unsure = {name for fleet in self.fleets.values() for name in fleet.unsure()}
        if unsure:
            with self._lock:
                self._wanted |= unsure
        if unsure or self._new_site.is_set():
            self._wake.set()
        self._on_change()

    def _put(self, things: list[Thing], missing: list[str]) -> None:
        for thing in things:
            site = names.site_of(thing["thingId"])
            self.fleets.setdefault(site, Fleet(site)).put(thing)
        for name in missing:
            fleet = self.fleets.get(names.site_of(name))
            if fleet is not None:
                fleet.remove(name)
        self._on_change()

    def _replace_all(self, found: dict[str, list[Thing]]) -> None:
        for site in self.fleets.keys() - found.keys():
            del self.fleets[site]
        for site, things in found.items():
            self._replace(site, things)
        self._on_change()

    def _replace(self, site: str, things: list[Thing]) -> None:
        fleet = self.fleets.setdefault(site, Fleet(site))
        present = {thing["thingId"] for thing in things}
        for name in fleet.things.keys() - present:
            fleet.remove(name)
        for thing in things:
            fleet.put(thing)

    def _set_state(self, state: State) -> None:
        if state != self.state:
            self.state = state
            FEED_UP.set(state == "live")
            self._on_change()

    # In threads of their own.

    def _follow(self) -> None:
        # The newest events alone: what was before is read from Ditto.
        consumer = make_consumer(self._kafka, f"{self._name}-{uuid.uuid4().hex[:12]}", auto_offset_reset="latest")
        consumer.subscribe([names.topic_pattern("racktwin", ("events",))], on_assign=self._assigned)
        try:
            while not self._stop.is_set():
                self._follow_batch(consumer)
        finally:
            consumer.close()

    def _assigned(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        """Events that a new site's topic held before it was followed are not seen: everything is read again."""
        self._new_site.set()
        self._again_at = time.monotonic() + _SETTLED_S
        self._wake.set()

    def _follow_batch(self, consumer: Consumer) -> None:
        events = []
        for message in consumer.consume(_BATCH, 0.1):
            error = message.error()
            if error is not None:
                # No site has such a topic yet, or it was deleted: nothing to follow, which is no fault.
                level = "info" if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART else "warning"
                getattr(_log, level)("kafka", error=error.str())
                continue
            EVENTS.inc()
            try:
                events.append(decode(message.value() or b""))
            except msgspec.DecodeError:
                UNREADABLE.inc()
        if events:
            self._call(self._take, events)

    def _read(self) -> None:
        client = DittoClient(self._ditto, timeout_s=20)
        while not self._stop.is_set():
            try:
                self._read_due(client)
                self._call(self._set_state, "live")
                self._wake.wait(2.0)
            except DittoError as error:
                _log.warning("ditto", error=str(error))
                self._call(self._set_state, "lost")
                self._read_at = -_REFRESH_S
                self._stop.wait(2.0)
            self._wake.clear()

    def _read_due(self, client: DittoClient) -> None:
        now = time.monotonic()
        since, again = now - self._read_at, now >= self._again_at
        if since >= _REFRESH_S or again or (self._new_site.is_set() and since >= _NEW_SITE_S):
            self._new_site.clear()
            if again:
                self._again_at = math.inf
            self._read_all(client)
            self._read_at = time.monotonic()
        self._read_wanted(client)

    def _read_all(self, client: DittoClient) -> None:
        found: dict[str, list[Thing]] = {site: [] for site in self._sites or ()}
        namespaces = ",".join(names.namespace(site) for site in self._sites) if self._sites else None
        for thing in client.search(namespaces=namespaces, fields=FIELDS):
            try:
                found.setdefault(names.site_of(thing["thingId"]), []).append(thing)
            except ValueError:
                continue
        self._call(self._replace_all, found)

    def _read_wanted(self, client: DittoClient) -> None:
        with self._lock:
            wanted, self._wanted = self._wanted, set()
        things, missing = [], []
        for name in sorted(wanted):
            thing = client.get_thing(name, FIELDS)
            REREAD.inc()
            if thing is None:
                missing.append(name)
            else:
                things.append(thing)
        if wanted:
            self._call(self._put, things, missing)
