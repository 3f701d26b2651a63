"""Who did what: one record on the site's audit topic before it is done. The historian keeps them.

Commands are not told of here: the guard does that, with what it decided. What Kafka does not take is not done: an
action that nobody could trace is worse than one that has to be tried again.
"""

from __future__ import annotations

import threading
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from racktwin.commands import Audit, encode_audit
from racktwin.kafka import client_config
from racktwin.names import own_topic, site_of
from racktwin.settings import KafkaSettings

_PATIENCE_S: Final = 5.0


class AuditUnavailable(Exception):
    """Kafka does not take the record."""


class Journal(Protocol):
    """Where records go."""

    def note(self, record: Audit) -> None:
        """Keep one; returns when it is kept. Raises AuditUnavailable."""


class KafkaJournal:
    """The audit topics. Safe to use from several threads."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = Producer(
            {
                **client_config(settings),
                "enable.idempotence": True,
                "message.timeout.ms": int(_PATIENCE_S * 1000),
                "linger.ms": 0,
            }
        )

    def note(self, record: Audit) -> None:
        """Keep one."""
        problems: list[KafkaError | None] = []
        done = threading.Event()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            problems.append(error)
            done.set()

        topic = own_topic("audit", site_of(record.thing))
        try:
            self._producer.produce(topic, encode_audit(record), record.thing, on_delivery=delivered)
            # Reports of several threads may be served by any of them.
            for _ in range(int((_PATIENCE_S + 1) / 0.05)):
                self._producer.poll(0.05)
                if done.is_set():
                    break
        except (BufferError, KafkaException) as error:
            raise AuditUnavailable(str(error)) from error
        if not problems:
            raise AuditUnavailable("no answer")
        if problems[0] is not None:
            raise AuditUnavailable(problems[0].str())

    def close(self) -> None:
        """Let what is under way finish."""
        self._producer.flush(_PATIENCE_S)
