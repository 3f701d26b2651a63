"""Reads a site's dead letters since a time, and which of them were replayed. Commits nothing.

Next: `racktwin_cli.rejects.selection`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import msgspec
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from racktwin.messages import decode_reject
from racktwin.names import hono_topic, own_topic
from racktwin.settings import KafkaSettings
from racktwin_cli import kafka_view
from racktwin_cli.failures import Failure
from racktwin_cli.rejects.replay import HEADER
from racktwin_cli.rejects.selection import Letter, distinct, letter_id

# Longest silence of the broker while there is still something to read.
_PATIENCE_S: Final = 30.0


def read(settings: KafkaSettings, site: str, since_ms: int) -> list[Letter]:
    """The letters since a time (epoch ms), oldest first, each marked when it was replayed already.

    Raises:
        Failure: Kafka does not answer, or the site has no such topic.
    """
    consumer = kafka_view.reader(settings)
    try:
        topics = kafka_view.topics(settings, consumer)
        rejects = own_topic("rejects", site)
        if rejects not in topics:
            raise Failure(f"Kafka has no topic {rejects}", f"is {site} the site? kubectl get sites -A")
        found = []
        for message in _since(settings, consumer, rejects, topics[rejects], since_ms):
            value = message.value()
            try:
                reject = decode_reject(value if isinstance(value, bytes) else b"")
            except msgspec.DecodeError:
                continue
            found.append(Letter(reject, message.timestamp()[1]))
        found.sort(key=lambda letter: letter.at_ms)
        done: set[str] = set()
        if found:
            # A replay is younger than what it replays.
            for topic in {letter.reject.topic for letter in found} | {hono_topic("telemetry", site)}:
                for message in _since(settings, consumer, topic, topics.get(topic, []), found[0].at_ms):
                    done |= _replayed(message)
    except KafkaException as error:
        raise kafka_view.unreachable(settings, error) from error
    finally:
        consumer.close()
    letters = distinct(found)
    return [Letter(letter.reject, letter.at_ms, letter_id(letter.reject) in done) for letter in letters]


def _replayed(message: Message) -> set[str]:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for name, value in pairs
        if name == HEADER and value is not None
    }


def _since(
    settings: KafkaSettings, consumer: Consumer, topic: str, partitions: list[int], since_ms: int
) -> Iterator[Message]:
    """The records of a topic from a time up to its present end."""
    if not partitions:
        return
    ends = {end.partition: end.offset for end in kafka_view.ends(settings, consumer, [(topic, p) for p in partitions])}
    asked = [TopicPartition(topic, partition, since_ms) for partition in partitions]
    starts = [start for start in consumer.offsets_for_times(asked, timeout=kafka_view.TIMEOUT_S) if start.error is None]
    todo = {s.partition: s.offset for s in starts if s.offset not in (OFFSET_END, -1) and s.offset < ends[s.partition]}
    if not todo:
        return
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in todo.items()])
    heard = time.monotonic()
    while todo:
        for message in consumer.consume(1000, 0.5):
            partition, offset = message.partition(), message.offset()
            if message.error() is not None or partition is None or offset is None:
                continue
            heard = time.monotonic()
            if offset < ends[partition]:
                yield message
            if offset + 1 >= ends[partition]:
                todo.pop(partition, None)
        if time.monotonic() - heard > _PATIENCE_S:
            raise kafka_view.unreachable(settings, f"{topic}: no record for {_PATIENCE_S:.0f} s")
    consumer.unassign()
