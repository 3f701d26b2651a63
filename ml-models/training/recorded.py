"""History from InfluxDB: what the historian recorded of a site, put on a model's grid.

Asked for one day and one channel at a time, already thinned to one reading per cell by the database. Readings whose
quality was not good are left out, as serving leaves them out. Whether it is enough is for `training.sources` to say.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from models.definition import Channel, Definition
from racktwin.catalogue import feature_of
from racktwin.names import check_site
from racktwin.settings import InfluxSettings
from training.history import History, HistoryError

_DAY_S = 86_400
_TIMEOUT_MS = 120_000

Row = tuple[str, str, int, str]  # thing, room, cell start (epoch ms), value


class Recorder:
    """Reads history from InfluxDB. Use as a context manager."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._client = InfluxDBClient(
            url=settings.influx_url,
            token=settings.influx_token.get_secret_value(),
            org=settings.influx_org,
            timeout=_TIMEOUT_MS,
            enable_gzip=True,
        )
        self._where = settings.influx_url

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def sites(self) -> list[str]:
        """Buckets that are named as sites are.

        Raises:
            HistoryError: InfluxDB cannot be reached or refuses.
        """
        try:
            names = [bucket.name for bucket in self._client.buckets_api().find_buckets_iter()]  # type: ignore[no-untyped-call]
        except (ApiException, InfluxDBError, HTTPError, OSError) as error:
            raise HistoryError(f"InfluxDB at {self._where}: {_reason(error)}") from error
        return sorted(name for name in names if _is_site(name))

    def history(self, site: str, definition: Definition, hours: float, now_s: int) -> History:
        """The last `hours` of a site. Things without a single reading are not in it.

        Raises:
            HistoryError: InfluxDB cannot be reached or refuses.
        """
        cell = definition.resolution_s
        stop = now_s // cell * cell
        start = stop - int(hours * 3600) // cell * cell
        rows = (
            (index, self._rows(site, definition, channel, start, stop))
            for index, channel in enumerate(definition.channels)
        )
        return on_grid(rows, definition, start, stop, {"kind": "recorded", "site": site, "from": start, "to": stop})

    def _rows(self, site: str, definition: Definition, channel: Channel, start: int, stop: int) -> Iterator[Row]:
        for begin in range(start, stop, _DAY_S):
            end = min(begin + _DAY_S, stop)
            yield from self._query(flux(site, definition, channel, channel.property, begin=begin, end=end))
            # An empty value says "not good": it takes the place of the number recorded at that time.
            for thing, room, at, _ in self._query(flux(site, definition, channel, "quality", begin=begin, end=end)):
                yield thing, room, at, ""

    def _query(self, query: str) -> Iterator[Row]:
        try:
            response = self._client.query_api().query_raw(query)
            yield from parse(io.TextIOWrapper(response, encoding="utf-8", newline=""))
        except (ApiException, InfluxDBError, HTTPError, OSError) as error:
            raise HistoryError(f"InfluxDB at {self._where}: {_reason(error)}") from error


def flux(site: str, definition: Definition, channel: Channel, field: str, *, begin: int, end: int) -> str:
    """The query for one field of one feature, [begin, end) in epoch seconds, newest value per cell."""
    feature = feature_of(definition.kinds[0], channel.feature)
    measurement = feature.measurement if feature is not None else channel.feature.partition(".")[0]
    kinds = " or ".join(f'r.kind == "{kind}"' for kind in definition.kinds)
    return (
        f'from(bucket: "{check_site(site)}")'
        f" |> range(start: {_rfc3339(begin)}, stop: {_rfc3339(end)})"
        f' |> filter(fn: (r) => r._measurement == "{measurement}" and r._field == "{field}"'
        f' and r.feature == "{channel.feature}" and ({kinds}))'
        f' |> aggregateWindow(every: {definition.resolution_s}s, fn: last, createEmpty: false, timeSrc: "_start")'
        ' |> keep(columns: ["_time", "_value", "thing", "room"])'
    )


def parse(text: Iterable[str]) -> Iterator[Row]:
    """Rows of InfluxDB's annotated CSV; tables may differ in the order of their columns."""
    columns: dict[str, int] = {}
    for cells in csv.reader(text):
        if not cells or not any(cells) or cells[0].startswith("#"):
            columns = {}
        elif not columns:
            columns = {name: index for index, name in enumerate(cells)}
            if "error" in columns:
                columns = {}
        elif "_value" in columns:
            room = cells[columns["room"]] if "room" in columns else ""
            at = datetime.fromisoformat(cells[columns["_time"]])
            yield cells[columns["thing"]], room, round(at.timestamp() * 1000), cells[columns["_value"]]


def on_grid(
    rows: Iterable[tuple[int, Iterable[Row]]], definition: Definition, start: int, stop: int, origin: dict[str, Any]
) -> History:
    """Rows per channel onto the grid [start, stop) in epoch seconds; an empty value clears its cell."""
    cells = (stop - start) // definition.resolution_s
    step_ms = definition.resolution_s * 1000
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    rooms: dict[str, str] = {}
    for channel, channel_rows in rows:
        for thing, room, at, value in channel_rows:
            series = arrays.get(thing)
            if series is None:
                series = arrays[thing] = np.full((cells, len(definition.channels)), np.nan, dtype=np.float32)
            rooms[thing] = room
            # The first cell of a day may begin before the range: aggregateWindow cuts at whole cells of the epoch.
            cell = (at - start * 1000) // step_ms
            if 0 <= cell < cells:
                series[cell, channel] = float(value) if value else np.nan
    things = sorted(arrays)
    values = (
        np.stack([arrays[thing] for thing in things], axis=1)
        if things
        else np.empty((cells, 0, len(definition.channels)), dtype=np.float32)
    )
    return History(
        start_ms=start * 1000,
        cell_s=definition.resolution_s,
        things=things,
        rooms=[rooms[thing] for thing in things],
        channels=definition.channel_names,
        values=values,
        origin=origin,
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
