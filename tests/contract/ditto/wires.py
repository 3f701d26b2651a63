"""Kafka from the other side of Ditto's connections: sends commands, collects answers and events."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from kafka.admin import KafkaAdminClient, NewTopic
from tests.kafka_clients import consumer, producer

MERGE = "application/merge-patch+json"
UNKNOWN = "unknown/unknown/things/twin/errors"


@dataclass
class Record:
    """A record that came out."""

    topic: str
    key: str | None
    headers: dict[str, str]
    value: Any


class Wires:
    """A connection in (with answers) and one out (events and messages), and both ends of them in Kafka."""

    def __init__(self, ditto, bootstrap: str) -> None:
        tag = uuid.uuid4().hex[:8]
        self.topic_in, self.topic_reply = f"contract-in-{tag}", f"contract-reply-{tag}"
        self.topic_events, self.topic_messages = f"contract-events-{tag}", f"contract-messages-{tag}"
        self._ditto = ditto
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self._topics = [self.topic_in, self.topic_reply, self.topic_events, self.topic_messages]
        self._admin.create_topics([NewTopic(name, 3, 1) for name in self._topics])
        self._producer = producer(bootstrap, linger_ms=0)
        self._consumer = consumer(bootstrap, f"contract-{tag}")
        self._consumer.subscribe(self._topics[1:])
        self.records: list[Record] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.ids = [f"contract-in-{tag}", f"contract-out-{tag}"]
        self._connect(os.environ.get("DITTO_KAFKA_BOOTSTRAP", bootstrap))

    def _connect(self, bootstrap: str) -> None:
        subject = self._ditto.subject
        base = {
            "connectionType": "kafka",
            "connectionStatus": "open",
            "uri": f"tcp://{bootstrap}",
            "specificConfig": {"bootstrapServers": bootstrap, "saslMechanism": "plain"},
        }
        correlation = {"correlation-id": "{{ header:correlation-id }}"}
        source = {
            "addresses": [self.topic_in],
            "qos": 1,
            "authorizationContext": [subject],
            "headerMapping": correlation,
            "payloadMapping": ["Ditto"],
            "replyTarget": {
                "enabled": True,
                "address": self.topic_reply,
                "headerMapping": correlation,
                "expectedResponseTypes": ["response", "error", "nack"],
            },
        }
        events = {
            "address": self.topic_events + "/{{ thing:id }}",
            "topics": [f"_/_/things/twin/events?namespaces={self._ditto.namespace}&extraFields=attributes/serial"],
            "authorizationContext": [subject],
            "headerMapping": {**correlation, "revision": "{{ header:entity-revision }}"},
        }
        messages = {
            "address": self.topic_messages,
            "topics": ["_/_/things/live/messages"],
            "authorizationContext": [subject],
            "headerMapping": {**correlation, "subject": "{{ topic:subject }}"},
        }
        for name, parts in zip(self.ids, ({"sources": [source]}, {"targets": [events, messages]}), strict=True):
            answer = self._ditto.put(f"/connections/{name}", {**base, "name": name, **parts})
            assert answer.status_code == 201, answer.text

    def _read(self) -> None:
        while not self._stop.is_set():
            for record in self._consumer.consume(100, 0.2):
                if record.error() is None:
                    headers = {name: (value or b"").decode() for name, value in record.headers() or ()}
                    key = record.key().decode() if record.key() else None
                    self.records.append(Record(record.topic(), key, headers, json.loads(record.value())))

    def send(self, value: Any, correlation: str, key: str = "k") -> None:
        """Put a record on the source's topic."""
        payload = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        headers = [("correlation-id", correlation), ("content-type", "application/vnd.eclipse.ditto+json")]
        self._producer.produce(self.topic_in, payload, key=key, headers=headers)
        assert self._producer.flush(60) == 0

    def wait(self, topic: str, correlation: str, within_s: float = 60.0) -> Record:
        """The record of a correlation id."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for record in list(self.records):
                if record.topic == topic and correlation in (
                    record.headers.get("correlation-id"),
                    record.value["headers"].get("correlation-id"),
                ):
                    return record
            time.sleep(0.02)
        raise AssertionError(f"no record of {correlation} on {topic} within {within_s} s")

    def ask(self, action: str, thing: str, path: str, value: Any = None, **headers: Any) -> Record:
        """Send a command and wait for its answer."""
        correlation = uuid.uuid4().hex
        self.send(command(action, thing, path, value, **headers), correlation, thing)
        return self.wait(self.topic_reply, correlation)

    def close(self) -> None:
        for name in self.ids:
            self._ditto.delete(f"/connections/{name}")
        self._stop.set()
        self._thread.join(5)
        self._consumer.close()
        self._admin.delete_topics(self._topics)
        self._admin.close()


def command(action: str, thing: str, path: str, value: Any = None, **headers: Any) -> dict[str, Any]:
    """A command in the Ditto Protocol."""
    namespace, _, name = thing.partition(":")
    envelope = {
        "topic": f"{namespace}/{name}/things/twin/commands/{action}",
        "headers": {each.replace("_", "-"): given for each, given in headers.items()},
        "path": path,
    }
    return envelope if value is None else {**envelope, "value": value}
