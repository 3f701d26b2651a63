"""What the commands see of Kafka: topics, records from a place on, consumer groups. Reads only, and joins no group.

Next: `racktwin_cli.doctor.follow` and `racktwin_cli.rejects.reading`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from racktwin.kafka import client_config, make_consumer
from racktwin.settings import KafkaSettings
from racktwin_cli.failures import Failure, one_line

TIMEOUT_S: Final = 10.0
# A partition has no leader for a moment when a broker is restarted, or was too busy to say that it lives.
_CHANGING_LEADER: Final = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
_ASK_AGAIN_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Place:
    """One record's place."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


def unreachable(settings: KafkaSettings, error: object) -> Failure:
    """Kafka does not answer."""
    return Failure(
        f"Kafka {settings.kafka_bootstrap}: {one_line(error)}", "is it running, and RACKTWIN_KAFKA_BOOTSTRAP right?"
    )


def reader(settings: KafkaSettings) -> Consumer:
    """A consumer that is assigned by hand and commits nothing; its group name is never used with the broker."""
    return make_consumer(settings, f"racktwin-cli-{uuid.uuid4().hex}", topic_metadata_refresh_interval_ms=-1)


def topics(settings: KafkaSettings, consumer: Consumer) -> dict[str, list[int]]:
    """Partitions of each topic that exists.

    Raises:
        Failure: Kafka does not answer.
    """
    try:
        found = consumer.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as error:
        raise unreachable(settings, error.args[0].str()) from error
    return {name: sorted(topic.partitions) for name, topic in found.items() if topic.error is None}


def ends(settings: KafkaSettings, consumer: Consumer, partitions: Iterable[tuple[str, int]]) -> list[TopicPartition]:
    """Where each partition ends now.

    Raises:
        Failure: Kafka does not answer.
    """
    try:
        return [TopicPartition(topic, number, _end(consumer, topic, number)) for topic, number in partitions]
    except KafkaException as error:
        raise unreachable(settings, error.args[0].str()) from error


def _end(consumer: Consumer, topic: str, number: int) -> int:
    give_up = time.monotonic() + TIMEOUT_S
    while True:
        try:
            end: int = consumer.get_watermark_offsets(TopicPartition(topic, number), TIMEOUT_S)[1]
            return end
        except KafkaException as error:
            if error.args[0].code() not in _CHANGING_LEADER or time.monotonic() > give_up:
                raise
        time.sleep(_ASK_AGAIN_S)


class Groups:
    """Consumer groups as the broker knows them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._admin = AdminClient(client_config(settings))

    def members(self, names: Sequence[str]) -> dict[str, int]:
        """Members of each group; a group that does not exist has none. Raises KafkaException."""
        asked = self._admin.describe_consumer_groups(list(names), request_timeout=TIMEOUT_S)
        found: dict[str, int] = {}
        for name, future in asked.items():
            found[name] = len(future.result(TIMEOUT_S).members or ())
        return found

    def known(self) -> set[str]:
        """Names of all groups that exist or ever committed. Raises KafkaException."""
        listed = self._admin.list_consumer_groups(request_timeout=TIMEOUT_S).result(TIMEOUT_S)
        return {group.group_id for group in listed.valid or ()}

    def behind(self, group: str, place: Place) -> int | None:
        """Records from what the group committed up to and with one record; 0: it has done it, None: it never committed.

        Raises:
            KafkaException: the broker did not say.
        """
        asked = [ConsumerGroupTopicPartitions(group, [TopicPartition(place.topic, place.partition)])]
        answer = self._admin.list_consumer_group_offsets(asked, request_timeout=TIMEOUT_S)[group].result(TIMEOUT_S)
        committed = answer.topic_partitions[0].offset
        return None if committed < 0 else max(0, place.offset + 1 - committed)
