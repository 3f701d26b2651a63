"""Promise: InfluxDB thins history out: minutes and quarters of an hour, with right means, kept as the Site says.

The tasks are run now, for a whole hour that is over, by the same call that the historian makes for a missed run.
"""

from __future__ import annotations

import json
import random
import string
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
import structlog
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from tests.e2e.harness import Harness, eventually

from bench import pipeline_watch
from historian.retention import task_names
from historian.upkeep import Upkeep
from local_stack import Stack
from racktwin import names
from racktwin.history import Retention, spans

HOUR = 3600
_MS = cast(WritePrecision, "ms")


@pytest.fixture
def influx(stack: Stack) -> Iterator[InfluxDBClient]:
    client = pipeline_watch.influx(stack.endpoints())
    yield client
    client.close()


@pytest.fixture
def lone(influx: InfluxDBClient, stack: Stack) -> Iterator[str]:
    """A name for buckets that no site has, removed afterwards with their tasks."""
    name = "thin-" + "".join(random.choices(string.ascii_lowercase, k=8))
    yield name
    for task in influx.tasks_api().find_tasks(org=stack.endpoints()["influx_org"], limit=500):
        if name in task.name:
            influx.tasks_api().delete_task(task.id)
    for suffix in ("", "_1m", "_15m", "_log"):
        bucket = influx.buckets_api().find_bucket_by_name(f"{name}{suffix}")
        if bucket is not None:
            influx.buckets_api().delete_bucket(bucket)


def points(client: InfluxDBClient, bucket: str, start: int, field: str) -> list[tuple[int, float]]:
    flux = (
        f'from(bucket: "{bucket}") |> range(start: {start}, stop: {start + 2 * HOUR})'
        f' |> filter(fn: (r) => r._field == "{field}") |> keep(columns: ["_time", "_value"])'
    )
    return [
        (round(record["_time"].timestamp()) - start, record["_value"])
        for record in client.query_api().query_stream(flux)
    ]


def test_an_hour_of_seconds_becomes_minutes_and_quarters(influx: InfluxDBClient, stack: Stack, lone: str) -> None:
    org = stack.endpoints()["influx_org"]
    keeper = Upkeep(
        influx, None, org=org, keep=Retention(), clock=lambda: time.time_ns() // 1_000_000, log=structlog.get_logger()
    )
    keeper.look(lone)
    now = int(time.time())
    end = now // HOUR * HOUR
    begin = end - HOUR
    lines = [
        f'power,thing=x,feature=power power={i}.0,energy={2 * i}.0,seq={i}i,quality="estimated" {(begin + i) * 1000}'
        for i in range(HOUR)
    ]
    influx.write_api(write_options=SYNCHRONOUS).write(
        bucket=lone, record=lines, write_precision=cast(WritePrecision, "ms")
    )
    tasks: Any = influx.tasks_api()
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))

    def run(name: str) -> None:
        (task,) = [each for each in tasks.find_tasks(name=name) if each.name == name]
        number = tasks.run_manually(task.id, scheduled_for=at).id

        def done() -> bool:
            state = tasks.get_run(task.id, number)
            assert state.status != "failed", state.log
            return bool(state.status == "success")

        eventually(done, f"task {name} run")

    minute, quarter = task_names(lone)
    run(minute)
    # The mean of seconds 60 to 119 is 89.5; a meter keeps its last reading.
    assert points(influx, f"{lone}_1m", begin, "power")[1] == (60, 89.5)
    assert points(influx, f"{lone}_1m", begin, "power_min")[1] == (60, 60.0)
    assert points(influx, f"{lone}_1m", begin, "power_max")[1] == (60, 119.0)
    assert points(influx, f"{lone}_1m", begin, "energy")[1] == (60, 238.0)
    assert len(points(influx, f"{lone}_1m", begin, "power")) == 60
    assert points(influx, f"{lone}_1m", begin, "seq") == []
    run(quarter)
    assert points(influx, f"{lone}_15m", begin, "power") == [
        (0, 449.5), (900, 1349.5), (1800, 2249.5), (2700, 3149.5),
    ]  # fmt: skip
    assert points(influx, f"{lone}_15m", begin, "power_max")[3] == (2700, 3599.0)
    # Whoever reads it is sent to the bucket that has it.
    later = (end + 30 * 86_400) * 1000
    assert [s.bucket for s in spans(lone, begin * 1000, end * 1000, resolution_s=1, now_ms=later)] == [f"{lone}_1m"]


def test_the_site_says_how_long(site: Harness, stack: Stack, influx: InfluxDBClient, ready_rack: str) -> None:
    kept = {"fullDays": 9, "minuteDays": 80, "quarterDays": 0, "logDays": 400}
    site.kubectl(
        "patch",
        "site",
        site.site,
        "-n",
        site.site,
        "--type=merge",
        "-p",
        f'{{"spec":{{"history":{json.dumps(kept)}}}}}',
    )
    thing = names.thing_id(site.site, "site", site.site)

    def told() -> bool:
        found = site.ditto.get_thing(thing) or {}
        return bool(found.get("attributes", {}).get("history") == kept)

    eventually(told, "spec.history on the site's twin")
    endpoints = stack.endpoints()
    keeper = Upkeep(
        influx,
        site.ditto,
        org=endpoints["influx_org"],
        keep=Retention(),
        clock=lambda: time.time_ns() // 1_000_000,
        log=structlog.get_logger(),
    )

    def kept_so() -> bool:
        # As the historian does every few minutes; on a fresh stack it may be at it just now, as the Site was before.
        keeper.look(site.site)
        days = {}
        for suffix in ("", "_1m", "_15m", "_log"):
            bucket = influx.buckets_api().find_bucket_by_name(f"{site.site}{suffix}")
            assert bucket is not None, f"no bucket {site.site}{suffix}"
            rules = bucket.retention_rules
            days[suffix] = rules[0].every_seconds // 86_400 if rules else 0
        assert days == {"": 9, "_1m": 80, "_15m": 0, "_log": 400}
        return True

    eventually(kept_so, "buckets as the site says")
