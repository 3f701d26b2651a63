"""Looks at the ends of the pipeline while it runs: a sample of twins as their users see them, and of points.

A reading counts as there when it, or a newer one of its series, was first seen. The sample keeps the looking cheap:
it is every so many racks, spread over all gateways. Next: `bench.pipeline` makes figures of it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import requests
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from bench.pipeline_site import SITE
from bench.sightings import Sightings
from racktwin import names

FEATURE: Final = "power"
_EVERY_S: Final = 0.25


class TwinWatch(threading.Thread):
    """Follows some twins through Ditto's server-sent events."""

    def __init__(self, ditto_url: str, things: list[str]) -> None:
        super().__init__(name="twins", daemon=True)
        self._url = f"{ditto_url}/api/2/things"
        self._things = things
        self.seen: dict[str, Sightings] = defaultdict(Sightings)
        # Thing -> newest observation on its twin (epoch ms).
        self.newest: dict[str, int] = {}
        self.connected = threading.Event()
        self.stopped = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        params = {"ids": ",".join(self._things), "fields": f"thingId,features/{FEATURE}/properties/observedAt"}
        headers = {"Accept": "text/event-stream", "x-ditto-pre-authenticated": names.VIEWER_SUBJECT}
        try:
            with requests.get(self._url, params=params, headers=headers, stream=True, timeout=(10, 60)) as answer:
                answer.raise_for_status()
                self.connected.set()
                for line in answer.iter_lines(chunk_size=1):
                    if self.stopped.is_set():
                        return
                    if line.startswith(b"data:{"):
                        self._take(json.loads(line[5:]), time.time() * 1000)
        except requests.RequestException as error:
            self.error = error

    def _take(self, thing: dict[str, Any], at: float) -> None:
        try:
            observed = thing["features"][FEATURE]["properties"]["observedAt"]
        except KeyError:
            return
        name = thing["thingId"]
        self.seen[name].add(observed, at)
        self.newest[name] = max(observed, self.newest.get(name, 0))


class PointWatch(threading.Thread):
    """Asks InfluxDB again and again for the newest points of some things."""

    def __init__(self, client: InfluxDBClient, things: list[str]) -> None:
        super().__init__(name="points", daemon=True)
        self._api = client.query_api()
        which = " or ".join(f'r.thing == "{thing}"' for thing in things)
        self._flux = (
            f'from(bucket: "{SITE}") |> range(start: -20s) '
            f'|> filter(fn: (r) => r._measurement == "{FEATURE}" and r._field == "seq") |> filter(fn: (r) => {which}) '
            '|> last() |> keep(columns: ["thing", "_time"])'
        )
        self.seen: dict[str, Sightings] = defaultdict(Sightings)
        self.stopped = threading.Event()
        self.slowest_s = 0.0

    def run(self) -> None:
        while not self.stopped.is_set():
            began = time.monotonic()
            try:
                tables = self._api.query(self._flux)
            except ApiException as error:
                # The bucket is made with the first reading.
                if error.status != 404:
                    raise
                continue
            at = time.time() * 1000
            for table in tables:
                for record in table.records:
                    self.seen[record["thing"]].add(round(record["_time"].timestamp() * 1000), at)
            took = time.monotonic() - began
            self.slowest_s = max(self.slowest_s, took)
            self.stopped.wait(max(0.0, _EVERY_S - took))


def influx(endpoints: dict[str, Any]) -> InfluxDBClient:
    """A client with the stack's token."""
    token = Path(endpoints["influx_token_file"]).read_text(encoding="utf-8").strip()
    return InfluxDBClient(url=endpoints["influx_url"], token=token, org=endpoints["influx_org"], timeout=120_000)


def stored(client: InfluxDBClient, start_ms: int, stop_ms: int, first: int, seconds: int) -> int:
    """Points with a number that was sent, each time of each series counted once, as InfluxDB keeps them."""
    flux = (
        f'from(bucket: "{SITE}") '
        f"|> range(start: time(v: {start_ms * 1_000_000}), stop: time(v: {stop_ms * 1_000_000})) "
        '|> filter(fn: (r) => r._field == "seq") '
        f"|> filter(fn: (r) => r._value >= {first} and r._value < {first + seconds}) "
        "|> group() |> count()"
    )
    return sum(int(record["_value"]) for record in client.query_api().query_stream(flux))


def samples(seen: dict[str, Sightings], times: dict[str, list[int]]) -> tuple[list[float], int]:
    """Latencies (ms) of the sampled readings, and how many were never seen."""
    found: list[float] = []
    unseen = 0
    for thing, observed in times.items():
        for at in observed:
            when = seen[thing].first_at(at)
            if when is None:
                unseen += 1
            else:
                found.append(when - at)
    return found, unseen


def observed_times(client: InfluxDBClient, things: list[str], start_ms: int, stop_ms: int) -> dict[str, list[int]]:
    """When the sampled readings were observed (epoch ms), as stored."""
    which = " or ".join(f'r.thing == "{thing}"' for thing in things)
    flux = (
        f'from(bucket: "{SITE}") '
        f"|> range(start: time(v: {start_ms * 1_000_000}), stop: time(v: {stop_ms * 1_000_000})) "
        f'|> filter(fn: (r) => r._measurement == "{FEATURE}" and r._field == "seq") |> filter(fn: (r) => {which}) '
        '|> keep(columns: ["thing", "_time"])'
    )
    found: dict[str, list[int]] = defaultdict(list)
    for record in client.query_api().query_stream(flux):
        found[record["thing"]].append(round(record["_time"].timestamp() * 1000))
    return found
