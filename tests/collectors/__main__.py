"""`make check-collectors`: every collector against a peer of its own, through Hono into InfluxDB, on a stack of its own.

1. ``racktwin collect check`` must find everything that each collector should bring.
2. All run at once; each value must arrive in InfluxDB.
3. Hono's adapters are away for a minute and come back; then everything that was collected must be in InfluxDB:
   what is not is lost. Telegraf posts by itself and has a buffer of its own, which is not counted here.
4. A hundred devices by four protocols at once, each read every second: the process's memory.

Progress goes to stderr, the figures are the last line on stdout. The exit code is 1 when a collector failed, a reading
was lost or the memory is above 64 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml
from tests.collectors import fleet, site
from tests.collectors.drivers import Drivers, write_files

from bench import pipeline_watch
from local_stack import Stack, paths
from local_stack.supervision import Supervisor
from local_stack.toolchain.builder import Builder
from local_stack.toolchain.protocol_peers import MQTT_BROKER, NODE_EXPORTER, PROTOCOL_PEERS, TELEGRAF
from racktwin.ports import free_ports

STACK = "check-collectors"
COMPONENTS = (
    "kafka",
    "influxd",
    "definitions",
    "ditto-lite",
    "hono-mqtt",
    "hono-http",
    "hono-bridge",
    "ingest",
    "historian",
)
ADAPTERS = ("hono-mqtt", "hono-http")
DEVICES = 100
LIMIT_MB = 64.0
# How long readings flow before the outage, and after it (s): some rounds of the slowest interval tried.
BEFORE_S = 25.0
AFTER_S = 10.0


def say(text: str) -> None:
    """Progress."""
    print(f"collectors: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def running(name: str, command: list[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program until the end of the block; its output in a file."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=paths.repository(), env={**os.environ, **environment}
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Collector:
    """One process that collects, by its health port."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def metric(self, name: str) -> float:
        """A counter or gauge, summed over its labels; 0 where it has none yet."""
        text = requests.get(self._url, timeout=5).text
        lines = [
            line
            for line in text.splitlines()
            if line.startswith((f"racktwin_collector_{name} ", f"racktwin_collector_{name}{{"))
        ]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def up(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(requests.RequestException):
            return bool(self.metric("readings_kept_total") >= 0)
        return False


def write_config(folder: Path, name: str, entries: list[dict[str, Any]], protocol: str = "mqtt") -> Path:
    """A configuration file."""
    path = folder / f"{name}.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "site": site.SITE,
                "gateway": "edge",
                "uplink": {"protocol": protocol, "credentials": "gateway-edge-device"},
                "store": {"directory": f"store-{name}", "maxMb": 64},
                "collectors": entries,
            },
            sort_keys=False,
        )
    )
    return path


def stored(client: Any, since_s: float, things: list[str]) -> dict[tuple[str, str, str], int]:
    """Values in InfluxDB by thing, feature and property, without what ingest derives."""
    wanted = json.dumps([site.thing(thing) for thing in things])
    flux = (
        f'from(bucket: "{site.SITE}") |> range(start: time(v: {int(since_s * 1e9)}), stop: 1h) '
        '|> filter(fn: (r) => r._field != "seq" and r._field != "dewPoint") '
        f"|> filter(fn: (r) => contains(value: r.thing, set: {wanted})) |> count() "
        '|> keep(columns: ["thing", "feature", "_field", "_value"])'
    )
    found: dict[tuple[str, str, str], int] = {}
    for record in client.query_api().query_stream(flux):
        key = (record["thing"].partition(":")[2], record["feature"], record["_field"])
        found[key] = found.get(key, 0) + int(record["_value"])
    return found


def until(condition: Any, seconds: float, what: str, pause_s: float = 0.5) -> bool:
    """Wait for a condition; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            say(f"  not in {seconds:.0f} s: {what}")
            return False
        time.sleep(pause_s)
    return True


class Check:
    """The run, part by part."""

    def __init__(self, stack: Stack, folder: Path, outage_s: float, memory_s: float) -> None:
        self.stack, self.folder, self.outage_s, self.memory_s = stack, folder, outage_s, memory_s
        self.endpoints = stack.endpoints()
        self.client = pipeline_watch.influx(self.endpoints)
        self.began = time.time() - 2 * 3600
        self.failed: dict[str, str] = {}
        self.lost_of_many = 0

    def run(self) -> dict[str, Any]:
        """Everything; the figures."""
        broker, node, push, ws, ws_http, mq_health, http_health, many_health, ui, mqtt_ws = free_ports(10)
        token = secrets.token_urlsafe(12)
        command = [sys.executable, "-m", "tests.collectors.peers", "--devices", str(DEVICES // 4)]
        with contextlib.ExitStack() as stack:
            stack.enter_context(running("peers", command, self.folder))
            peers = self._peers()
            stack.enter_context(
                running(
                    "broker",
                    [
                        str(MQTT_BROKER.folder / "bin/mqtt_broker"),
                        "-tcp",
                        f"127.0.0.1:{broker}",
                        "-ws",
                        f"127.0.0.1:{mqtt_ws}",
                        "-info",
                        f"127.0.0.1:{ui}",
                    ],
                    self.folder,
                )
            )
            stack.enter_context(
                running(
                    "node_exporter",
                    [str(NODE_EXPORTER.folder / "bin/node_exporter"), f"--web.listen-address=127.0.0.1:{node}"],
                    self.folder,
                )
            )
            for name, value in {**peers["secrets"], "PUSH": token}.items():
                os.environ[f"CHECK_{name}"] = value
            tried = fleet.tried(peers, broker, node, (push, ws, ws_http))
            entries, things = fleet.many(peers, DEVICES)
            expected = sorted({thing for one in tried for thing, _, _ in one.expected})
            say(f"{len(expected) + len(things)} things in Ditto and devices in Hono")
            site.make(self.endpoints, [*expected, *things], ["server-tg"], self.folder)
            write_files(self.folder / "old")
            time.sleep(1.0)
            drivers = Drivers(broker, (push, ws), token)
            drivers.start()
            try:
                self._dry(tried)
                readings, lost = self._live(tried, mq_health, http_health)
            finally:
                drivers.stop()
            rss, counted, self.lost_of_many = self._memory(entries, things, many_health)
        return {
            "collectors": len(tried),
            "passed": len(tried) - len(self.failed),
            "readings": readings + counted,
            "lost_during_hono_outage": lost,
            "rss_mb_100_devices": rss,
        }

    def _peers(self) -> dict[str, Any]:
        log = self.folder / "peers.log"
        until(lambda: b"\n" in log.read_bytes(), 60, "the peers")
        found: dict[str, Any] = json.loads(log.read_text().partition("\n")[0])
        return found

    def _dry(self, tried: list[fleet.Tried]) -> None:
        """What `check` says, of each."""
        entries = [{**one.entry, "name": one.name} for one in tried if one.entry is not None]
        path = write_config(self.folder, "dry", entries)
        command = [sys.executable, "-m", "racktwin_cli", "collect", "check", "--config", str(path), "--json"]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, cwd=paths.repository())
        rows = {row["name"].partition("/")[0]: row for row in json.loads(done.stdout)["sources"]}
        for one in tried:
            row = rows.get(one.name)
            if row is None:
                continue
            seen = {(r["thing"].partition(":")[2], r["feature"], r["property"]) for r in row["readings"]}
            # Totals are made when feeds are collected, which check does not.
            missing = [
                key for key in one.expected if key not in seen and (key[0], "power", "powerA") not in one.expected
            ]
            say(
                f"  check {one.name}: {len(row['readings'])} values in {row['tookMs']} ms"
                + (f", {row['error']}" if row.get("error") else "")
            )
            if not row["ok"] or missing:
                self.failed[one.name] = f"check: {row.get('error') or missing}"

    def _live(self, tried: list[fleet.Tried], mq_health: int, http_health: int) -> tuple[int, int]:
        """All at once, with an outage; values in InfluxDB, and how many are missing."""
        by_uplink = {
            way: [{**one.entry, "name": one.name} for one in tried if one.uplink == way and one.entry is not None]
            for way in ("mqtt", "http")
        }
        things = sorted({thing for one in tried if one.entry is not None for thing, _, _ in one.expected})
        telegraf = {
            f"HONO_{name}": (self.folder / "server-tg-device" / key).read_text()
            for name, key in (("HTTP_URL", "httpUrl"), ("USERNAME", "username"), ("PASSWORD", "password"))
        }
        collectors = [Collector(mq_health), Collector(http_health)]
        with contextlib.ExitStack() as stack:
            for way, port in (("mqtt", mq_health), ("http", http_health)):
                path = write_config(self.folder, way, by_uplink[way], way)
                stack.enter_context(self._collector(f"collector-{way}", path, port))
            config = paths.repository() / "services/collector/data/telegraf/telegraf.conf"
            stack.enter_context(
                running(
                    "telegraf",
                    [str(TELEGRAF.folder / "bin/telegraf"), "--config", str(config)],
                    self.folder,
                    **telegraf,
                )
            )
            say(f"{len(tried)} ways of collecting, for {BEFORE_S:.0f} s")
            until(lambda: all(one.up() for one in collectors), 20, "the collectors")
            time.sleep(BEFORE_S)
            supervisor = Supervisor(self.stack.instance)
            before = sum(one.metric("readings_kept_total") for one in collectors)
            say(f"Hono's adapters away for {self.outage_s:.0f} s")
            for name in ADAPTERS:
                supervisor.stop(name)
            time.sleep(self.outage_s)
            say(
                f"  collected meanwhile {sum(one.metric('readings_kept_total') for one in collectors) - before:.0f}, "
                f"kept {sum(one.metric('backlog_messages') for one in collectors):.0f} messages; back again"
            )
            self.stack.ensure(COMPONENTS)
            until(lambda: all(one.metric("connected") for one in collectors), 60, "connected again")
            say(f"  connected again; {AFTER_S:.0f} s more")
            time.sleep(AFTER_S)
            kept = sum(one.metric("readings_kept_total") for one in collectors)
            given_up = sum(one.metric("readings_lost_total") for one in collectors)
        # The processes have ended, with a drain of a few seconds: what is left in their stores would go out next time.
        left = len([*self.folder.glob("store-mqtt/*.jsonl"), *self.folder.glob("store-http/*.jsonl")])
        say(f"  kept {kept:.0f} until the last look, given up {given_up:.0f}, files left in the stores {left}")
        until(lambda: sum(stored(self.client, self.began, things).values()) >= kept, 40, "all in InfluxDB", 2.0)
        say(
            f"  longest time between two readings of a device that is read each second: {self._gap('cooling-mb'):.1f} s"
        )
        found = stored(self.client, self.began, [*things, "server-tg"])
        for one in tried:
            missing = ["/".join(key) for key in one.expected if key not in found]
            if missing:
                self.failed.setdefault(one.name, f"not in InfluxDB: {', '.join(missing)}")
        ours = sum(count for (thing, _, _), count in found.items() if thing != "server-tg")
        return sum(found.values()), max(0, round(kept) - ours)

    def _gap(self, thing: str) -> float:
        """The longest time between two readings of a thing (s): what was collected has no hole either."""
        flux = (
            f'from(bucket: "{site.SITE}") |> range(start: -10m) |> filter(fn: (r) => r.thing == "{site.thing(thing)}") '
            '|> filter(fn: (r) => r._field == "supplyTemperature") |> elapsed(unit: 1ms) |> max(column: "elapsed")'
        )
        return max((record["elapsed"] / 1000 for record in self.client.query_api().query_stream(flux)), default=0.0)

    def _memory(self, entries: list[dict[str, Any]], things: list[str], port: int) -> tuple[float, int, int]:
        """A hundred devices: resident memory at its highest (MB), values in InfluxDB, and how many are missing."""
        path = write_config(self.folder, "many", entries)
        say(f"{len(things)} devices by four protocols, for {self.memory_s:.0f} s")
        one = Collector(port)
        with self._collector("collector-many", path, port) as process:
            until(one.up, 20, "the collector")
            watched = psutil.Process(process.pid)
            began, cpu, highest = time.monotonic(), watched.cpu_times(), 0
            while time.monotonic() - began < self.memory_s:
                time.sleep(0.5)
                highest = max(highest, watched.memory_info().rss)
            spent = watched.cpu_times().user + watched.cpu_times().system - cpu.user - cpu.system
            kept = one.metric("readings_kept_total")
            say(
                f"  {kept / self.memory_s:.0f} readings/s, {spent / self.memory_s * 100:.0f} % of a core, "
                f"{one.metric('up'):.0f} of {len(things)} answer, {one.metric('ticks_skipped_total'):.0f} reads left out, "
                f"highest {highest / 1e6:.1f} MB"
            )
        since = time.time() - self.memory_s - 120
        until(lambda: sum(stored(self.client, since, things).values()) >= kept, 40, "all in InfluxDB", 2.0)
        found = sum(stored(self.client, since, things).values())
        say(f"  kept {kept:.0f}, in InfluxDB {found}")
        return round(highest / 1e6, 1), found, max(0, round(kept) - found)

    def _collector(self, name: str, path: Path, port: int) -> Any:
        command = [sys.executable, "-m", "collector", "--config", str(path)]
        return running(name, command, self.folder, RACKTWIN_HEALTH_PORT=str(port))


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.collectors", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outage", type=float, default=60.0, help="seconds without Hono (default 60)")
    parser.add_argument("--memory", type=float, default=60.0, help="seconds with 100 devices (default 60)")
    parser.add_argument("--stack", default=STACK, help="name of the stack; its data is deleted first")
    parser.add_argument(
        "--keep", action="store_true", help="leave the stack running, and logs and stores where they are"
    )
    a = parser.parse_args()
    Builder().make(PROTOCOL_PEERS)
    stack = Stack(a.stack)
    say("the stack, from nothing")
    stack.clean()
    folder = Path(tempfile.mkdtemp(prefix="check-collectors-"))
    try:
        stack.ensure(COMPONENTS, progress=lambda component, event: say(f"  {component} {event}"))
        check = Check(stack, folder, a.outage, a.memory)
        figures = check.run()
    finally:
        if a.keep:
            say(f"logs and stores in {folder}")
        else:
            stack.stop()
    for name, why in check.failed.items():
        say(f"FAILED {name}: {why}")
    good = not check.failed and not figures["lost_during_hono_outage"] and not check.lost_of_many
    if good and not a.keep:
        shutil.rmtree(folder)
    elif not a.keep:
        say(f"logs and stores in {folder}")
    print(json.dumps(figures))
    return 0 if good and figures["rss_mb_100_devices"] <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
