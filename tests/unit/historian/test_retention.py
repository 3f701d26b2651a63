"""Buckets and tasks: what they are, and that they are changed only where we made them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from influxdb_client.rest import ApiException

from historian.retention import Keeper, buckets, numeric_fields, tasks
from racktwin.history import Retention

DAY = 86_400


class Influx:
    """InfluxDB's buckets and tasks."""

    def __init__(self):
        self.buckets = {}
        self.tasks = {}
        self.updated = []

    def buckets_api(self):
        def create(bucket_name, org_id, retention_rules, description):
            rules = retention_rules
            self.buckets[bucket_name] = SimpleNamespace(
                name=bucket_name, retention_rules=rules, description=description
            )

        def find(name, org_id):
            if name not in self.buckets:
                raise ApiException(status=404, reason="not found")
            return SimpleNamespace(buckets=[self.buckets[name]])

        return SimpleNamespace(
            find_buckets=find,
            create_bucket=create,
            update_bucket=lambda bucket: self.updated.append(bucket.name),
        )

    def tasks_api(self):
        def create(task_create_request):
            name = task_create_request.flux.split('name: "')[1].split('"')[0]
            self.tasks[name] = SimpleNamespace(name=name, flux=task_create_request.flux)

        return SimpleNamespace(
            find_tasks=lambda name, org_id: [self.tasks[name]] if name in self.tasks else [],
            create_task=create,
            update_task=lambda task: self.updated.append(task.name),
        )


@pytest.fixture
def influx():
    return Influx()


def test_a_week_a_quarter_of_a_year_and_five_years():
    assert buckets("berlin", Retention()) == {
        "berlin": 7 * DAY,
        "berlin_1m": 90 * DAY,
        "berlin_15m": 1825 * DAY,
        "berlin_log": 1825 * DAY,
    }


def test_what_is_measured_has_means_and_what_only_says_when_has_not():
    fields = numeric_fields()
    assert {"temperature", "power", "value", "lo", "hi", "score"} <= set(fields)
    assert not {"mode", "quality", "observedAt", "issuedAt", "basedOn"} & set(fields)


def test_each_task_reads_one_resolution_and_writes_the_next():
    scripts = tasks("berlin", "acme", Retention(late_s=300))
    assert list(scripts) == ["racktwin berlin 1m", "racktwin berlin 15m"]
    minute, quarter = scripts.values()
    assert 'from(bucket: "berlin")' in minute
    assert 'to(bucket: "berlin_1m", org: "acme")' in minute
    assert "d: 3900s" in minute
    assert 'from(bucket: "berlin_1m")' in quarter
    assert 'to(bucket: "berlin_15m", org: "acme")' in quarter


def test_everything_is_made_once(influx):
    keeper = Keeper(influx, "acme", Retention())
    keeper.ensure("berlin", "id")
    assert set(influx.buckets) == {"berlin", "berlin_1m", "berlin_15m", "berlin_log"}
    assert len(influx.tasks) == 2
    keeper.ensure("berlin", "id")
    assert influx.updated == []


def test_changed_settings_change_what_we_made(influx):
    Keeper(influx, "acme", Retention()).ensure("berlin", "id")
    Keeper(influx, "acme", Retention(full_days=14, late_s=600)).ensure("berlin", "id")
    assert influx.updated == ["berlin", "racktwin berlin 1m"]
    assert influx.buckets["berlin"].retention_rules[0].every_seconds == 14 * DAY


def test_a_bucket_that_someone_else_made_is_left_alone(influx):
    influx.buckets["berlin"] = SimpleNamespace(name="berlin", retention_rules=[], description=None)
    Keeper(influx, "acme", Retention()).ensure("berlin", "id")
    assert influx.updated == []
    assert influx.buckets["berlin"].retention_rules == []


def test_a_bucket_that_another_thread_makes_meanwhile_is_kept_as_configured(influx):
    api = influx.buckets_api()

    def overtaken(**bucket):
        api.create_bucket("berlin", bucket["org_id"], [], "racktwin: made with a line")
        raise ApiException(status=422, reason="bucket with name berlin already exists")

    def first_berlin(**bucket):
        (overtaken if bucket["bucket_name"] == "berlin" else api.create_bucket)(**bucket)

    influx.buckets_api = lambda: SimpleNamespace(
        find_buckets=api.find_buckets, create_bucket=first_berlin, update_bucket=api.update_bucket
    )
    Keeper(influx, "acme", Retention()).ensure("berlin", "id")
    assert influx.updated == ["berlin"]
    assert set(influx.buckets) == {"berlin", "berlin_1m", "berlin_15m", "berlin_log"}


def test_a_bucket_that_cannot_be_made_is_an_error(influx):
    def refuse(**_):
        raise ApiException(status=403, reason="forbidden")

    api = influx.buckets_api()
    influx.buckets_api = lambda: SimpleNamespace(find_buckets=api.find_buckets, create_bucket=refuse)
    with pytest.raises(ApiException, match="forbidden"):
        Keeper(influx, "acme", Retention()).ensure("berlin", "id")
