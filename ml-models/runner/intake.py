"""Readings into windows: which readings matter to the model, whose they are, and which partition they came from.

Keeps for each thing what its predictions must say about it (kind, room, row). Knows nothing of Kafka but the names of
topics and partitions. Next in the flow: `runner.forecaster`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from models.definition import Definition
from models.windows import IntArray, WindowStore
from racktwin.messages import Reading, decode_reading

Partition = tuple[str, int]


@dataclass(slots=True)
class Thing:
    """What is known of a thing beside its readings."""

    id: str
    slot: int
    kind: str
    room: str | None
    row: str | None
    partition: Partition


@dataclass(frozen=True)
class Taken:
    """What became of a batch: values used, left out for their time, undecodable records; slots whose targets'
    channels got a reading no older than asked for."""

    used: int
    out_of_time: int
    malformed: int
    refreshed: IntArray


class Intake:
    """Feeds a `WindowStore`. `things` by slot, for who makes predictions of it."""

    def __init__(self, definition: Definition) -> None:
        self._kinds = frozenset(definition.kinds)
        # Feature -> [(property, channel index)]: one record of a feature may fill several channels.
        self._wanted: dict[str, list[tuple[str, int]]] = {}
        for index, channel in enumerate(definition.channels):
            self._wanted.setdefault(channel.feature, []).append((channel.property, index))
        self._target_channels = np.array(sorted(set(definition.target_channels())), dtype=np.int64)
        self.windows = WindowStore(len(definition.channels), definition.cells, definition.resolution_s * 1000)
        self.things: dict[int, Thing] = {}
        self._by_id: dict[str, Thing] = {}

    def __len__(self) -> int:
        return len(self.things)

    def take(self, records: Iterable[tuple[Partition, bytes]], now_ms: int, fresh_since_ms: int) -> Taken:
        """Take a batch of readings records, each with its partition; those from `fresh_since_ms` on count as fresh."""
        slots: list[int] = []
        channels: list[int] = []
        times: list[int] = []
        values: list[float] = []
        malformed = 0
        for partition, payload in records:
            try:
                reading = decode_reading(payload)
            except msgspec.DecodeError:
                malformed += 1
                continue
            wanted = self._wanted.get(reading.feature)
            if wanted is None or reading.kind not in self._kinds:
                continue
            slot = self._thing(reading, partition).slot
            for name, channel in wanted:
                value = reading.values.get(name)
                if value is None or isinstance(value, str | bool):
                    continue
                slots.append(slot)
                channels.append(channel)
                times.append(reading.observed_at)
                # A reading that is not good says "there was something, do not use it": NaN in the window.
                values.append(value if reading.quality == "good" else np.nan)
        if not slots:
            return Taken(0, 0, malformed, np.empty(0, dtype=np.int64))
        slot_array, channel_array = np.array(slots, dtype=np.int64), np.array(channels, dtype=np.int64)
        time_array = np.array(times, dtype=np.int64)
        out_of_time = self.windows.add(
            slot_array, channel_array, time_array, np.array(values, dtype=np.float32), now_ms
        )
        fresh = np.isin(channel_array, self._target_channels) & (time_array >= fresh_since_ms)
        return Taken(len(slots) - out_of_time, out_of_time, malformed, np.unique(slot_array[fresh]))

    def slots(self) -> IntArray:
        """Slots of all things, in order."""
        return np.array(sorted(self.things), dtype=np.int64)

    def slots_of(self, partitions: Iterable[Partition]) -> list[int]:
        """Slots of the things whose readings come from these partitions."""
        wanted = set(partitions)
        return [thing.slot for thing in self.things.values() if thing.partition in wanted]

    def drop(self, slots: Iterable[int]) -> None:
        """Forget the things in these slots."""
        for slot in slots:
            thing = self.things.pop(slot)
            del self._by_id[thing.id]
            self.windows.drop([thing.id])

    def _thing(self, reading: Reading, partition: Partition) -> Thing:
        thing = self._by_id.get(reading.thing)
        if thing is None:
            thing = Thing(
                reading.thing, self.windows.slot(reading.thing), reading.kind, reading.room, reading.row, partition
            )
            self._by_id[reading.thing] = thing
            self.things[thing.slot] = thing
        else:
            # A rack may be moved, and a topic re-partitioned, while we run.
            thing.room, thing.row, thing.partition = reading.room, reading.row, partition
        return thing
