"""Watches how far Ditto's consumer groups are: end and committed offsets of the sites' twin topics.

A thread of its own, since the questions go to Kafka; the consuming thread takes what was seen last. Works with any
Ditto whose connection reads the twin topic under a known consumer group. What cannot be seen (a broker that is away,
rights that are missing) is logged once and limits nothing anew. Next: `ingest.flow` judges.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from ingest.flow import Offsets
from racktwin import names

_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_ANSWER_S: Final = 5.0
# Partitions are added seldom (s).
_PARTITIONS_FRESH_S: Final = 30.0


class TwinWatch:
    """Asks for the offsets of every site in `sites`; `take` gives what is new."""

    def __init__(
        self, admin: AdminClient, clock: Callable[[], int], log: structlog.stdlib.BoundLogger, *, group: str
    ) -> None:
        """`group`: Ditto's consumer group, ``{site}`` standing for the site."""
        self._admin = admin
        self._clock = clock
        self._log = log
        self._group = group
        self._partitions: dict[str, tuple[float, list[int]]] = {}
        self._seen: dict[str, Offsets] = {}
        # Replaced, never changed, by the consuming thread.
        self.sites: frozenset[str] = frozenset()
        self._problem: str | None = None

    def run(self, stop: threading.Event, every_s: float) -> None:
        """The thread: until `stop` is set."""
        while not stop.wait(every_s):
            for site in self.sites:
                self.look(site)

    def look(self, site: str) -> None:
        """Ask once for one site."""
        try:
            seen = self._ask(site)
        except KafkaException as error:
            text = error.args[0].str()
            if text != self._problem:
                self._log.warning("ditto's progress cannot be seen", site=site, error=text)
            self._problem = text
            return
        self._problem = None
        if seen is not None:
            self._seen[site] = seen

    def take(self) -> dict[str, Offsets]:
        """What was seen since the last call, by site."""
        if not self._seen:
            return {}
        taken, self._seen = self._seen, {}
        return taken

    def _ask(self, site: str) -> Offsets | None:
        topic = names.own_topic("twin", site)
        partitions = [TopicPartition(topic, number) for number in self._numbers(topic)]
        if not partitions:
            return None
        group = ConsumerGroupTopicPartitions(self._group.format(site=site), partitions)
        asked = self._admin.list_consumer_group_offsets([group], request_timeout=_ANSWER_S)
        # First what is committed, then the end: in this order a commit can never seem to be ahead.
        (answer,) = [future.result() for future in asked.values()]
        ends = self._admin.list_offsets(dict.fromkeys(partitions, _LATEST), request_timeout=_ANSWER_S)
        committed = {tp.partition: tp.offset for tp in answer.topic_partitions if tp.offset >= 0 and tp.error is None}
        return Offsets(self._clock(), {tp.partition: f.result().offset for tp, f in ends.items()}, committed)

    def _numbers(self, topic: str) -> list[int]:
        since, numbers = self._partitions.get(topic, (0.0, []))
        if not numbers or time.monotonic() - since > _PARTITIONS_FRESH_S:
            numbers = sorted(self._admin.list_topics(topic, timeout=_ANSWER_S).topics[topic].partitions)
            self._partitions[topic] = (time.monotonic(), numbers)
        return numbers
