"""The pipeline measured: 25,000 readings/s offered on ``hono.telemetry.*``, from there to InfluxDB and to the twins.

A stack of its own with real Kafka, Hono's MQTT adapter, Artemis and InfluxDB, and Ditto's stand-in; our processes as
they run in a site, one replica each, a model runner among them.

1. ``racks`` racks send three readings a second each for ``seconds``: what InfluxDB has of those numbers afterwards is
   compared with what was sent (``lost``); times are from the pack's time, stamped as it is handed to Kafka, to when a
   point or a twin's event that shows it is first seen. Processor time is that of ingest and historian.
2. The naive loop on the same components: one message, one PATCH, one point.
3. The real MQTT adapter, at its own pace.
4. 10,000 racks on a stand-in that is as slow as a real Ditto was measured to be: how old the values on twins are.

Progress goes to stderr, the figures are the last line on stdout. The exit code is 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import psutil
import requests

from bench import pipeline_mqtt, pipeline_offer, pipeline_site, pipeline_watch
from bench.pipeline_memory import Memory
from bench.pipeline_site import SITE
from bench.sightings import percentile
from local_stack import Stack, model
from local_stack.supervision import Supervisor

STACK: Final = "bench-pipeline"
_COMPONENTS: Final = (
    "kafka", "influxd", "definitions", "ditto-lite", "hono-mqtt", "hono-bridge", "ingest", "historian",
)  # fmt: skip
_WATCHED: Final = 40
_PER_READING: Final = ("ingest", "historian")
_OURS: Final = (*_PER_READING, "ditto-lite", "hono-bridge")
# From here on a run is long enough to tell whether memory grows.
_SOAK_S: Final = 300
_WARM_UP_S: Final = 5
_SETTLE_S: Final = 60.0
_MODEL: Final = "inlet-temperature"
_RATES: Final = "ditto-3.9"


def say(text: str) -> None:
    """Progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def load() -> str:
    """The machine's load averages."""
    return "load average " + " ".join(f"{value:.1f}" for value in os.getloadavg())


class Usage:
    """Processor time and memory of the stack's processes."""

    def __init__(self, stack: Stack, names: tuple[str, ...] = _COMPONENTS) -> None:
        self._processes: dict[str, psutil.Process] = {}
        for name in names:
            state = stack.process(name)
            if state is not None and state.pid:
                self._processes[name] = psutil.Process(state.pid)
        self._began = self.cpu_s()

    def cpu_s(self) -> dict[str, float]:
        """Seconds so far, by process."""
        found = {}
        for name, process in self._processes.items():
            times = process.cpu_times()
            found[name] = float(times.user + times.system)
        return found

    def used_s(self) -> dict[str, float]:
        """Seconds since this was made."""
        return {name: round(value - self._began[name], 1) for name, value in self.cpu_s().items()}

    def rss_mb(self) -> dict[str, int]:
        """Memory now."""
        return {name: round(process.memory_info().rss / 1e6) for name, process in self._processes.items()}


class Offer:
    """A run of `bench.pipeline_offer`."""

    def __init__(self, endpoints: dict[str, Any], racks: int, seconds: int) -> None:
        self.seconds = seconds
        self.racks = racks
        # Numbers of earlier runs are other numbers.
        self.first = int(time.time())
        self.start_ms = time.time_ns() // 1_000_000 + 2500
        self.stop_ms = self.start_ms + seconds * 1000 + 5000
        self.memory = Memory()
        command = [sys.executable, "-m", "bench.pipeline_offer", "--bootstrap", endpoints["kafka_bootstrap"]]
        command += ["--racks", str(racks), "--seconds", str(seconds)]
        command += ["--first", str(self.first), "--start-ms", str(self.start_ms)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def watch(self, usage: Usage, every_s: float = 5.0) -> dict[str, Any]:
        """Wait for its end, and tell how it goes; what it reports."""
        last = time.monotonic()
        while self._process.poll() is None:
            time.sleep(0.2)
            if time.monotonic() - last > every_s:
                last = time.monotonic()
                rss = usage.rss_mb()
                self.memory.add(last, rss)
                say(f"  {load()}; memory in MB {rss}")
        out, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise SystemExit("bench: offering failed")
        report: dict[str, Any] = json.loads(out)
        return report


def sample(racks: int) -> list[str]:
    """Things to watch, spread over all gateways."""
    return [pipeline_site.rack_id(number * racks // _WATCHED) for number in range(_WATCHED)]


def kafka_part(stack: Stack, endpoints: dict[str, Any], racks: int, seconds: int) -> dict[str, Any]:
    """Offer at full rate and measure both ends."""
    client = pipeline_watch.influx(endpoints)
    things = sample(racks)
    usage = Usage(stack)
    twins = pipeline_watch.TwinWatch(endpoints["ditto_url"], things)
    twins.start()
    twins.connected.wait(20)
    points = pipeline_watch.PointWatch(client, things)
    # Whoever applies a site does so before its devices send: ingest learns who is who, and is not measured doing so.
    Offer(endpoints, racks, _WARM_UP_S).watch(usage)
    time.sleep(_WARM_UP_S)
    usage = Usage(stack)
    run = Offer(endpoints, racks, seconds)
    points.start()
    report = run.watch(usage)
    say(f"  offered {report}; {load()}")
    expected = seconds * racks * pipeline_offer.READINGS_PER_RACK
    deadline, before = time.monotonic() + _SETTLE_S, -1
    while True:
        found = pipeline_watch.stored(client, run.start_ms - 5000, run.stop_ms, run.first, seconds)
        if found > before:
            # What is late is not lost: it counts as lost once nothing more comes.
            deadline, before = time.monotonic() + _SETTLE_S, found
        if found >= expected or time.monotonic() > deadline:
            break
        # Seldom: counting costs InfluxDB more than writing does.
        time.sleep(3.0)
    spent = usage.used_s()
    # Values that were held back for Ditto follow within an interval or two.
    last = time.monotonic() + 20
    newest = {thing: max(at) for thing, at in times_of(client, things, run).items()}
    while any(twins.newest.get(thing, 0) < at for thing, at in newest.items()) and time.monotonic() < last:
        time.sleep(0.2)
    points.stopped.set()
    twins.stopped.set()
    points.join(10)
    if twins.error is not None:
        raise SystemExit(f"bench: the event stream broke: {twins.error}")
    times = times_of(client, things, run)
    to_influx, no_point = pipeline_watch.samples(points.seen, times)
    to_twin, no_twin = pipeline_watch.samples(twins.seen, times)
    say(f"  processor seconds {spent}; memory in MB {usage.rss_mb()}; never seen: {no_point} points, {no_twin} twins")
    if not to_influx or not to_twin:
        raise SystemExit(f"bench: none of the sample was seen in time: {len(to_influx)} points, {len(to_twin)} twins")
    say(f"  to InfluxDB p50 {percentile(to_influx, 0.5):.0f} ms, to the twin p50 {percentile(to_twin, 0.5):.0f} ms")
    say(f"  asking InfluxDB for the sample took at most {points.slowest_s * 1000:.0f} ms, which is in its times")
    ours = sum(spent[name] for name in _PER_READING)
    figures: dict[str, Any] = {}
    if seconds >= _SOAK_S:
        growth = run.memory.growth_mb_per_10min()
        say(f"  growth of memory in MB per 10 min {growth}")
        figures["rss_growth_mb_per_10min"] = {name: growth.get(name) for name in _OURS}
    return {
        **figures,
        "readings": expected,
        "lost": expected - found + no_twin,
        "kafka_to_influx_p99_ms": round(percentile(to_influx, 0.99)),
        "kafka_to_twin_p99_ms": round(percentile(to_twin, 0.99)),
        "cpu_s_per_million": round(ours / expected * 1e6, 1),
    }


def times_of(client: Any, things: list[str], run: Offer) -> dict[str, list[int]]:
    """When the sampled readings of a run were observed."""
    return pipeline_watch.observed_times(client, things, run.start_ms - 5000, run.stop_ms)


def naive_part(stack: Stack, endpoints: dict[str, Any], messages: int) -> float:
    """Processor seconds per million of the naive loop."""
    command = [sys.executable, "-m", "bench.pipeline_naive", "--bootstrap", endpoints["kafka_bootstrap"]]
    command += ["--ditto-url", endpoints["ditto_url"], "--messages", str(messages)]
    environment = {**os.environ, **stack.user_env()}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    report = json.loads(done.stdout)
    say(f"  {report}; {load()}")
    return float(report["cpu_s_per_million"])


def mqtt_part(endpoints: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Acknowledged messages per second, and how many of them are in no point."""
    login = pipeline_site.register_mqtt(endpoints)
    senders = pipeline_mqtt.send(endpoints["hono_mqtt_host"], endpoints["hono_mqtt_port"], login, seconds)
    client = pipeline_watch.influx(endpoints)
    since = min(sender.first_ms for sender in senders) - 1000
    deadline = time.monotonic() + _SETTLE_S
    while True:
        missing = sum(len(sender.acknowledged - _numbers(client, sender, since)) for sender in senders)
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(1.0)
    unacknowledged = sum(sender.sent - len(sender.acknowledged) for sender in senders)
    rate = sum(sender.per_s for sender in senders)
    say(f"  {rate:.0f}/s, {unacknowledged} never acknowledged, {missing} missing; {load()}")
    return {"mqtt_msgs_per_s": round(rate), "mqtt_lost": missing}


def _numbers(client: Any, sender: pipeline_mqtt.Sender, since_ms: int) -> set[int]:
    flux = (
        f'from(bucket: "{SITE}") |> range(start: time(v: {since_ms * 1_000_000}), stop: 1h) '
        f'|> filter(fn: (r) => r._field == "seq" and r.thing == "{sender.thing}") '
        f'|> filter(fn: (r) => r.feature == "{pipeline_mqtt.FEATURE}") |> keep(columns: ["_value"])'
    )
    return {int(record["_value"]) for record in client.query_api().query_stream(flux)}


@contextlib.contextmanager
def at_rates_of_a_ditto(stack: Stack) -> Iterator[None]:
    """The stand-in on the same data, restarted with the rate profile of a real Ditto."""
    supervisor = Supervisor(stack.instance)
    supervisor.stop("ditto-lite")
    environment = {**os.environ, **stack.env_for("ditto-lite"), "RACKTWIN_DITTO_LITE_RATE_PROFILE": _RATES}
    log = (stack.instance.logs / "ditto-lite-rates.log").open("w", encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-m", "ditto_lite"], env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)
        log.close()
        supervisor.start("ditto-lite")


def rates_part(stack: Stack, endpoints: dict[str, Any], racks: int, seconds: int) -> dict[str, Any]:
    """How old the values on twins are when Ditto is as slow as a real one, and whether a queue grows."""
    with at_rates_of_a_ditto(stack):
        _await_ditto(endpoints)
        things = sample(racks)
        twins = pipeline_watch.TwinWatch(endpoints["ditto_url"], things)
        twins.start()
        twins.connected.wait(20)
        run = Offer(endpoints, racks, seconds)
        ages: list[float] = []
        queue: list[float] = []
        watching = threading.Event()
        # From when the intervals have had time to widen: a quarter of the run.
        begin_ms = run.start_ms + seconds * 250

        def look() -> None:
            while not watching.wait(0.25):
                now = time.time() * 1000
                queue.append(_gauge(endpoints, "racktwin_ingest_twin_queued_records"))
                if begin_ms <= now < run.start_ms + seconds * 1000:
                    ages.extend(now - twins.newest.get(thing, run.start_ms) for thing in things)

        looker = threading.Thread(target=look, daemon=True)
        looker.start()
        say(f"  offered {run.watch(Usage(stack, ('ingest', 'historian')))}; {load()}")
        watching.set()
        looker.join(5)
        twins.stopped.set()
        if twins.error is not None:
            raise SystemExit(f"bench: the event stream broke: {twins.error}")
        half = len(queue) // 2
        say(
            f"  age p50 {percentile(ages, 0.5):.0f} ms, p99 {percentile(ages, 0.99):.0f} ms, most {max(ages):.0f} ms; "
            f"waiting for Ditto: mean {sum(queue[:half]) / max(1, half):.0f} in the first half, "
            f"{sum(queue[half:]) / max(1, len(queue) - half):.0f} in the second, most {max(queue):.0f}"
        )
        return {"twin_age_p99_ms_at_ditto_rates": round(percentile(ages, 0.99))}


def _await_ditto(endpoints: dict[str, Any]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            requests.get(f"{endpoints['ditto_url']}/health", timeout=2).raise_for_status()
            return
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _gauge(endpoints: dict[str, Any], name: str) -> float:
    """A gauge of ingest's for the site; 0 while it has none."""
    text = requests.get(f"{endpoints['health']['ingest']}/metrics", timeout=5).text
    for line in text.splitlines():
        if line.startswith(f'{name}{{site="{SITE}"}}'):
            return float(line.rpartition(" ")[2])
    return 0.0


@contextlib.contextmanager
def runner(stack: Stack, interval_s: float) -> Iterator[None]:
    """A model runner, as the operator would have one run."""
    environment = {
        **os.environ,
        **stack.env_for("ingest"),
        "RACKTWIN_MODEL_DIR": str(model.ensure_trained(_MODEL)),
        "RACKTWIN_PREDICTION_INTERVAL_S": str(interval_s),
        "RACKTWIN_SITES": SITE,
        "RACKTWIN_HEALTH_PORT": "0",
    }
    log = (stack.instance.logs / "runner.log").open("w", encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-m", "runner"], env=environment, stdout=log, stderr=log)
    try:
        yield
        if process.poll() is not None:
            raise SystemExit(f"bench: the runner ended; {log.name} says why")
        times = psutil.Process(process.pid).cpu_times()
        say(f"  the runner used {times.user + times.system:.1f} processor seconds")
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.pipeline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60, help="how long to offer (default 60; 600 shows memory)")
    parser.add_argument("--racks", type=int, default=8334, help="racks of the first part (default 8334: 25,002/s)")
    parser.add_argument("--rates-racks", type=int, default=10_000, help="racks at Ditto's rates (default 10000)")
    parser.add_argument("--naive", type=int, default=2000, help="messages for the naive loop (default 2000)")
    parser.add_argument("--mqtt-seconds", type=float, default=15.0, help="how long to send over MQTT (default 15)")
    parser.add_argument(
        "--interval",
        type=float,
        default=300.0,
        help="seconds between two predictions for a rack (default 300: what a Ditto with 10,000 racks has room for)",
    )
    parser.add_argument("--only", choices=("kafka", "naive", "mqtt", "rates"), help="one part alone")
    parser.add_argument("--keep", action="store_true", help="leave the stack running")
    a = parser.parse_args()

    stack = Stack(STACK)
    say("the stack, from nothing")
    # What earlier runs left would be compacted and thinned inside the measurement.
    stack.clean()
    stack.ensure(_COMPONENTS, progress=lambda component, event: say(f"  {component} {event}"))
    figures: dict[str, Any] = {"offered_per_s": a.racks * pipeline_offer.READINGS_PER_RACK, "seconds": a.seconds}
    try:
        endpoints = stack.endpoints()
        say(f"{max(a.racks, a.rates_racks)} racks")
        pipeline_site.make(endpoints, max(a.racks, a.rates_racks))
        with runner(stack, a.interval):
            if a.only in (None, "kafka"):
                say(f"{figures['offered_per_s']} readings/s for {a.seconds} s; {load()}")
                figures |= kafka_part(stack, endpoints, a.racks, a.seconds)
            if a.only in (None, "mqtt"):
                say(f"through the MQTT adapter for {a.mqtt_seconds:.0f} s; {load()}")
                mqtt = mqtt_part(endpoints, a.mqtt_seconds)
                figures |= mqtt
            if a.only in (None, "naive"):
                say(f"the naive loop, {a.naive} messages; {load()}")
                figures["naive_cpu_s_per_million"] = naive_part(stack, endpoints, a.naive)
            if a.only is None:
                figures["ratio"] = round(figures["naive_cpu_s_per_million"] / figures["cpu_s_per_million"], 1)
            if a.only in (None, "rates"):
                say(f"{a.rates_racks} racks at the rates of a real Ditto for {a.seconds} s; {load()}")
                figures |= rates_part(stack, endpoints, a.rates_racks, a.seconds)
    finally:
        if not a.keep:
            stack.stop()
    print(json.dumps(figures))
    return 1 if figures.get("lost") or figures.get("mqtt_lost") else 0


if __name__ == "__main__":
    sys.exit(main())
