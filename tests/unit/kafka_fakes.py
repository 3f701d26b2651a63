"""Kafka as the unit tests of consumers see it: what a consumer, a producer and a message are asked for."""

from __future__ import annotations


class Consumer:
    """Remembers whether it is paused."""

    def __init__(self):
        self.paused = False

    def assignment(self):
        return []

    def pause(self, partitions):
        self.paused = True

    def resume(self, partitions):
        self.paused = False


class Producer:
    """Takes everything at once; what it was given is in `sent`."""

    def __init__(self):
        self.sent = []

    def produce(self, topic, key, value, headers=None):
        self.sent.append((topic, key, value))

    def poll(self, timeout_s=0.0):
        pass

    def check(self):
        pass

    def flush(self, timeout_s):
        return 0


class Message:
    """A record as confluent-kafka hands it over."""

    def __init__(self, topic, partition, offset, value, key=None, headers=None, timestamp=1767225600000):
        self._topic, self._partition, self._offset = topic, partition, offset
        self._value, self._key, self._headers, self._timestamp = value, key, headers, timestamp

    def topic(self):
        return self._topic

    def partition(self):
        return self._partition

    def offset(self):
        return self._offset

    def value(self):
        return self._value

    def key(self):
        return self._key

    def headers(self):
        return self._headers

    def timestamp(self):
        return (1, self._timestamp)
