"""Follows the marked reading: on Kafka's topics, on the twin, in InfluxDB, each watched by its own thread.

What is on Kafka bears the producer's time; twin and InfluxDB are asked many times a second, and bear the time of the
first answer that shows the reading. Next: `racktwin_cli.doctor.examination`, which makes it evidence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from racktwin import ditto_protocol, messages
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.messages import Reject
from racktwin.names import hono_topic, own_topic
from racktwin.process import epoch_ms
from racktwin.settings import KafkaSettings
from racktwin_cli import kafka_view
from racktwin_cli.doctor.evidence import Hop, Influx, Rejected, Sighting
from racktwin_cli.doctor.marked import Marked
from racktwin_cli.kafka_view import Place

_TWIN_EVERY_S: Final = 0.05
_INFLUX_EVERY_S: Final = 0.2


class Trail:
    """What was seen so far. Shared by the watchers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sightings: dict[Hop, Sighting] = {}
        self.places: dict[Hop, Place] = {}
        self.changed_at = time.monotonic()
        self.ditto_problem = ""
        self.influx: Influx | None = None

    def see(self, hop: Hop, at_ms: int, where: str, place: Place | None = None) -> None:
        """Note the first sighting at a hop."""
        with self._lock:
            if hop not in self._sightings:
                self._sightings[hop] = Sighting(at_ms, where)
                if place is not None:
                    self.places[hop] = place
                self.changed_at = time.monotonic()

    def seen(self) -> dict[Hop, Sighting]:
        """Every hop passed so far."""
        with self._lock:
            return dict(self._sightings)


class TopicWatcher:
    """Looks at the site's topics from the moment of its making on: make it before sending."""

    def __init__(self, settings: KafkaSettings, site: str) -> None:
        """Raises Failure when Kafka does not answer."""
        self._consumer: Consumer = kafka_view.reader(settings)
        found = kafka_view.topics(settings, self._consumer)
        self.topics = frozenset(found)
        self._hono = hono_topic("telemetry", site)
        self._readings, self._twin = own_topic("readings", site), own_topic("twin", site)
        self._predictions, self._rejects = own_topic("predictions", site), own_topic("rejects", site)
        watched = (self._hono, self._readings, self._twin, self._predictions, self._rejects)
        partitions = [(topic, number) for topic in watched for number in found.get(topic, ())]
        self._ends: list[TopicPartition] = kafka_view.ends(settings, self._consumer, partitions)
        if self._ends:
            self._consumer.assign(self._ends)
        self._rejected: list[Reject] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def poll(self, marked: Marked, trail: Trail, timeout_s: float) -> None:
        """Look at what came; blocks for `timeout_s` at most."""
        if not self._ends:
            time.sleep(timeout_s)
            return
        for message in self._consumer.consume(500, timeout_s):
            if message.error() is None and message.key() == marked.thing.encode():
                self._look(message, marked, trail)

    def rejected(self, trail: Trail) -> Rejected | None:
        """The dead letter of the marked reading, if there is one."""
        for reject in self._rejected:
            if Place(reject.topic, reject.partition, reject.offset) in trail.places.values():
                return Rejected(reject.reason, reject.detail)
        return None

    def _look(self, message: Message, marked: Marked, trail: Trail) -> None:
        value, topic, partition, offset = message.value(), message.topic(), message.partition(), message.offset()
        if not isinstance(value, bytes) or topic is None or partition is None or offset is None:
            return
        if topic == self._rejects:
            self._rejected.append(messages.decode_reject(value))
            return
        hop = self._hop(topic, value, marked)
        if hop is not None:
            place = Place(topic, partition, offset)
            trail.see(hop, message.timestamp()[1], str(place), place)

    def _hop(self, topic: str, value: bytes, marked: Marked) -> Hop | None:
        try:
            if topic == self._hono:
                return Hop.HONO if value == marked.payload else None
            if topic == self._readings:
                reading = messages.decode_reading(value)
                same = reading.feature == marked.feature and reading.observed_at == marked.observed_at
                return Hop.INGEST if same else None
            if topic == self._twin:
                return Hop.MERGE if _merges(value, marked) else None
            prediction = messages.decode_prediction(value)
        except msgspec.DecodeError:
            return None
        return Hop.PREDICTION if prediction.based_on >= marked.observed_at else None


def _merges(value: bytes, marked: Marked) -> bool:
    """Whether a command brings the marked reading, or a newer one that took its place, to the twin."""
    envelope = ditto_protocol.decode(value)
    if envelope.path != "/features" or not isinstance(envelope.value, dict):
        return False
    return shows(envelope.value, marked) is not None


def shows(features: Mapping[str, Any], marked: Marked) -> int | None:
    """The observation time that the features show, if it is that of the marked reading or of a newer one."""
    properties = (features.get(marked.feature) or {}).get("properties") or {}
    observed = properties.get("observedAt")
    return int(observed) if isinstance(observed, int | float) and observed >= marked.observed_at else None


def predicted_from(features: Mapping[str, Any], marked: Marked) -> str | None:
    """The prediction's feature, if one rests on the marked reading or a newer one."""
    for name, feature in features.items():
        based_on = ((feature or {}).get("properties") or {}).get("basedOn")
        if name.startswith("prediction.") and isinstance(based_on, int | float) and based_on >= marked.observed_at:
            return name
    return None


class Watchers:
    """Threads that ask Ditto and InfluxDB until stopped."""

    def __init__(
        self, ditto: DittoClient, ask_influx: Callable[[Marked], tuple[bool, Influx]], marked: Marked, trail: Trail
    ) -> None:
        self._ditto, self._ask_influx, self._marked, self._trail = ditto, ask_influx, marked, trail
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=f"watch-{name}", daemon=True)
            for name, target in (("ditto", self._watch_twin), ("influx", self._watch_points))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def _watch_twin(self) -> None:
        while not self._stop.is_set():
            try:
                thing = self._ditto.get_thing(self._marked.thing, "features")
                self._trail.ditto_problem = ""
            except DittoError as error:
                self._trail.ditto_problem = str(error)
                thing = None
            features = (thing or {}).get("features") or {}
            observed = shows(features, self._marked)
            if observed is not None:
                newer = "" if observed == self._marked.observed_at else " (or a newer one)"
                self._trail.see(Hop.TWIN, epoch_ms(), f"{self._marked.feature}{newer}")
            prediction = predicted_from(features, self._marked)
            if prediction is not None:
                self._trail.see(Hop.PREDICTED_TWIN, epoch_ms(), prediction)
            self._stop.wait(_TWIN_EVERY_S)

    def _watch_points(self) -> None:
        while not self._stop.is_set():
            found, self._trail.influx = self._ask_influx(self._marked)
            if found:
                self._trail.see(Hop.HISTORY, epoch_ms(), f"{self._marked.feature} of {self._marked.thing}")
                return
            self._stop.wait(_INFLUX_EVERY_S)
