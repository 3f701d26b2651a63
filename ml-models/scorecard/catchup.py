"""What is read again at a start, and in which order: predictions first, then the readings that they wait for.

What waits for its truth lives in memory alone, so whoever begins reads predictions and readings again from as long ago
as the longest horizon. Readings are held back until the predictions of before are in, as nothing could be scored by a
reading that went by; and until the readings are in too, scores are those of half the past and are not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

_ASK_BROKER_S: Final = 10.0
# After so long without a record of before it goes on with what it has.
_SILENT_MS: Final = 10 * 60_000
_PREDICTIONS: Final = "racktwin.predictions."

Place = tuple[str, int]  # topic, partition


class CatchUp:
    """`rewind_ms`: from how long ago partitions are read that this process never had before; 0: from where the last
    one stopped."""

    def __init__(self, consumer: Consumer, rewind_ms: int, clock: Callable[[], int], log: Any) -> None:
        self._consumer = consumer
        self._rewind_ms = rewind_ms
        self._clock = clock
        self._log = log
        self._had: set[Place] = set()
        self._readings: set[Place] = set()
        # Where each partition ended when it came: up to there it is of before.
        self._ends: dict[Place, int] = {}
        # Readings that the client was last told to hold, and those that came since, of which it does not know it.
        self._held: set[Place] = set()
        self._fresh: set[Place] = set()
        self._began = clock()
        # When something of before was read last; and whether something was since the last tick.
        self._moved = self._began
        self._moves = False

    @property
    def done(self) -> bool:
        """Whether all of before has been read."""
        return not self._ends

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """Partitions came: those that are new to us begin earlier. One that was ours goes on where it stopped, as what
        it told is still in memory; what another scorecard read of it meanwhile is not. One is meant to run."""
        readings = {_place(p) for p in partitions if not p.topic.startswith(_PREDICTIONS)}
        self._readings |= readings
        self._fresh |= readings
        new = [p for p in partitions if _place(p) not in self._had]
        self._had |= {_place(p) for p in new}
        if not new or not self._rewind_ms:
            return
        self._began = self._moved = self._clock()
        since = self._began - self._rewind_ms
        try:
            asked = [TopicPartition(p.topic, p.partition, since) for p in new]
            found = self._consumer.offsets_for_times(asked, timeout=_ASK_BROKER_S)
            starts = {_place(p): p.offset for p in found if p.error is None and p.offset >= 0}
            ends = {place: self._end(place) for place in starts}
        except KafkaException as error:
            # Going on at the committed offsets instead costs the predictions that wait, and nothing else.
            self._log.warning("cannot look up what waits, it is not scored", error=str(error))
            return
        for partition in new:
            start = starts.get(_place(partition))
            if start is not None and start < ends[_place(partition)]:
                partition.offset = start
                self._ends[_place(partition)] = ends[_place(partition)]

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Partitions went."""
        gone = {_place(p) for p in partitions}
        self._readings -= gone
        self._fresh -= gone
        self._reached(gone)

    def saw(self, topic: str, partition: int, offset: int) -> None:
        """A record has been read."""
        end = self._ends.get((topic, partition))
        if end is None:
            return
        self._moves = True
        if offset + 1 >= end:
            self._reached({(topic, partition)})

    def tick(self) -> None:
        """Hold readings back while predictions are behind; let them go afterwards, or when nothing comes any more.

        As long as records of before come it waits for the rest, however long that takes."""
        if self._moves:
            self._moved, self._moves = self._clock(), False
        if self._ends and not 0 <= self._clock() - self._moved < _SILENT_MS:
            self._log.warning("what is of before was not read in time, going on without", partitions=len(self._ends))
            self._ends.clear()
        hold = any(topic.startswith(_PREDICTIONS) for topic, _ in self._ends)
        pause = self._readings - (self._held - self._fresh) if hold else set()
        resume = set() if hold else self._held & self._readings
        if pause:
            self._consumer.pause([TopicPartition(*place) for place in sorted(pause)])
        if resume:
            self._consumer.resume([TopicPartition(*place) for place in sorted(resume)])
        self._held = (self._held | pause) - resume
        self._fresh.clear()

    def _end(self, place: Place) -> int:
        _, end = self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=_ASK_BROKER_S)
        return int(end)

    def _reached(self, places: Iterable[Place]) -> None:
        if not self._ends:
            return
        for place in places:
            self._ends.pop(place, None)
        if not self._ends:
            self._log.info("what waits is known again", seconds=round((self._clock() - self._began) / 1000, 1))


def _place(partition: TopicPartition) -> Place:
    return partition.topic, partition.partition
