"""Readings out of InfluxDB, as the historian wrote them: queries, their answers, and what can go wrong.

Shared by training (days of history), the runner (the last window, after a start) and the scorecard. Knows the
historian's measurements and tags through `racktwin.catalogue`, and nothing of what is done with the rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from racktwin.catalogue import feature_of
from racktwin.names import check_site
from racktwin.settings import InfluxSettings

_TIMEOUT_MS = 120_000


class InfluxError(Exception):
    """InfluxDB cannot be reached or refuses: where, and why. ``status``: of its answer, 0 where there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Row:
    """One value: whose, when its cell begins (epoch ms), and the text of the value as InfluxDB wrote it; of which
    field, disk and feature, where the query keeps those."""

    thing: str
    room: str
    row: str
    at_ms: int
    value: str
    field: str = ""
    disk: str = ""
    feature: str = ""


class InfluxReader:
    """Asks InfluxDB. Use as a context manager."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._client = InfluxDBClient(
            url=settings.influx_url,
            token=settings.influx_token.get_secret_value(),
            org=settings.influx_org,
            timeout=_TIMEOUT_MS,
            enable_gzip=True,
        )
        self._where = settings.influx_url

    def __enter__(self) -> InfluxReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def sites(self) -> list[str]:
        """Buckets that are named as sites are.

        Raises:
            InfluxError: InfluxDB cannot be reached or refuses.
        """
        try:
            names = [bucket.name for bucket in self._client.buckets_api().find_buckets_iter()]  # type: ignore[no-untyped-call]
        except (ApiException, InfluxDBError, HTTPError, OSError) as error:
            raise InfluxError(f"InfluxDB at {self._where}: {_reason(error)}") from error
        return sorted(name for name in names if _is_site(name))

    def query(self, flux: str) -> Iterator[Row]:
        """Rows of a query that keeps _time, _value, thing, room and row.

        Raises:
            InfluxError: InfluxDB cannot be reached or refuses.
        """
        try:
            response = self._client.query_api().query_raw(flux)
            yield from parse(io.TextIOWrapper(response, encoding="utf-8", newline=""))
        except (ApiException, InfluxDBError, HTTPError, OSError) as error:
            status = error.status if isinstance(error, ApiException) else 0
            raise InfluxError(f"InfluxDB at {self._where}: {_reason(error)}", status) from error


def cells(
    site: str,
    kinds: Sequence[str],
    feature: str,
    field: str,
    *,
    begin: int,
    end: int,
    every: int,
    how: str = "last",
    bucket: str | None = None,
) -> str:
    """The query for one field of one feature over [begin, end) in epoch seconds: one value (`how`: last, mean) for
    each cell of `every` seconds, its time the cell's beginning. `bucket`: one of the site's, else the full one."""
    known = feature_of(kinds[0], feature)
    measurement = known.measurement if known is not None else feature.partition(".")[0]
    whose = " or ".join(f'r.kind == "{kind}"' for kind in kinds)
    return (
        f'from(bucket: "{bucket or check_site(site)}")'
        f" |> range(start: {_rfc3339(begin)}, stop: {_rfc3339(end)})"
        f' |> filter(fn: (r) => r._measurement == "{measurement}" and r._field == "{field}"'
        f' and r.feature == "{feature}" and ({whose}))'
        f' |> aggregateWindow(every: {every}s, fn: {how}, createEmpty: false, timeSrc: "_start")'
        ' |> keep(columns: ["_time", "_value", "thing", "room", "row"])'
    )


def disk_cells(site: str, fields: Sequence[str], *, begin: int, end: int, every: int) -> str:
    """The query for fields of all disks of a site's servers: the last value of each cell, as `cells` has them."""
    wanted = " or ".join(f'r._field == "{name}"' for name in fields)
    return (
        f'from(bucket: "{check_site(site)}")'
        f" |> range(start: {_rfc3339(begin)}, stop: {_rfc3339(end)})"
        f' |> filter(fn: (r) => r._measurement == "smart" and exists r.disk and ({wanted}))'
        f' |> aggregateWindow(every: {every}s, fn: last, createEmpty: false, timeSrc: "_start")'
        ' |> keep(columns: ["_time", "_value", "_field", "thing", "room", "row", "disk"])'
    )


def parse(text: Iterable[str]) -> Iterator[Row]:
    """Rows of InfluxDB's annotated CSV; tables may differ in the order of their columns."""
    columns: dict[str, int] = {}
    for values in csv.reader(text):
        if not values or not any(values) or values[0].startswith("#"):
            columns = {}
        elif not columns:
            columns = {name: index for index, name in enumerate(values)}
            if "error" in columns:
                columns = {}
        elif "_value" in columns:
            at = datetime.fromisoformat(values[columns["_time"]])
            yield Row(
                thing=values[columns["thing"]],
                room=values[columns["room"]] if "room" in columns else "",
                row=values[columns["row"]] if "row" in columns else "",
                at_ms=round(at.timestamp() * 1000),
                value=values[columns["_value"]],
                field=values[columns["_field"]] if "_field" in columns else "",
                disk=values[columns["disk"]] if "disk" in columns else "",
                feature=values[columns["feature"]] if "feature" in columns else "",
            )


def _rfc3339(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_site(name: str) -> bool:
    try:
        check_site(name)
    except ValueError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, ApiException):
        return f"{error.status} {error.reason}"
    return str(error)
