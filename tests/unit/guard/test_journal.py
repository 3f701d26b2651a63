"""The audit's last hour from Kafka: all of it, or a reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from tests.unit.kafka_fakes import Message

from guard.journal import KafkaJournal, Unreadable
from racktwin.commands import Audit, encode_audit

TOPIC = "racktwin.audit.t"
SINCE = 1_800_000_000_000


class Told(Message):
    def error(self) -> None:
        return None


class End:
    """What librdkafka hands over in place of a record."""

    def __init__(self, partition: int, code: int = KafkaError._PARTITION_EOF) -> None:
        self._partition, self._code = partition, code

    def error(self) -> KafkaError:
        return KafkaError(self._code)

    def partition(self) -> int:
        return self._partition


class Topic:
    def __init__(self, partitions: int) -> None:
        self.partitions, self.error = dict.fromkeys(range(partitions)), None


class Consumer:
    """Kafka with one topic, that gives out what it is told to."""

    def __init__(self, *batches: list[Any], partitions: int = 2) -> None:
        self.batches, self.partitions = list(batches), partitions
        self.asked: list[Any] = []
        self.closed = False
        self.away = False

    def list_topics(self, topic: str, timeout: float) -> Any:
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

        return SimpleNamespace(topics={TOPIC: Topic(self.partitions)})

    def offsets_for_times(self, asked: list[Any], timeout: float) -> list[Any]:
        self.asked = [(each.partition, each.offset) for each in asked]
        return asked

    def assign(self, partitions: list[Any]) -> None: ...

    def consume(self, count: int, timeout: float) -> list[Any]:
        return self.batches.pop(0) if self.batches else []

    def close(self) -> None:
        self.closed = True


def line(thing: str = "racktwin.t:cooling-a") -> Told:
    record = Audit(thing=thing, at=SINCE, event="approved", id="w1", origin="cli", who="ann", kind="cooling", v=1)
    return Told(TOPIC, 0, 7, encode_audit(record), key=thing.encode())


def test_everything_up_to_the_end_of_every_partition() -> None:
    kafka = Consumer([line(), End(0)], [line("racktwin.t:cooling-b"), End(1)])
    found = KafkaJournal(lambda: kafka)("t", SINCE)
    assert [each.thing for each in found] == ["racktwin.t:cooling-a", "racktwin.t:cooling-b"]
    assert kafka.asked == [(0, SINCE - 60_000), (1, SINCE - 60_000)] and kafka.closed


def test_a_line_that_cannot_be_read_counts_as_an_approval_of_that_unit() -> None:
    broken = Told(TOPIC, 0, 8, b"{", key=b"racktwin.t:cooling-a", timestamp=SINCE + 5)
    [found] = KafkaJournal(lambda: Consumer([broken, End(0)], partitions=1))("t", SINCE)
    assert (found.thing, found.event, found.at, found.pace) == ("racktwin.t:cooling-a", "approved", SINCE + 5, None)


@pytest.mark.parametrize(
    ("kafka", "why"),
    [
        (Consumer(partitions=0), "is not there"),
        (Consumer([line()], partitions=1), "not read to its end"),
        (Consumer([End(0, KafkaError.TOPIC_AUTHORIZATION_FAILED)], partitions=1), "uthoriz"),
    ],
)
def test_less_than_everything_is_not_enough(kafka: Consumer, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        KafkaJournal(lambda: kafka, patience_s=0.0)("t", SINCE)
    assert kafka.closed


def test_kafka_is_away() -> None:
    kafka = Consumer()
    kafka.away = True
    with pytest.raises(Unreadable, match=TOPIC):
        KafkaJournal(lambda: kafka)("t", SINCE)
