"""Plays recorded readings once more, as fast as asked, on the topics of a site of the replay's own.

Readings go to ``racktwin.readings.<own site>`` as ingest would have put them, with the times at which they were
observed, and onto the own twins (one merge a second and thing at most, as for live ones). Live topics, things and
buckets are never touched: the own site's name is in each of theirs. Next: historian and Ditto, which see a site like
any other.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

from racktwin import messages
from racktwin.ditto_protocol import merge_features
from racktwin.history import spans
from racktwin.messages import Reading
from racktwin.names import ThingId, own_topic
from scenarios.history import Past
from scenarios.playback import Chunk, Own, chunks, readings
from scenarios.question import Question, ScenarioError, epoch_ms, short

# Measurements that devices report; what models and services made of them is made anew or not at all.
MEASUREMENTS: Final = ("environment", "power", "cooling", "thermal")
_TWIN_EVERY_S: Final = 1.0
_AHEAD_S: Final = 0.02


class Producer(Protocol):
    """The part of `racktwin.kafka.SafeProducer` that is needed."""

    def produce(self, topic: str, key: str | None, value: bytes | str | None) -> None:
        """See there."""

    def poll(self, timeout_s: float = 0.0) -> None:
        """See there."""


@dataclass
class Played:
    """What was sent."""

    readings: int = 0
    merges: int = 0
    seconds: float = 0.0
    first_ms: int | None = None
    last_ms: int | None = None
    stopped: bool = False


def own_things(question: Question) -> dict[str, Own]:
    """Live thing id -> the replay's own thing."""
    rows = {str(rack["metadata"]["name"]): str(rack["spec"].get("row") or "") for rack in question.racks}
    found = {}
    for live, own in question.replay_things.items():
        identity = ThingId.parse(own)
        row = rows.get(short(live)) or None
        found[live] = Own(own, identity.kind, question.room, row if identity.kind == "rack" else None)
    return found


def fetch(past: Past, question: Question, chunk: Chunk, resolution_s: float, now_ms: int) -> list[Reading]:
    """The readings of a part of the time. Raises HistoryUnreadable."""
    fields: dict[str, tuple[str, ...]] = dict.fromkeys(MEASUREMENTS, ())
    wanted = spans(question.site, chunk.start_ms, chunk.end_ms, resolution_s=resolution_s, now_ms=now_ms)
    every = round(resolution_s) or None
    rows = past.rows(wanted, question.room, fields, every)
    return readings(rows, own_things(question), f"replay-{question.name}")


class Player:
    """Sends readings when their time has come. `monotonic` in seconds; `wait` sleeps, and says whether to stop."""

    def __init__(
        self,
        producer: Producer,
        site: str,
        speed: float,
        *,
        monotonic: Callable[[], float],
        wait: Callable[[float], bool],
    ) -> None:
        self._producer = producer
        self._readings, self._twin = own_topic("readings", site), own_topic("twin", site)
        self._speed = speed
        self._monotonic, self._wait = monotonic, wait
        self._latest: dict[str, dict[str, dict[str, Any]]] = {}
        self._merged = 0.0
        self.played = Played()

    def play(self, begin_ms: int, parts: Iterable[list[Reading]]) -> Played:
        """Send all parts; time begins to run with the first reading."""
        began: float | None = None
        for part in parts:
            if began is None and part:
                began = self._merged = self._monotonic()
                begin_ms = part[0].observed_at
            for reading in part:
                assert began is not None
                if not self._in_time(began + (reading.observed_at - begin_ms) / 1000.0 / self._speed):
                    self.played.stopped = True
                    break
                self._send(reading)
            if self.played.stopped:
                break
        self._merge()
        if began is not None:
            self.played.seconds = self._monotonic() - began
        return self.played

    def _in_time(self, due: float) -> bool:
        """Wait until it is due; False when the process shall stop."""
        now = self._monotonic()
        if now - self._merged >= _TWIN_EVERY_S:
            self._merge()
            self._merged = now
        if due - now <= _AHEAD_S:
            return True
        self._producer.poll()
        while (left := due - self._monotonic()) > 0.0:
            if self._wait(min(left, _TWIN_EVERY_S)):
                return False
            if self._monotonic() - self._merged >= _TWIN_EVERY_S:
                self._merge()
                self._merged = self._monotonic()
        return True

    def _send(self, reading: Reading) -> None:
        self._producer.produce(self._readings, reading.thing, messages.encode(reading))
        played = self.played
        played.readings += 1
        played.first_ms = reading.observed_at if played.first_ms is None else played.first_ms
        played.last_ms = reading.observed_at
        properties = {**reading.values, "quality": reading.quality, "observedAt": reading.observed_at}
        self._latest.setdefault(reading.thing, {})[reading.feature] = properties

    def _merge(self) -> None:
        for thing, features in self._latest.items():
            self._producer.produce(self._twin, thing, merge_features(thing, features, uuid.uuid4().hex))
            self.played.merges += 1
        self._latest.clear()


def run(
    question: Question,
    past: Past,
    producer: Producer,
    *,
    now_ms: int,
    monotonic: Callable[[], float],
    stop: threading.Event,
    note: Callable[[float], None] = lambda _share: None,
) -> Played:
    """Replay what is asked; while one part is sent the next is read.

    Raises:
        ScenarioError: nothing was recorded in that time.
        HistoryUnreadable: InfluxDB does not answer.
    """
    asked: Mapping[str, Any] = question.replay or {}
    begin, end = epoch_ms(str(asked["from"])), min(epoch_ms(str(asked["to"])), now_ms)
    resolution = float(asked.get("resolutionS") or 0.0)
    parts = chunks(begin, end, things=len(question.replay_things), sample_s=resolution or 1.0)
    player = Player(producer, question.replay_site, float(asked["speed"]), monotonic=monotonic, wait=stop.wait)

    def read_ahead() -> Iterable[list[Reading]]:
        with ThreadPoolExecutor(1) as pool:
            ahead = [pool.submit(fetch, past, question, part, resolution, now_ms) for part in parts[:1]]
            for number in range(len(parts)):
                ready = ahead.pop().result()
                if number + 1 < len(parts) and not stop.is_set():
                    ahead.append(pool.submit(fetch, past, question, parts[number + 1], resolution, now_ms))
                yield ready
                note((number + 1) / len(parts))
                if not ahead:
                    return

    played = player.play(begin, read_ahead())
    if not played.readings and not played.stopped:
        raise ScenarioError(
            f"room {question.room}: nothing was recorded of {len(question.replay_things)} thing(s) "
            f"between {asked['from']} and {asked['to']}: choose a time for which there is history"
        )
    return played
