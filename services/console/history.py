"""The past from InfluxDB: series of one thing, and frames of a whole room for replay.

Whole site, room, thing, feature and property names are checked before they enter a query: they are parameters of ours,
never text of the browser's. Buckets by range and resolution: :mod:`racktwin.history`.
"""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from racktwin import catalogue_computed, names
from racktwin.history import MINUTE, QUARTER, Span, log_bucket, spans
from racktwin.names import scenario_bucket
from racktwin.settings import InfluxSettings

MAX_POINTS: Final = 2000
MAX_FRAMES: Final = 720


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


# What a room can be coloured by in replay -> measurement, field, and a condition on tags.
QUANTITIES: Final[dict[str, tuple[str, str, str]]] = {
    "inlet.top": ("environment", "temperature", 'r.feature == "environment.top"'),
    "inlet.bottom": ("environment", "temperature", 'r.feature == "environment.bottom"'),
    "humidity.top": ("environment", "relativeHumidity", 'r.feature == "environment.top"'),
    "power": ("power", "power", 'r.kind == "rack"'),
    "deltaT": ("cooling", "deltaT", 'r.kind == "rack"'),
    "humidity.bottom": ("environment", "relativeHumidity", 'r.feature == "environment.bottom"'),
    # At the time of issue: what was expected a quarter of an hour later.
    "predicted.top": ("prediction", "value", 'r.target == "environment.top/temperature" and r.horizon == "900"'),
    "predicted.bottom": ("prediction", "value", 'r.target == "environment.bottom/temperature" and r.horizon == "900"'),
    "score": ("score", "score", 'r.kind == "rack" and r.feature == "anomaly"'),
    "supply": ("cooling", "supplyTemperature", 'r.kind == "cooling"'),
    "return": ("cooling", "returnTemperature", 'r.kind == "cooling"'),
    "fanSpeed": ("cooling", "fanSpeed", 'r.kind == "cooling"'),
}


class History:
    """Queries of one InfluxDB; safe to use from several threads."""

    def __init__(self, settings: InfluxSettings) -> None:
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
                f"{_source(span)} |> filter(fn: (r) => r._measurement == {_text(found.measurement)}"
                f" and r.thing == {_text(thing)} and r.feature == {_text(feature)} and ({fields}))"
                f" |> {_aggregate(window, found.properties[0].type == 'string')}"
                ' |> keep(columns: ["_time", "_value", "_field"])'
            )
            for record in self._records(flux):
                result[record["_field"]].append([_ms(record["_time"]), record["_value"]])
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
                f'{_source(span)} |> filter(fn: (r) => r._measurement == "prediction" and r.thing == {_text(thing)})'
                ' |> filter(fn: (r) => r._field == "value" or r._field == "lo" or r._field == "hi")'
                f' |> aggregateWindow(every: {window.step_s}s, fn: last, createEmpty: false, timeSrc: "_start")'
                ' |> pivot(rowKey: ["_time", "model", "target", "horizon"], columnKey: ["_field"],'
                ' valueColumn: "_value")'
                ' |> keep(columns: ["_time", "model", "target", "horizon", "value", "lo", "hi"]) |> group()'
                ' |> sort(columns: ["_time"])'
            )
            for record in self._records(flux):
                issued = _ms(record["_time"])
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

    def frames(self, site: str, room: str, quantity: str, window: Window, now_ms: int) -> dict[str, Any]:
        """A room over time: ``times`` (epoch ms), and for each thing as many values, null where nothing was measured.

        Raises:
            HistoryError: there is no such quantity.
            HistoryUnavailable: InfluxDB does not answer.
        """
        if quantity not in QUANTITIES:
            raise HistoryError(f"quantity: expected one of {', '.join(QUANTITIES)}, not {quantity}")
        measurement, name, condition = QUANTITIES[quantity]
        step = window.step_s * 1000
        times = list(range(window.start - window.start % step, window.end, step))
        index = {at: position for position, at in enumerate(times)}
        values: dict[str, list[float | None]] = {}
        for span in self._spans(site, window, now_ms):
            flux = (
                f"{_source(span)} |> filter(fn: (r) => r._measurement == {_text(measurement)}"
                f" and r._field == {_text(name)} and r.room == {_text(room)} and {condition})"
                f' |> aggregateWindow(every: {window.step_s}s, fn: mean, createEmpty: false, timeSrc: "_start")'
                ' |> keep(columns: ["_time", "_value", "thing"])'
            )
            for record in self._records(flux):
                at = _ms(record["_time"])
                position = index.get(at - at % step)
                if position is not None:
                    row = values.setdefault(record["thing"], [None] * len(times))
                    row[position] = round(record["_value"], 3)
        return {"quantity": quantity, "times": times, "values": values}

    def extent(self, site: str) -> int | None:
        """The time of the oldest reading that is kept (epoch ms); None while there is none.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        oldest = []
        for bucket in (site, *(f"{site}{thinned.suffix}" for thinned in (MINUTE, QUARTER))):
            flux = (
                f'from(bucket: {_text(bucket)}) |> range(start: 0) |> filter(fn: (r) => r._measurement == "environment"'
                ' and r._field == "temperature" and r.feature == "environment.top") |> first()'
                ' |> keep(columns: ["_time"]) |> group() |> min(column: "_time")'
            )
            oldest += [_ms(record["_time"]) for record in self._records(flux)]
        return min(oldest, default=None)

    def scenario(self, site: str, scenario: str, cases: Sequence[str], points: int) -> dict[str, Any]:
        """A what-if's cases over time, at most ``points`` steps: ``times`` (s from its beginning), and by case the
        inlet that each rack's equipment feels (°C, the warmer of top and bottom) and the cooling power (W).

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        wanted = " or ".join(f"r.case == {_text(case)}" for case in cases)
        source = (
            f"from(bucket: {_text(scenario_bucket(site))}) |> range(start: 0, stop: 2200-01-01T00:00:00Z)"
            f" |> filter(fn: (r) => r.scenario == {_text(scenario)} and ({wanted}))"
        )
        clock = sorted(
            {
                _ms(record["_time"])
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
            position = index.get(_ms(record["_time"]))
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

    def records(
        self, site: str, measurement: str, window: Window, limit: int, *, begins: bool = False
    ) -> list[dict[str, Any]]:
        """Whole points of a measurement of what happened, newest first: alerts (those that began alone, if asked),
        commands, actions.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        flux = (
            f"{_source(Span(log_bucket(site), window.start, window.end, 0))}"
            f" |> filter(fn: (r) => r._measurement == {_text(measurement)})"
            ' |> pivot(rowKey: ["_time", "thing"], columnKey: ["_field"], valueColumn: "_value") |> group()'
            f"{' |> filter(fn: (r) => exists r.firing and r.firing > 0.5)' if begins else ''}"
            f' |> sort(columns: ["_time"], desc: true) |> limit(n: {limit})'
        )
        skipped = ("result", "table", "_start", "_stop", "_measurement")
        return [
            {"at": _ms(record["_time"])} | {k: v for k, v in record.items() if k not in skipped and k != "_time"}
            for record in self._records(flux)
        ]

    def report(self, site: str, scenario: str) -> str | None:
        """The HTML report of a scenario, or None while there is none.

        Raises:
            HistoryUnavailable: InfluxDB does not answer.
        """
        flux = (
            f"from(bucket: {_text(scenario_bucket(site))}) |> range(start: 0)"
            ' |> filter(fn: (r) => r._measurement == "scenario_result"'
            f" and r.scenario == {_text(scenario)} and r._field =~ /^report_[0-9]/)"
            ' |> group(columns: ["_field"]) |> sort(columns: ["_time"]) |> last() |> group()'
        )
        parts = {record["_field"]: str(record["_value"]) for record in self._records(flux)}
        if not parts:
            return None
        return gzip.decompress(base64.b64decode("".join(parts[name] for name in sorted(parts)))).decode()

    def _spans(self, site: str, window: Window, now_ms: int) -> list[Span]:
        return spans(site, window.start, window.end, resolution_s=window.step_s, now_ms=now_ms)

    def _records(self, flux: str) -> list[dict[str, Any]]:
        try:
            return [record.values for table in self._client.query_api().query(flux) for record in table.records]
        except ApiException as error:
            if error.status == 404:
                return []
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


def _source(span: Span) -> str:
    start, stop = _rfc3339(span.start_ms), _rfc3339(span.end_ms)
    return f"from(bucket: {_text(span.bucket)}) |> range(start: {start}, stop: {stop})"


def _aggregate(window: Window, text: bool) -> str:
    how = "last" if text else "mean"
    return f'aggregateWindow(every: {window.step_s}s, fn: {how}, createEmpty: false, timeSrc: "_start")'


def _text(value: str) -> str:
    """A Flux string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def _rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
