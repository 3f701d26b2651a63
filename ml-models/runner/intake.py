"""Readings into windows: which readings matter to the model, whose they are, and which partition they came from.

Keeps for each thing what its predictions must say about it (kind, room, row). Knows nothing of Kafka but the names of
topics and partitions. Next in the flow: `runner.forecaster`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from models.definition import Definition
from models.windows import IntArray, WindowStore

Partition = tuple[str, int]
# Whether a thing is served, by its id, room and row.
Select = Callable[[str, str | None, str | None], bool]


class Sample(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """The part of a reading (`racktwin.messages.Reading`) that windows need. Decoding no more than this, and out of the
    garbage collector's sight, takes a fifth off the dearest step of the hot path.
    """

    thing: str
    feature: str
    observed_at: int
    values: dict[str, float | bool | str]
    quality: str
    kind: str
    room: str | None = None
    row: str | None = None


_DECODER = msgspec.json.Decoder(Sample)


@dataclass(slots=True)
class Thing:
    """What is known of a thing beside its readings. `partition` is None for one restored from history that has not
    been heard of since."""

    id: str
    slot: int
    kind: str
    room: str | None
    row: str | None
    partition: Partition | None


@dataclass(frozen=True)
class Taken:
    """What became of a batch: values used, left out for their time, undecodable records; slots whose targets'
    channels got a reading no older than asked for."""

    used: int
    out_of_time: int
    malformed: int
    refreshed: IntArray


@dataclass(frozen=True)
class Restored:
    """One value out of history: whose, of which channel (its index), epoch ms."""

    thing: str
    kind: str
    room: str | None
    row: str | None
    channel: int
    at_ms: int
    value: float


def selection(rooms: str, rows: str, names: str) -> Select | None:
    """Whether a thing (id, room, row) is served, by comma separated lists; None where all are."""
    wanted = tuple(frozenset(part.strip() for part in text.split(",") if part.strip()) for text in (rooms, rows, names))
    if not any(wanted):
        return None
    in_rooms, in_rows, named = wanted

    def select(thing: str, room: str | None, row: str | None) -> bool:
        name = thing.partition(":")[2].partition("-")[2]
        return (not in_rooms or room in in_rooms) and (not in_rows or row in in_rows) and (not named or name in named)

    return select


class Intake:
    """Feeds a `WindowStore`. `things` by slot, for who makes predictions of it."""

    def __init__(self, definition: Definition, select: Select | None = None) -> None:
        self._select = select
        self._kinds = frozenset(definition.kinds)
        # Feature -> [(property, channel index)]: one record of a feature may fill several channels.
        self._wanted: dict[str, list[tuple[str, int]]] = {}
        for index, channel in enumerate(definition.channels):
            self._wanted.setdefault(channel.feature, []).append((channel.property, index))
        # Optional channels are numbered after those of the windows.
        self._is_target = np.zeros(len(definition.channels), dtype=np.bool_)
        self._is_target[definition.target_channels()] = True
        self.windows = WindowStore(
            definition.windowed, definition.cells, definition.resolution_s * 1000, optional_ms=definition.optional_ms()
        )
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
        decode, features, kinds, known = _DECODER.decode, self._wanted, self._kinds, self._by_id
        select = self._select
        for partition, payload in records:
            try:
                reading = decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError):
                malformed += 1
                continue
            wanted = features.get(reading.feature)
            if wanted is None or reading.kind not in kinds:
                continue
            if select is not None and not select(reading.thing, reading.room, reading.row):
                continue
            thing = known.get(reading.thing) or self._thing(
                reading.thing, reading.kind, reading.room, reading.row, partition
            )
            # A rack may be moved, and a topic re-partitioned, while we run.
            thing.room, thing.row, thing.partition = reading.room, reading.row, partition
            good = reading.quality == "good"
            for name, channel in wanted:
                value = reading.values.get(name)
                if value is None or isinstance(value, str | bool):
                    continue
                slots.append(thing.slot)
                channels.append(channel)
                times.append(reading.observed_at)
                # A reading that is not good says "there was something, do not use it": NaN in the window.
                values.append(value if good else np.nan)
        return self._add(slots, channels, times, values, now_ms=now_ms, fresh_since_ms=fresh_since_ms, bad=malformed)

    def restore(self, rows: Iterable[Restored], now_ms: int) -> int:
        """Put history into windows; the number of values used. What was there already stays: merging is idempotent."""
        slots: list[int] = []
        channels: list[int] = []
        times: list[int] = []
        values: list[float] = []
        for row in rows:
            if self._select is not None and not self._select(row.thing, row.room, row.row):
                continue
            thing = self._by_id.get(row.thing) or self._thing(row.thing, row.kind, row.room, row.row, None)
            slots.append(thing.slot)
            channels.append(row.channel)
            times.append(row.at_ms)
            values.append(row.value)
        return self._add(slots, channels, times, values, now_ms=now_ms, fresh_since_ms=now_ms + 1, bad=0).used

    def _add(
        self,
        slots: list[int],
        channels: list[int],
        times: list[int],
        values: list[float],
        *,
        now_ms: int,
        fresh_since_ms: int,
        bad: int,
    ) -> Taken:
        if not slots:
            return Taken(0, 0, bad, np.empty(0, dtype=np.int64))
        slot_array, channel_array = np.array(slots, dtype=np.int64), np.array(channels, dtype=np.int64)
        time_array = np.array(times, dtype=np.int64)
        out_of_time = self.windows.add(
            slot_array, channel_array, time_array, np.array(values, dtype=np.float32), now_ms
        )
        fresh = self._is_target[channel_array] & (time_array >= fresh_since_ms)
        return Taken(len(slots) - out_of_time, out_of_time, bad, np.unique(slot_array[fresh]))

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

    def _thing(self, thing_id: str, kind: str, room: str | None, row: str | None, partition: Partition | None) -> Thing:
        thing = Thing(thing_id, self.windows.slot(thing_id), kind, room, row, partition)
        self._by_id[thing_id] = thing
        self.things[thing.slot] = thing
        return thing
