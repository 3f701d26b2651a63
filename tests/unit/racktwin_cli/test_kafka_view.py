"""Where partitions end: a leader that changes is waited for, what does not pass is told at once."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from racktwin.settings import KafkaSettings
from racktwin_cli import kafka_view
from racktwin_cli.failures import Failure

SETTINGS = KafkaSettings(kafka_bootstrap="127.0.0.1:1")


class FakeConsumer:
    """Fails as often as it is told to, then answers."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.asked = 0

    def get_watermark_offsets(self, partition: TopicPartition, _timeout: float) -> tuple[int, int]:
        self.asked += 1
        if self.errors:
            raise KafkaException(KafkaError(self.errors.pop(0)))
        return 0, 40 + int(partition.partition)


def test_a_leader_that_changes_is_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(kafka_view, "_ASK_AGAIN_S", 0.0)
    consumer = FakeConsumer(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
    found = kafka_view.ends(SETTINGS, consumer, [("t", 0), ("t", 2)])  # type: ignore[arg-type]
    assert [(end.topic, end.partition, end.offset) for end in found] == [("t", 0, 40), ("t", 2, 42)]
    assert consumer.asked == 4


def test_a_leader_that_does_not_come_is_told_after_a_while(monkeypatch) -> None:
    monkeypatch.setattr(kafka_view, "_ASK_AGAIN_S", 0.0)
    monkeypatch.setattr(kafka_view, "TIMEOUT_S", 0.05)
    consumer = FakeConsumer(*[KafkaError.NOT_LEADER_FOR_PARTITION] * 1_000_000)
    with pytest.raises(Failure, match=r"Kafka 127\.0\.0\.1:1: .*next: is it running"):
        kafka_view.ends(SETTINGS, consumer, [("t", 0)])  # type: ignore[arg-type]
    assert consumer.asked > 1


def test_what_does_not_pass_is_told_at_once() -> None:
    consumer = FakeConsumer(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(Failure, match="authori"):
        kafka_view.ends(SETTINGS, consumer, [("t", 0)])  # type: ignore[arg-type]
    assert consumer.asked == 1
