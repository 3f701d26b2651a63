"""The past of a room from InfluxDB: which series, from which bucket, on which grid. Reads only.

Next: `start` (what-if) and `replay`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from racktwin.history import Span

TIMEOUT_MS: Final = 120_000


class HistoryUnreadable(Exception):
    """InfluxDB does not answer, or refuses; another try may help."""


class Row(NamedTuple):
    """One value of one field; `at` in epoch ms."""

    thing: str
    feature: str
    field: str
    at: int
    value: str


class Past:
    """Queries of a site's history."""

    def __init__(self, client: InfluxDBClient) -> None:
        self._client = client

    def rows(
        self,
        spans: Iterable[Span],
        room: str,
        fields: dict[str, tuple[str, ...]],
        every_s: int | None,
        *,
        kinds: tuple[str, ...] = ("rack", "cooling"),
    ) -> Iterator[Row]:
        """Values of the fields of each measurement, the newest of each `every_s` (all when None), series by series.

        No fields of a measurement mean all of them.

        Raises:
            HistoryUnreadable: InfluxDB does not answer, or refuses. A bucket that does not exist holds nothing.
        """
        for span in spans:
            yield from self._query(flux(span, room, fields, every_s, kinds))

    def _query(self, query: str) -> Iterator[Row]:
        try:
            response = self._client.query_api().query_raw(query)
            yield from parse(io.TextIOWrapper(response, encoding="utf-8", newline=""))
        except ApiException as error:
            if error.status == 404:
                return
            raise HistoryUnreadable(f"InfluxDB: {error.status} {error.reason}") from error
        except (HTTPError, OSError) as error:
            raise HistoryUnreadable(f"InfluxDB: {error}") from error


def flux(span: Span, room: str, fields: dict[str, tuple[str, ...]], every_s: int | None, kinds: tuple[str, ...]) -> str:
    """The query for one span."""
    wanted = []
    for measurement, names in fields.items():
        part = f'r._measurement == "{measurement}"'
        if names:
            part += f" and ({_any('_field', names)})"
        wanted.append(f"({part})")
    lines = [
        f'from(bucket: "{span.bucket}")',
        f"|> range(start: {rfc3339(span.start_ms)}, stop: {rfc3339(span.end_ms)})",
        f"|> filter(fn: (r) => {' or '.join(wanted)})",
        f'|> filter(fn: (r) => r.room == "{room}" and ({_any("kind", kinds)}))',
    ]
    if every_s is not None and every_s > span.cell_s:
        lines.append(f'|> aggregateWindow(every: {every_s}s, fn: last, createEmpty: false, timeSrc: "_stop")')
    lines.append('|> keep(columns: ["_time", "_value", "_field", "thing", "feature"])')
    return " ".join(lines)


def _any(column: str, values: tuple[str, ...]) -> str:
    return " or ".join(f'r.{column} == "{value}"' for value in values)


def parse(text: Iterable[str]) -> Iterator[Row]:
    """Rows of InfluxDB's annotated CSV."""
    columns: dict[str, int] = {}
    for cells in csv.reader(text):
        if not cells or not any(cells) or cells[0].startswith("#"):
            columns = {}
        elif not columns:
            columns = {name: index for index, name in enumerate(cells)}
        elif "_value" in columns and "thing" in columns:
            at = datetime.fromisoformat(cells[columns["_time"]])
            yield Row(
                cells[columns["thing"]],
                cells[columns["feature"]] if "feature" in columns else "",
                cells[columns["_field"]],
                round(at.timestamp() * 1000),
                cells[columns["_value"]],
            )


def rfc3339(epoch_ms: int) -> str:
    """A time as Flux writes it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
