"""The past from InfluxDB: series of one thing, states of a whole room for replay, and what happened.

Whole site, room, thing, feature and property names are checked before they enter a query: they are parameters of ours,
never text of the browser's. Buckets by range and resolution: :mod:`racktwin.history`.
"""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from console import past_alerts
from console.flux import aggregate, epoch_ms, from_span, literal, rfc3339
from console.states import (
    HELD_S,
    LOOKBACK_S,
    PREDICTED,
    Asked,
    Board,
    Column,
    Row,
    condition,
    held,
    predicted_key,
    read_rows,
)
from racktwin import catalogue_computed, names
from racktwin.history import MINUTE, QUARTER, Retention, Span, log_bucket, spans
from racktwin.names import scenario_bucket
from racktwin.settings import InfluxSettings

MAX_POINTS: Final = 2000
# Of what happened in a long time the newest: begins and ends that are read, and alerts made of them.
MOST_EVENTS: Final = 20_000
MOST_ALERTS: Final = 2000


class HistoryError(Exception):
    """What was asked for cannot be answered; the text names the field and what was expected."""


class HistoryUnavailable(Exception):
    """InfluxDB does not answer."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time [start, end) in epoch ms and a step in s."""

    start: int
    end: int
    step_s: int

    @staticmethod
    def of(start: int, end: int, points: int, most: int) -> Window:
        """The window in at most ``points`` steps.

        Raises:
            HistoryError: it is empty, or more than allowed.
        """
        if end <= start:
            raise HistoryError(f"to: expected a time after from ({start}), not {end}")
        if not 1 <= points <= most:
            raise HistoryError(f"points: expected 1 to {most}, not {points}")
        return Window(start, end, max(1, math.ceil((end - start) / 1000 / points)))


class History:
    """Queries of one InfluxDB; safe to use from several threads."""

    def __init__(self, settings: InfluxSettings, keeps: Callable[[str], Retention] = lambda _: Retention()) -> None:
        """``keeps``: how long a site keeps what."""
        self._keeps = keeps
        self._client = InfluxDBClient(
            url=settings.influx_url,
            token=settings.influx_token.get_secret_value(),
            org=settings.influx_org,
            timeout=20_000,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()  # type: ignore[no-untyped-call]

    def series(
        self, thing: str, feature: str, properties: Sequence[str], window: Window, now_ms: int
    ) -> dict[str, Any]:
        """Property -> [[epoch ms, value], …], means per step.

        Raises:
            HistoryError: there is no such feature or property.
            HistoryUnavailable: InfluxDB does not answer.
        """
        identity = _thing(thing)
        found = catalogue_computed.resolve(identity.kind, feature)
        if found is None:
            raise HistoryError(f"feature: a {identity.kind} has no {feature}")
        known = {prop.name for prop in found.properties if prop.type != "object"}
        unknown = [name for name in properties if name not in known]
        if unknown:
            raise HistoryError(f"property: {feature} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        fields = " or ".join(f'r._field == "{name}"' for name in properties)
        result: dict[str, list[list[Any]]] = {name: [] for name in properties}
        for span in self._spans(identity.site, window, now_ms):
            flux = (
                f"{from_span(span)} |> filter(fn: (r) => r._measurement == {literal(found.measurement)}"
                f" and r.thing == {literal(thing)} and r.feature == {literal(feature)} and ({fields}))"
                f" |> {aggregate(window.step_s, words=found.properties[0].type == 'string')}"
                ' |> keep(columns: ["_time", "_value", "_field"])'
            )
            for record in self._records(flux):
                result[record["_field"]].append([epoch_ms(record["_time"]), record["_value"]])
        return result

    def predictions(self, thing: str, window: Window, now_ms: int) -> list[dict[str, Any]]:
        """What was predicted of a thing: model, target, horizon, issuedAt, validAt, value, lo, hi.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        identity = _thing(thing)
        found = []
        for span in self._spans(identity.site, window, now_ms):
            flux = (
                f"{from_span(span)}"
                f' |> filter(fn: (r) => r._measurement == "prediction" and r.thing == {literal(thing)})'
                ' |> filter(fn: (r) => r._field == "value" or r._field == "lo" or r._field == "hi")'
                f' |> aggregateWindow(every: {window.step_s}s, fn: last, createEmpty: false, timeSrc: "_start")'
                ' |> pivot(rowKey: ["_time", "model", "target", "horizon"], columnKey: ["_field"],'
                ' valueColumn: "_value")'
                ' |> keep(columns: ["_time", "model", "target", "horizon", "value", "lo", "hi"]) |> group()'
                ' |> sort(columns: ["_time"])'
            )
            for record in self._records(flux):
                issued = epoch_ms(record["_time"])
                found.append(
                    {
                        "model": record["model"],
                        "target": record["target"],
                        "horizonS": int(record["horizon"]),
                        "issuedAt": issued,
                        "validAt": issued + 1000 * int(record["horizon"]),
                        "value": record["value"],
                        "lo": record.get("lo"),
                        "hi": record.get("hi"),
                    }
                )
        return found

    def states(self, asked: Asked, window: Window, now_ms: int) -> dict[str, Any]:
        """States at the ends of the window's steps.

        Raises:
            HistoryError: the window holds no end of a step.
            HistoryUnavailable: InfluxDB does not answer.
        """
        board = Board.of(window.start, window.end, window.step_s)
        if not board.times:
            raise HistoryError(f"to: expected at least a step of {window.step_s} s after from")
        columns, where = asked.columns(), asked.where(literal)
        means = [column for column in columns if column.how == "mean"]
        lasts = [column for column in columns if column.how == "last"]
        text = frozenset(column.key for column in columns if column.text)
        end = board.times[-1]

        def read(begin: int, until: int, select: str, how: str, group: Sequence[Column] = ()) -> None:
            # Thinned history keeps no texts.
            part = Window(begin, until, 0 if group is lasts else window.step_s)
            # Some things tell nothing of a kind: a site measures nothing.
            for span in self._spans(asked.site, part, now_ms) if until > begin and select else []:
                flux = (
                    f"{from_span(span)} |> filter(fn: (r) => ({where}) and ({select})) |> {how}"
                    ' |> keep(columns: ["_time", "_value", "_field", "feature", "thing", "model"])'
                )
                board.put(self._states(flux), held(group, span.cell_s), text)

        each_step = 'aggregateWindow(every: {}s, fn: {}, createEmpty: false, timeSrc: "_start")'
        first = board.times[0] - window.step_s * 1000
        read(first - LOOKBACK_S * 1000, first, condition(lasts), "last()", lasts)
        read(first, end, condition(lasts), each_step.format(window.step_s, "last"), lasts)
        # Where history is thin, what was told at the beginning may stand in a cell that began long before.
        near = self._spans(asked.site, Window(board.begins(HELD_S), end, window.step_s), now_ms)
        begin = board.begins(max(HELD_S, *(span.cell_s for span in near), 0))
        read(begin, end, condition(means), each_step.format(window.step_s, "mean"), means)
        read(begin, end, PREDICTED, each_step.format(window.step_s, "last"))
        board.judge(asked.classes)
        return board.result()

    def inlets(self, site: str, room: str, window: Window, now_ms: int) -> dict[str, list[list[float]]]:
        """The ``hottest`` and the ``coldest`` inlet of a room's racks over time: [[epoch ms, °C], …].

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        found: dict[str, list[list[float]]] = {"hottest": [], "coldest": []}
        for span in self._spans(site, window, now_ms):
            flux = (
                f'means = {from_span(span)} |> filter(fn: (r) => r._measurement == "environment" and r.kind == "rack"'
                f' and r._field == "temperature" and r.room == {literal(room)} and (r.feature == "environment.top"'
                ' or r.feature == "environment.middle" or r.feature == "environment.bottom"))'
                f' |> {aggregate(window.step_s, words=False)} |> keep(columns: ["_time", "_value"])'
                f' |> group(columns: ["_time"])\n'
                'means |> max() |> group() |> sort(columns: ["_time"]) |> yield(name: "hottest")\n'
                'means |> min() |> group() |> sort(columns: ["_time"]) |> yield(name: "coldest")'
            )
            for record in self._records(flux):
                found[record["result"]].append([epoch_ms(record["_time"]), round(record["_value"], 3)])
        return found

    def alerts(self, site: str, start: int, end: int) -> list[dict[str, Any]]:
        """Alerts that were open at some time of [``start``, ``end``), as `past_alerts.fold` tells them; the newest
        `MOST_ALERTS` of them.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        fields = " or ".join(f'r._field == "{name}"' for name in past_alerts.FIELDS)
        found = f'|> filter(fn: (r) => r._measurement == "alert" and ({fields}))'
        before = (
            self._records(
                f"from(bucket: {literal(log_bucket(site))})"
                f" |> range(start: 0, stop: {rfc3339(start)}) {found} |> last()"
                ' |> keep(columns: ["_time", "_field", "_value", "thing", "feature"])'
            )
            # Before the epoch nothing was, and InfluxDB refuses an empty range.
            if start > 0
            else []
        )
        during = self._records(
            f"{from_span(Span(log_bucket(site), start, end, 0))} {found}"
            ' |> pivot(rowKey: ["_time", "thing", "feature"], columnKey: ["_field"], valueColumn: "_value")'
            f' |> group() |> sort(columns: ["_time"], desc: true) |> limit(n: {MOST_EVENTS})'
        )
        folded = past_alerts.fold(
            [each | {"_time": epoch_ms(each["_time"])} for each in before],
            [each | {"_time": epoch_ms(each["_time"])} for each in reversed(during)],
        )
        return folded[-MOST_ALERTS:]

    def extent(self, site: str) -> int | None:
        """The time of the oldest reading that is kept (epoch ms); None while there is none.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        oldest = []
        for bucket in (site, *(f"{site}{thinned.suffix}" for thinned in (MINUTE, QUARTER))):
            flux = (
                f"from(bucket: {literal(bucket)}) |> range(start: 0)"
                f' |> filter(fn: (r) => r._measurement == "environment"'
                ' and r._field == "temperature" and r.feature == "environment.top") |> first()'
                ' |> keep(columns: ["_time"]) |> group() |> min(column: "_time")'
            )
            oldest += [epoch_ms(record["_time"]) for record in self._records(flux)]
        return min(oldest, default=None)

    def scenario(self, site: str, scenario: str, cases: Sequence[str], points: int) -> dict[str, Any]:
        """A what-if's cases over time, at most ``points`` steps: ``times`` (s from its beginning), and by case the
        inlet that each rack's equipment feels (°C, the warmer of top and bottom) and the cooling power (W).

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        wanted = " or ".join(f"r.case == {literal(case)}" for case in cases)
        source = (
            f"from(bucket: {literal(scenario_bucket(site))}) |> range(start: 0, stop: 2200-01-01T00:00:00Z)"
            f" |> filter(fn: (r) => r.scenario == {literal(scenario)} and ({wanted}))"
        )
        clock = sorted(
            {
                epoch_ms(record["_time"])
                for record in self._records(
                    f'{source} |> filter(fn: (r) => r._measurement == "environment" and r.kind == "room"'
                    ' and r._field == "temperature") |> keep(columns: ["_time"])'
                )
            }
        )
        kept = clock[:: max(1, math.ceil(len(clock) / points))]
        index = {at: position for position, at in enumerate(kept)}
        inlets: dict[str, dict[str, list[float | None]]] = {case: {} for case in cases}
        power: dict[str, list[float | None]] = {case: [None] * len(kept) for case in cases}
        flux = (
            f'{source} |> filter(fn: (r) => (r._measurement == "environment" and r.kind == "rack" and r._field =='
            ' "temperature" and (r.feature == "environment.top" or r.feature == "environment.bottom"))'
            ' or (r._measurement == "power" and r.kind == "cooling" and r._field == "power"))'
            ' |> keep(columns: ["_time", "_value", "_measurement", "thing", "case"])'
        )
        for record in self._records(flux) if kept else []:
            position = index.get(epoch_ms(record["_time"]))
            if position is None:
                continue
            value = round(float(record["_value"]), 2)
            if record["_measurement"] == "power":
                power[record["case"]][position] = (power[record["case"]][position] or 0.0) + value
            else:
                row = inlets[record["case"]].setdefault(record["thing"], [None] * len(kept))
                known = row[position]
                row[position] = value if known is None else max(known, value)
        times = [(at - kept[0]) / 1000 for at in kept]
        found = {case: {"inlets": inlets[case], "power": power[case]} for case in cases if inlets[case]}
        return {"start": kept[0] if kept else None, "times": times, "cases": found}

    def records(self, site: str, measurement: str, window: Window, limit: int) -> list[dict[str, Any]]:
        """Whole points of a measurement of what happened, newest first: alerts, commands, actions.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        flux = (
            f"{from_span(Span(log_bucket(site), window.start, window.end, 0))}"
            f" |> filter(fn: (r) => r._measurement == {literal(measurement)})"
            ' |> pivot(rowKey: ["_time", "thing"], columnKey: ["_field"], valueColumn: "_value") |> group()'
            f' |> sort(columns: ["_time"], desc: true) |> limit(n: {limit})'
        )
        skipped = ("result", "table", "_start", "_stop", "_measurement")
        return [
            {"at": epoch_ms(record["_time"])} | {k: v for k, v in record.items() if k not in skipped and k != "_time"}
            for record in self._records(flux)
        ]

    def report(self, site: str, scenario: str) -> str | None:
        """The HTML report of a scenario, or None while there is none.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        flux = (
            f"from(bucket: {literal(scenario_bucket(site))}) |> range(start: 0)"
            ' |> filter(fn: (r) => r._measurement == "scenario_result"'
            f" and r.scenario == {literal(scenario)} and r._field =~ /^report_[0-9]/)"
            ' |> group(columns: ["_field"]) |> sort(columns: ["_time"]) |> last() |> group()'
        )
        parts = {record["_field"]: str(record["_value"]) for record in self._records(flux)}
        if not parts:
            return None
        return gzip.decompress(base64.b64decode("".join(parts[name] for name in sorted(parts)))).decode()

    def _spans(self, site: str, window: Window, now_ms: int) -> list[Span]:
        return spans(site, window.start, window.end, resolution_s=window.step_s, now_ms=now_ms, keep=self._keeps(site))

    def _states(self, flux: str) -> Iterator[Row]:
        """Rows of states. As CSV: they are hundreds of thousands, and the client's records cost ten times as much."""
        times: dict[str, int] = {}
        for row in read_rows(self._lines(flux)):
            at = times.get(row["_time"])
            if at is None:
                at = times[row["_time"]] = epoch_ms(datetime.fromisoformat(row["_time"]))
            model, feature = row.get("model"), row["feature"]
            key = predicted_key(model, feature) if model else f"{feature}/{row['_field']}"
            yield row["thing"], key, at, row["_value"]

    def _lines(self, flux: str) -> list[str]:
        dialect = {"header": True, "annotations": []}
        answer = self._guarded(lambda: self._client.query_api().query_raw(flux, dialect=dialect).data)
        return (answer or b"").decode().splitlines()

    def _records(self, flux: str) -> list[dict[str, Any]]:
        tables = self._guarded(lambda: self._client.query_api().query(flux))
        return [record.values for table in tables or () for record in table.records]

    def _guarded(self, ask: Callable[[], Any]) -> Any:
        """What InfluxDB answers; None where there is no such bucket yet."""
        try:
            return ask()
        except ApiException as error:
            if error.status == 404:
                return None
            raise HistoryUnavailable(f"InfluxDB answered {error.status}: {error.reason}") from error
        except OSError as error:
            raise HistoryUnavailable(f"InfluxDB: {error}") from error
        except Exception as error:
            # urllib3's own errors come through the client as they are.
            if type(error).__module__.startswith("urllib3"):
                raise HistoryUnavailable(f"InfluxDB: {error}") from error
            raise


def _thing(text: str) -> names.ThingId:
    try:
        return names.ThingId.parse(text)
    except ValueError as error:
        raise HistoryError(f"thing: {error}") from error
