"""The stack that faults happen to: real components, a small site, streams of readings, and what is checked of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from influxdb_client.rest import ApiException
from tests.faults.stream import FEATURE, KafkaStream, MqttStream, Stream
from urllib3.exceptions import HTTPError

from bench import pipeline_site, pipeline_watch
from bench.pipeline_site import SITE
from local_stack import Stack
from local_stack.supervision import Supervisor
from racktwin import names
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.settings import DittoSettings

_COMPONENTS = (
    *("kafka", "influxd", "definitions", "ditto-lite", "hono-mqtt", "hono-http", "hono-bridge", "ingest", "historian"),
    *("operator", "local-node"),
)
_WATCHED = (*_COMPONENTS, "artemis", "hono-auth", "hono-registry", "etcd", "kube-apiserver")
_RACKS = 8


@dataclass
class Fault:
    """Something that goes wrong: `inject` does it and returns when it is over or has been undone."""

    name: str
    inject: Callable[[Stage], None]
    # How long everything may take to be whole again, from then on (s).
    within_s: float = 90.0


@dataclass
class Outcome:
    """What a fault did."""

    name: str
    readings: int = 0
    lost: int = 0
    unexpected: list[str] = field(default_factory=list)
    whole_after_s: float = 0.0
    faults: int = 1


class Stage:
    """A running stack with streams."""

    def __init__(self, name: str) -> None:
        self.stack = Stack(name)
        self.supervisor = Supervisor(self.stack.instance)
        self.endpoints: dict[str, Any] = {}
        self.streams: list[Stream] = []

    def open(self, say: Callable[[str], None]) -> None:
        """Bring up the stack and the site, start the streams."""
        self.stack.ensure(_COMPONENTS, progress=lambda component, event: say(f"  {component} {event}"))
        self.endpoints = self.stack.endpoints()
        pipeline_site.make(self.endpoints, _RACKS)
        login = pipeline_site.register_mqtt(self.endpoints)
        host, port = self.endpoints["hono_mqtt_host"], self.endpoints["hono_mqtt_port"]
        bootstrap = self.endpoints["kafka_bootstrap"]
        self.streams = [
            MqttStream(pipeline_site.rack_id(0), 20, host, port, login),
            MqttStream(pipeline_site.rack_id(1), 20, host, port, login),
            KafkaStream(pipeline_site.rack_id(2), 50, bootstrap),
            KafkaStream(pipeline_site.rack_id(3), 50, bootstrap),
        ]
        for stream in self.streams:
            stream.start()
        self.until(lambda: all(len(stream.acknowledged) > 20 for stream in self.streams), 60, "the streams under way")

    def finish(self) -> tuple[int, list[str]]:
        """End the streams; what of all that was ever acknowledged is missing or wrong."""
        for stream in self.streams:
            stream.halt.set()
        for stream in self.streams:
            stream.join(70)
        everything = {stream.thing: stream.number for stream in self.streams}
        deadline = time.monotonic() + 60
        while True:
            lost, wrong = self.missing({}, everything)
            if not lost or time.monotonic() > deadline:
                return lost, wrong
            time.sleep(1.0)

    # What faults do

    def pid(self, component: str) -> int:
        """The process of a component."""
        state = self.stack.process(component)
        if state is None or not state.pid:
            raise AssertionError(f"{component} does not run")
        return state.pid

    def kill(self, component: str) -> None:
        """kill -9; the supervisor starts it again."""
        os.kill(self.pid(component), signal.SIGKILL)

    def run_for(self, seconds: float) -> None:
        """Let the streams run."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.2)

    def until(self, probe: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for something. Raises AssertionError."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if probe():
                return
            time.sleep(0.3)
        raise AssertionError(f"not within {within_s:.0f} s: {what}")

    # What is checked

    def missing(self, since: dict[str, int], upto: dict[str, int]) -> tuple[int, list[str]]:
        """Acknowledged readings with numbers from `since` to `upto` (by thing) that are not stored, and points that
        should not be there."""
        lost = 0
        wrong: list[str] = []
        for stream in self.streams:
            first = since.get(stream.thing, 1)
            wanted = {n: at for n, at in dict(stream.acknowledged).items() if first <= n <= upto[stream.thing]}
            begin = stream.times.get(first, min(stream.times.values(), default=0))
            stored = self.stored(stream.thing, begin - 1000)
            for number, at in wanted.items():
                lost += at not in stored.get(number, [])
            for number, times in stored.items():
                if number >= first and times != [stream.times.get(number)]:
                    wrong.append(f"{stream.thing} number {number}: points at {times}, sent {stream.times.get(number)}")
        return lost, wrong

    def stored(self, thing: str, since_ms: int) -> dict[int, list[int]]:
        """Number -> times of its points."""
        flux = (
            f'from(bucket: "{SITE}") |> range(start: time(v: {since_ms * 1_000_000}), stop: 2h) '
            f'|> filter(fn: (r) => r._field == "seq" and r.thing == "{thing}" and r.feature == "{FEATURE}") '
            '|> keep(columns: ["_time", "_value"])'
        )
        found: dict[int, list[int]] = {}
        client = pipeline_watch.influx(self.endpoints)
        try:
            for record in client.query_api().query_stream(flux):
                found.setdefault(int(record["_value"]), []).append(round(record["_time"].timestamp() * 1000))
        finally:
            client.close()
        return found

    def behind(self) -> list[str]:
        """Twins that do not hold a value of the last seconds' readings."""
        ditto = DittoClient(DittoSettings(ditto_url=self.endpoints["ditto_url"], ditto_subject=names.VIEWER_SUBJECT))
        late = []
        for stream in self.streams:
            newest = stream.newest()
            thing = ditto.get_thing(stream.thing) or {}
            properties = thing.get("features", {}).get(FEATURE, {}).get("properties", {})
            # The interval is one second; the stream goes on while we look.
            if properties.get("observedAt", 0) < newest - 3000 or properties.get("quality") != "good":
                late.append(f"{stream.thing} {properties.get('quality')} {newest - properties.get('observedAt', 0)} ms")
        return late

    def not_ready(self) -> list[str]:
        """Components that are not ready by themselves."""
        return [row.name for row in self.stack.status() if row.name in _WATCHED and row.state != "ready"]

    def suffer(self, fault: Fault) -> Outcome:
        """Let a fault happen and wait until everything is whole; what was found."""
        outcome = Outcome(fault.name)
        since = {stream.thing: stream.number + 1 for stream in self.streams}
        before = {stream.thing: len(stream.acknowledged) for stream in self.streams}
        try:
            fault.inject(self)
        except Exception as error:
            # Whatever it is, the faults after this one are still to be looked at.
            outcome.unexpected.append(f"{type(error).__name__}: {error}")
        ended = time.monotonic()
        # Readings of after the fault must come through as well.
        goal = {stream.thing: stream.number + 40 for stream in self.streams}
        state: list[str] = ["nothing looked at yet"]
        while state and time.monotonic() - ended < fault.within_s:
            time.sleep(0.5)
            try:
                lost, wrong = self.missing(since, goal)
                state = [f"{lost} readings missing"] if lost else []
                state += self.not_ready() + self.behind()
                state += [s.thing for s in self.streams if max(s.acknowledged, default=0) < goal[s.thing]]
            except (ApiException, HTTPError, DittoError, requests.RequestException, OSError) as error:
                state = [f"cannot look: {error}"]
        outcome.whole_after_s = time.monotonic() - ended
        outcome.unexpected += state
        outcome.lost, wrong = self.missing(since, goal)
        outcome.unexpected += wrong[:5]
        outcome.readings = sum(len(stream.acknowledged) - before[stream.thing] for stream in self.streams)
        return outcome
