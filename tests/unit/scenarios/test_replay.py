"""Promise: a replay sends what was recorded, in order and in time, to things of its own alone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from tests.unit.scenarios.rooms import BASE_MS, SITE, document

from racktwin import messages
from racktwin.history import Span
from scenarios import replay
from scenarios.history import Row, flux, parse
from scenarios.playback import chunks
from scenarios.question import ScenarioError
from scenarios.question import parse as read_question

OWN = f"racktwin.{SITE}-trial"


def asked(minutes: int = 10, **more: Any) -> Any:
    begin, end = "2026-01-01T00:00:00Z", f"2026-01-01T00:{minutes:02d}:00Z"
    spec = {"replay": {"from": begin, "to": end, "speed": 60, **more}}
    things = {f"racktwin.{SITE}:rack-k{n}": f"{OWN}:rack-trial-k{n}" for n in range(3)}
    return read_question(document(None, spec=spec, replay={"site": f"{SITE}-trial", "things": things}))


class Past:
    def __init__(self, minutes: int = 10) -> None:
        self.minutes = minutes

    def rows(self, spans: Iterable[Span], *_arguments: Any, **_options: Any) -> Iterator[Row]:
        for span in spans:
            for name in range(6):
                thing = f"racktwin.{SITE}:rack-k{name}"
                for minute in range(self.minutes):
                    at = BASE_MS + minute * 60_000
                    if span.start_ms <= at < span.end_ms:
                        yield Row(thing, "environment.top", "temperature", at, str(20 + minute))
                        yield Row(thing, "environment.top", "relativeHumidity", at, "45")
                        yield Row(thing, "environment.top", "seq", at, "7")
                        yield Row(thing, "environment.top", "temperature_min", at, "1")
                        if minute == 2:
                            yield Row(thing, "environment.top", "quality", at, "stale")


class Kafka:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str | None, Any, float]] = []
        self.now = 1000.0

    def produce(self, topic: str, key: str | None, value: bytes | str | None) -> None:
        assert value is not None
        self.sent.append((topic, key, msgspec.json.decode(value), self.now))

    def poll(self, timeout_s: float = 0.0) -> None:
        assert timeout_s == 0.0

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def play(question: Any, past: Any) -> tuple[Kafka, replay.Played]:
    kafka = Kafka()

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return kafka.wait(timeout or 0.0)

    played = replay.run(question, past, kafka, now_ms=BASE_MS + 86_400_000, monotonic=lambda: kafka.now, stop=Stop())
    return kafka, played


def test_readings_come_in_order_in_time_and_as_recorded() -> None:
    kafka, played = play(asked(), Past())
    sent = [entry for entry in kafka.sent if entry[0] == f"racktwin.readings.{SITE}-trial"]
    assert played.readings == len(sent) == 30
    readings = [messages.decode_reading(msgspec.json.encode(value)) for _, _, value, _ in sent]
    assert [r.observed_at for r in readings] == sorted(r.observed_at for r in readings)
    assert readings[0].values == {"temperature": 20.0, "relativeHumidity": 45.0}
    assert {r.quality for r in readings if r.observed_at == BASE_MS + 120_000} == {"stale"}
    # A minute a second.
    for reading, (_, _, _, at) in zip(readings, sent, strict=True):
        assert at - 1000.0 == pytest.approx((reading.observed_at - BASE_MS) / 60_000, abs=0.05)
    assert played.seconds == pytest.approx(9.0, abs=0.1)


def test_nothing_live_is_touched() -> None:
    kafka, _ = play(asked(), Past())
    assert {topic for topic, *_ in kafka.sent} == {f"racktwin.readings.{SITE}-trial", f"racktwin.twin.{SITE}-trial"}
    for topic, key, value, _ in kafka.sent:
        assert key is not None
        assert key.startswith(f"{OWN}:rack-trial-")
        if "readings" in topic:
            assert value["thing"] == key
        else:
            assert value["topic"].startswith(f"{OWN}/rack-trial-")


def test_a_twin_gets_a_merge_a_second_at_most_and_the_last_values() -> None:
    kafka, played = play(asked(speed=600.0), Past())
    merges = [entry for entry in kafka.sent if ".twin." in entry[0]]
    assert len(merges) == played.merges <= 3 * (played.seconds + 2)
    last = [value for _, key, value, _ in merges if key == f"{OWN}:rack-trial-k0"][-1]
    assert last["value"]["environment.top"]["properties"]["temperature"] == 29.0


def test_a_time_of_which_nothing_is_known_is_refused() -> None:
    with pytest.raises(ScenarioError, match="nothing was recorded"):
        play(asked(), Past(minutes=0))


def test_long_replays_are_read_in_parts_without_gap_or_overlap() -> None:
    parts = chunks(0, 7 * 86_400_000, things=100, sample_s=1.0)
    assert parts[0].start_ms == 0
    assert parts[-1].end_ms == 7 * 86_400_000
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(parts))
    assert len(parts) > 100


def test_what_flux_says_is_read() -> None:
    csv = (
        ",result,table,_time,_value,_field,feature,thing\r\n"
        ",_result,0,2026-01-01T00:00:00Z,21.5,temperature,environment.top,racktwin.lab:rack-k0\r\n\r\n"
        ",result,table,_time,_value,_field,thing\r\n"
        ",_result,1,2026-01-01T00:00:01.5Z,9,power,racktwin.lab:rack-k1\r\n"
    )
    rows = list(parse(csv.splitlines()))
    assert rows[0] == Row("racktwin.lab:rack-k0", "environment.top", "temperature", BASE_MS, "21.5")
    assert rows[1] == Row("racktwin.lab:rack-k1", "", "power", BASE_MS + 1500, "9")


def test_a_query_names_one_room_and_what_is_wanted() -> None:
    query = flux(Span("lab_1m", 0, 60_000, 60), "hall", {"power": ("power",), "score": ()}, 60, ("rack",))
    assert 'from(bucket: "lab_1m")' in query
    assert 'r.room == "hall"' in query
    assert 'r._measurement == "power" and (r._field == "power")' in query
    assert "aggregateWindow" not in query
    assert "aggregateWindow" in flux(Span("lab", 0, 60_000, 0), "hall", {"power": ()}, 60, ("rack",))
