"""How long history is kept, and what it is thinned out to: buckets and InfluxDB tasks of a site.

Buckets (`racktwin.history`): ``<site>`` holds what came, ``<site>_1m`` and ``<site>_15m`` what two tasks of InfluxDB
make of it, ``<site>_log`` what happened. A thinned field keeps its name for the mean (for a meter reading, the last),
with ``<field>_min`` and ``<field>_max`` beside it; its time is the beginning of its span. Means of 15 min are means of
the minutes that have data. What InfluxDB gets later than `late_s` after its time is in ``<site>`` alone.

Pure but for `Keeper`, which changes buckets and tasks that it made itself (they say so in their description) and
leaves others as they are. Next: `historian.upkeep` calls it and sees that no run was missed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.task_create_request import TaskCreateRequest
from influxdb_client.rest import ApiException

from racktwin.catalogue import FEATURES
from racktwin.catalogue_computed import COMPUTED
from racktwin.history import MINUTE, QUARTER, Retention, Thinned, log_bucket

MADE_BY_US: Final = "racktwin:"
_DAY_S: Final = 86_400
# Meters count up: their last value says more than a mean.
_METERS: Final = ("energy",)
_NOT_MEASURED: Final = frozenset({"basedOn", "horizon", "baseTime", "ts", "at"})


def buckets(site: str, keep: Retention) -> dict[str, int]:
    """Bucket -> seconds that it keeps, 0 for ever."""
    days = {
        site: keep.full_days,
        f"{site}{MINUTE.suffix}": keep.minute_days,
        f"{site}{QUARTER.suffix}": keep.quarter_days,
        log_bucket(site): keep.log_days,
    }
    return {bucket: count * _DAY_S for bucket, count in days.items()}


def numeric_fields() -> list[str]:
    """Every field that has a mean, by name."""
    found = {
        prop.name
        for feature in (*FEATURES, *COMPUTED)
        for prop in feature.properties
        if prop.type in ("number", "integer") and prop.name not in _NOT_MEASURED and not prop.name.endswith("At")
    }
    return sorted(found)


def task_names(site: str) -> tuple[str, str]:
    """Names of the tasks that make the minutes and the quarters of an hour."""
    return f"racktwin {site} 1m", f"racktwin {site} 15m"


def tasks(site: str, org: str, keep: Retention) -> dict[str, str]:
    """Task name -> its Flux."""
    means = [name for name in numeric_fields() if name not in _METERS]
    minute, quarter = task_names(site)
    # Filters that storage can apply by itself (no functions), so that a window is read as an aggregate.
    return {
        minute: _flux(
            name=minute,
            # What a run costs is the number of series, not of minutes (tens of processor seconds for 80,000): so once
            # an hour, for an hour.
            thinned=MINUTE,
            late_s=keep.late_s + MINUTE.every_s,
            source=site,
            target=f"{site}{MINUTE.suffix}",
            org=org,
            parts=[
                ("mean", _any_of(means), ""),
                ("min", _any_of(means), "_min"),
                ("max", _any_of(means), "_max"),
                ("last", _any_of(_METERS), ""),
            ],
        ),
        quarter: _flux(
            name=quarter,
            thinned=QUARTER,
            late_s=QUARTER.every_s + max(keep.late_s, QUARTER.cell_s),
            source=f"{site}{MINUTE.suffix}",
            target=f"{site}{QUARTER.suffix}",
            org=org,
            parts=[
                ("mean", _any_of(means), ""),
                ("min", "r._field =~ /_min$/", ""),
                ("max", "r._field =~ /_max$/", ""),
                ("last", _any_of(_METERS), ""),
            ],
        ),
    }


def _any_of(fields: list[str] | tuple[str, ...]) -> str:
    return " or ".join(f'r._field == "{field}"' for field in fields)


def _flux(
    *,
    name: str,
    thinned: Thinned,
    late_s: int,
    source: str,
    target: str,
    org: str,
    parts: list[tuple[str, str, str]],
) -> str:
    span = f"{thinned.cell_s // 60}m"
    lines = [
        'import "date"',
        f'option task = {{name: "{name}", every: {thinned.every_s // 3600}h, offset: {thinned.offset_s // 60}m}}',
        # Whole spans only: part of one would overwrite what an earlier run made of all of it.
        f"start = date.truncate(t: date.sub(d: {late_s}s, from: now()), unit: {span})",
        f"stop = date.truncate(t: now(), unit: {span})",
    ]
    for function, fields, suffix in parts:
        lines += [
            f'from(bucket: "{source}")',
            "  |> range(start: start, stop: stop)",
            f"  |> filter(fn: (r) => {fields})",
            f'  |> aggregateWindow(every: {span}, fn: {function}, createEmpty: false, timeSrc: "_start")',
        ]
        if suffix:
            lines.append(f'  |> map(fn: (r) => ({{r with _field: r._field + "{suffix}"}}))')
        lines.append(f'  |> to(bucket: "{target}", org: "{org}")')
        if len(parts) > 1:
            # Several results of one script need names.
            lines[-1] += f' |> yield(name: "{function}")'
    return "\n".join(lines) + "\n"


class Keeper:
    """Makes buckets and tasks, and brings those it made up to date."""

    def __init__(self, client: InfluxDBClient, org: str, keep: Retention) -> None:
        self._client = client
        self._org = org
        self._keep = keep

    def ensure(self, site: str, org_id: str) -> None:
        """Buckets and tasks of a site as configured. Repeatable.

        Raises:
            influxdb_client.rest.ApiException, urllib3.exceptions.HTTPError: InfluxDB refused or is away.
        """
        for bucket, seconds in buckets(site, self._keep).items():
            self._bucket(bucket, seconds, org_id)
        for name, flux in tasks(site, self._org, self._keep).items():
            self._task(name, flux, org_id)

    def _bucket(self, name: str, seconds: int, org_id: str) -> None:
        api = self._client.buckets_api()
        rules = [BucketRetentionRules(type="expire", every_seconds=seconds)]  # type: ignore[no-untyped-call]
        found = self._found(name, org_id)
        if found is None:
            about = f"{MADE_BY_US} kept {seconds // _DAY_S} days" if seconds else f"{MADE_BY_US} kept for ever"
            try:
                api.create_bucket(bucket_name=name, org_id=org_id, retention_rules=rules, description=about)
            except ApiException:
                # The writing thread makes a site's bucket with its first line, perhaps just now.
                found = self._found(name, org_id)
                if found is None:
                    raise
        if found is not None and str(found.description or "").startswith(MADE_BY_US):
            now = found.retention_rules[0].every_seconds if found.retention_rules else 0
            if now != seconds:
                found.retention_rules = rules
                api.update_bucket(found)

    def _found(self, name: str, org_id: str) -> Any | None:
        find: Callable[..., Any] = self._client.buckets_api().find_buckets
        try:
            return _first(find(name=name, org_id=org_id).buckets)
        except ApiException as error:
            # So InfluxDB answers a search without hits.
            if error.status != 404:
                raise
            return None

    def _task(self, name: str, flux: str, org_id: str) -> None:
        api = self._client.tasks_api()
        find: Callable[..., Any] = api.find_tasks
        found = _first([task for task in find(name=name, org_id=org_id) if task.name == name])
        about = f"{MADE_BY_US} thins history out"
        if found is None:
            request: Any = TaskCreateRequest(org_id=org_id, flux=flux, status="active", description=about)  # type: ignore[no-untyped-call]
            api.create_task(task_create_request=request)
        elif found.flux != flux:
            found.flux = flux
            # What the script itself says must not be repeated beside it.
            found.every = found.cron = found.offset = None
            api.update_task(found)


def _first(items: list[Any] | None) -> Any | None:
    return items[0] if items else None
