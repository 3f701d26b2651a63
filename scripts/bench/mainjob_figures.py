"""What the main job's benchmark measures: watching twins, reading history, and the figures from both. It knows
addresses alone, so it works on a local stack (`mainjob`) as on a cluster.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import requests
from influxdb_client.client.influxdb_client import InfluxDBClient

from bench.sightings import Sightings, latencies, percentile

SITE: Final = "berlin"
LIVE: Final = ("environment.top", "environment.bottom", "power")
PREDICTED: Final = ("prediction.inlet-temperature.top", "prediction.inlet-temperature.bottom")


class Watcher(threading.Thread):
    """Follows the site's twins through Ditto's server-sent events."""

    def __init__(self, ditto_url: str) -> None:
        super().__init__(name="watcher", daemon=True)
        self._url = f"{ditto_url}/api/2/things"
        self._live: dict[tuple[str, str], Sightings] = defaultdict(Sightings)
        self._predicted: dict[tuple[str, str], Sightings] = defaultdict(Sightings)
        self.lock = threading.Lock()
        self.events = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with requests.get(
                self._url,
                params={"namespaces": f"racktwin.{SITE}", "fields": "thingId,features"},
                headers={"Accept": "text/event-stream", "x-ditto-pre-authenticated": "nginx:viewer"},
                stream=True,
                timeout=(10, 60),
            ) as answer:
                answer.raise_for_status()
                for line in answer.iter_lines(chunk_size=1):
                    if line.startswith(b"data:{"):
                        self._event(json.loads(line[5:]), time.time() * 1000)
        except requests.RequestException as error:
            self.error = error

    def _event(self, thing: dict[str, Any], seen_at: float) -> None:
        self.events += 1
        with self.lock:
            for name, feature in (thing.get("features") or {}).items():
                properties = (feature or {}).get("properties") or {}
                if name in LIVE and "observedAt" in properties:
                    self._live[(thing["thingId"], name)].add(properties["observedAt"], seen_at)
                elif name in PREDICTED and "basedOn" in properties:
                    self._predicted[(thing["thingId"], name)].add(properties["basedOn"], seen_at)

    def live(self, thing: str, feature: str) -> Sightings:
        """What was seen of a measured feature."""
        with self.lock:
            return self._live[(thing, feature)]

    def predicted(self, thing: str, place: str) -> Sightings:
        """What was seen of a prediction (place: top, bottom)."""
        with self.lock:
            return self._predicted[(thing, f"prediction.inlet-temperature.{place}")]


Numbers = dict[tuple[str, str], dict[int, int]]
"""(thing, feature) -> sequence number -> time in ms."""


def stored_numbers(url: str, token: str, organisation: str, start_ms: int, stop_ms: int) -> Numbers:
    """Every rack's points in the time that bear a number, of the features that are in each of its packs."""
    client = InfluxDBClient(url=url, token=token, org=organisation, timeout=60_000)
    features = " or ".join(f'r.feature == "{name}"' for name in LIVE)
    flux = (
        f'from(bucket: "{SITE}") '
        f"|> range(start: time(v: {start_ms * 1_000_000}), stop: time(v: {stop_ms * 1_000_000})) "
        f'|> filter(fn: (r) => r.kind == "rack" and r._field == "seq" and ({features})) '
        '|> keep(columns: ["_time", "_value", "thing", "feature"])'
    )
    found: Numbers = defaultdict(dict)
    for record in client.query_api().query_stream(flux):
        at = round(record["_time"].timestamp() * 1000)
        found[(record["thing"], record["feature"])][int(record["_value"])] = at
    client.close()  # type: ignore[no-untyped-call]
    return found


@dataclasses.dataclass(frozen=True)
class Account:
    """How the numbers of a series come out."""

    sent: int
    stored: int
    lost_by_sensor: int
    """Samples that the simulated sensor itself lost (it does, as real ones do): their packs came without them."""


def account(numbers: Numbers) -> dict[tuple[str, str], Account]:
    """For each series, what was sent of its features and what is stored.

    Each pack of a thing bears one number for all its features. A number that no feature has is a pack that was lost on
    the way, and counts as sent; one that other features of the thing have is a sample that was never in its pack.
    """
    packs: dict[str, set[int]] = defaultdict(set)
    for (thing, _), seqs in numbers.items():
        packs[thing] |= set(seqs)
    found = {}
    for (thing, feature), seqs in numbers.items():
        if seqs:
            wanted = range(min(seqs), max(seqs) + 1)
            arrived = sum(1 for number in wanted if number in packs[thing])
            lost_packs = len(wanted) - arrived
            found[(thing, feature)] = Account(len(seqs) + lost_packs, len(seqs), arrived - len(seqs))
    return found


def summarise(numbers: Numbers, watcher: Watcher) -> tuple[dict[str, Any], list[str]]:
    """The figures, and what is wrong with the run (nothing, when it is a good one)."""
    problems: list[str] = []
    accounts = account(numbers).values()
    sent, stored = sum(one.sent for one in accounts), sum(one.stored for one in accounts)
    lost_by_sensors = sum(one.lost_by_sensor for one in accounts)
    # They lose one sample in 2,000; more than that would be a loss of ours.
    if lost_by_sensors > max(10, stored / 500):
        problems.append(f"{lost_by_sensors} of {stored} samples are missing from packs that arrived")
    to_twin: list[float] = []
    # Of every reading to the next prediction, which is the wait for its rack's turn; and of those readings that one was
    # made from to it, which is how long making it and bringing it there takes.
    to_prediction: list[float] = []
    to_its_prediction: list[float] = []
    for (thing, feature), seqs in numbers.items():
        found, unseen = latencies(seqs.values(), watcher.live(thing, feature))
        to_twin += found
        if unseen:
            problems.append(f"{unseen} reading(s) of {thing} {feature} were never to be seen on the twin")
        if feature.startswith("environment."):
            predicted = watcher.predicted(thing, feature.removeprefix("environment."))
            found, unseen = latencies(seqs.values(), predicted)
            to_prediction += found
            to_its_prediction += predicted.ages(seqs.values())
            if unseen:
                problems.append(f"{unseen} reading(s) of {thing} {feature} never led to a prediction")
    if not to_twin or not to_its_prediction:
        problems.append("nothing was seen on the twins")
        return {}, problems
    figures = {
        "mqtt_to_twin_p50_ms": round(percentile(to_twin, 0.5), 1),
        "mqtt_to_twin_p99_ms": round(percentile(to_twin, 0.99), 1),
        "mqtt_to_prediction_p99_ms": round(percentile(to_prediction, 0.99), 1),
        "mqtt_to_its_prediction_p50_ms": round(percentile(to_its_prediction, 0.5), 1),
        "mqtt_to_its_prediction_p99_ms": round(percentile(to_its_prediction, 0.99), 1),
        "readings_sent": sent,
        "readings_in_influx": stored,
    }
    if stored != sent:
        problems.append(f"{sent - stored} of {sent} readings are not in InfluxDB")
    return figures, problems


def measure(
    ditto_url: str, stored: Callable[[int, int], Numbers], seconds: float, say: Callable[[str], None]
) -> tuple[dict[str, Any], list[str]]:
    """Watch the twins for some time; the figures, and what is wrong with the run.

    `stored` reads what InfluxDB has of the time between two instants in ms.
    """
    watcher = Watcher(ditto_url)
    watcher.start()
    # An event stream begins some seconds after its headers.
    deadline = time.monotonic() + 30
    while watcher.events < 100 and time.monotonic() < deadline and watcher.error is None:
        time.sleep(0.1)
    start_ms = time.time_ns() // 1_000_000
    say(f"watching for {seconds:.0f} s")
    time.sleep(seconds)
    stop_ms = time.time_ns() // 1_000_000
    # What was sent last still has to arrive: predictions are made every few seconds.
    time.sleep(4.5)
    quiet = time.monotonic() + 30
    figures, problems = summarise(stored(start_ms, stop_ms), watcher)
    while problems and time.monotonic() < quiet:
        time.sleep(1)
        figures, problems = summarise(stored(start_ms, stop_ms), watcher)
    if watcher.error is not None:
        problems.append(f"the event stream broke: {watcher.error}")
    return figures, problems
