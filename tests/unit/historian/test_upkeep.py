"""History is kept as its Site says, and runs that InfluxDB missed are asked for, minutes before quarters."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import structlog

from historian.upkeep import Upkeep, missing_runs
from racktwin.ditto_client import DittoError
from racktwin.history import MINUTE, QUARTER, Retention

HOUR = 3600
DAY = 86_400
NOON = 20_000 * DAY + 12 * HOUR


def ok(*times, began=None):
    return {at: ("success", began if began is not None else at + 300.0) for at in times}


def test_a_run_is_missed_when_it_should_be_over_and_is_not_known():
    runs = ok(NOON - 3 * HOUR, NOON - HOUR)
    assert missing_runs(MINUTE, runs, NOON - 3 * HOUR, NOON + 599, {}) == [NOON - 2 * HOUR]
    assert missing_runs(MINUTE, runs, NOON - 3 * HOUR, NOON + 600, {}) == [NOON - 2 * HOUR, NOON]


@pytest.mark.parametrize(("state", "missed"), [("failed", True), ("scheduled", False), ("started", False)])
def test_a_failed_run_is_missed_and_one_under_way_is_not(state, missed):
    assert bool(missing_runs(MINUTE, {NOON: (state, 0.0)}, NOON, NOON + 700, {})) is missed


def test_quarters_made_of_incomplete_minutes_are_made_again():
    made = ok(NOON, began=NOON + 1200.0)
    late = {NOON: NOON + 5000.0}
    assert missing_runs(QUARTER, made, NOON, NOON + 2 * HOUR, {}) == []
    assert missing_runs(QUARTER, made, NOON, NOON + 2 * HOUR, late) == [NOON]


class Tasks:
    """InfluxDB's buckets and tasks, with the runs that are known."""

    def __init__(self, created):
        self.created = datetime.fromtimestamp(created, UTC)
        self.tasks = {}
        self.runs = {}
        self.asked = []
        self.kept = {}

    def organizations_api(self):
        return SimpleNamespace(find_organizations=lambda org: [SimpleNamespace(id="id")])

    def buckets_api(self):
        def create(bucket_name, org_id, retention_rules, description):
            self.kept[bucket_name] = retention_rules[0].every_seconds // DAY

        return SimpleNamespace(find_buckets=lambda name, org_id: SimpleNamespace(buckets=[]), create_bucket=create)

    def tasks_api(self):
        def create(task_create_request):
            flux = task_create_request.flux
            name = flux.split('name: "')[1].split('"')[0]
            self.tasks[name] = SimpleNamespace(name=name, id=name, flux=flux, created_at=self.created)

        def runs(task, limit, after_time):
            stamp = {at: datetime.fromtimestamp(at, UTC) for at in self.runs.get(task, {})}
            return [
                SimpleNamespace(
                    scheduled_for=stamp[at], status=state, started_at=datetime.fromtimestamp(began, UTC).isoformat()
                )
                for at, (state, began) in self.runs.get(task, {}).items()
            ]

        return SimpleNamespace(
            find_tasks=lambda name, org_id: [self.tasks[name]] if name in self.tasks else [],
            create_task=create,
            get_runs=runs,
            run_manually=lambda task, scheduled_for: self.asked.append((task, scheduled_for)),
        )


class Ditto:
    def __init__(self, thing):
        self.thing = thing

    def get_thing(self, thing, fields=None):
        if isinstance(self.thing, Exception):
            raise self.thing
        return self.thing


def upkeep(influx, thing, now=NOON + HOUR):
    return Upkeep(
        influx,
        Ditto(thing),
        org="acme",
        keep=Retention(),
        clock=lambda: now * 1000,
        log=structlog.get_logger(),
    )


def test_the_site_says_how_long():
    influx = Tasks(NOON)
    told = {"fullDays": 2, "minuteDays": 10, "quarterDays": 0, "logDays": 30}
    upkeep(influx, {"attributes": {"history": told}}).look("berlin")
    assert influx.kept == {"berlin": 2, "berlin_1m": 10, "berlin_15m": 0, "berlin_log": 30}


def test_a_site_that_says_nothing_is_kept_as_configured():
    influx = Tasks(NOON)
    upkeep(influx, None).look("berlin")
    assert influx.kept == {"berlin": 7, "berlin_1m": 90, "berlin_15m": 1825, "berlin_log": 1825}


def test_nothing_is_changed_while_ditto_cannot_be_asked():
    influx = Tasks(NOON)
    upkeep(influx, DittoError(0, "unreachable", "refused")).look("berlin")
    assert influx.kept == {}


def test_missed_minutes_are_asked_for_first_and_quarters_when_those_are_there():
    influx = Tasks(NOON - 6 * HOUR)
    minute, quarter = "racktwin berlin 1m", "racktwin berlin 15m"
    influx.runs = {minute: ok(*range(NOON - 6 * HOUR, NOON, HOUR)), quarter: ok(NOON - 6 * HOUR)}
    keeper = upkeep(influx, None, NOON + 2 * HOUR)
    keeper.look("berlin")
    assert [task for task, _ in influx.asked] == [minute] * 2
    influx.asked.clear()
    influx.runs[minute] |= ok(NOON, NOON + HOUR, began=NOON + 7200.0)
    keeper.look("berlin")
    assert influx.asked == [(quarter, datetime.fromtimestamp(NOON, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))]


def test_a_new_site_is_looked_at_soon():
    influx = Tasks(NOON)
    keeper = upkeep(influx, None)
    stop = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop, 1000.0, 0.01))
    thread.start()
    keeper.add("berlin")
    while not influx.kept:
        stop.wait(0.01)
    stop.set()
    thread.join(60)
    assert "berlin_1m" in influx.kept
