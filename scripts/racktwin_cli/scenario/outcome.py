"""What came out of a Scenario, on the terminal and as a report. Next: nobody; a person reads it."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import click
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from racktwin_cli import show
from racktwin_cli.failures import Failure, one_line
from racktwin_cli.files.hall import replace_file
from racktwin_cli.installation import Installation

Json = dict[str, Any]


def table(scenario: Json) -> None:
    """The cases of a what-if, worst last as they came, and the sentence."""
    status = scenario["status"]
    rows = [
        (
            case["name"],
            case.get("firstRack") or "-",
            _span(case.get("recommendedAfterS")),
            _span(case.get("recommendedAfterAirOnlyS")),
            _span(case.get("allowableAfterS")),
            _span(case.get("allowableAfterAirOnlyS")),
            str(case.get("racksOutOfAllowable", 0)),
            str(case.get("darkRacks", 0)),
            _number(case.get("peakC"), ".1f", " °C"),
            _number(case.get("rciHi"), ".0f", " %"),
            _number(case.get("coolingEnergyKwh"), ".1f", ""),
            _number(case.get("coolingEnergyVsBaselinePercent"), "+.1f", " %"),
        )
        for case in status.get("cases") or ()
    ]
    if rows:
        show.as_table(
            ("case", "first rack", "leaves recommended", "air alone", "leaves allowable", "air alone", "racks out",
             "dark", "peak", "RCI hi", "cooling kWh", "vs baseline"),
            rows,
        )  # fmt: skip
    click.echo(f"{status.get('headline') or ''}. From {status.get('baseTime')} on.")
    if status.get("bucket") and rows:
        click.echo(f"series: InfluxDB bucket {status['bucket']}, tag scenario={scenario['metadata']['name']}")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _number(value: float | None, form: str, unit: str) -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def save_report(settings: Installation, scenario: Json, path: Path) -> None:
    """Write the report to a file.

    Raises:
        Failure: InfluxDB does not answer, has none, or the file cannot be written.
    """
    page = fetch_report(settings, scenario)
    replace_file(path, lambda beside: _write(beside, page))
    click.echo(f"report: {path}", err=True)


def _write(path: Path, page: bytes) -> None:
    path.write_bytes(page)


def fetch_report(settings: Installation, scenario: Json) -> bytes:
    """The report's HTML. Raises Failure."""
    name, uid = scenario["metadata"]["name"], scenario["metadata"]["uid"]
    bucket = scenario["status"].get("bucket") or ""
    flux = (
        f'from(bucket: "{bucket}") |> range(start: 0, stop: 2200-01-01T00:00:00Z)'
        f' |> filter(fn: (r) => r._measurement == "scenario_result" and r.scenario == "{name}" and r.uid == "{uid}"'
        f" and r._field =~ /^report_[0-9]/) |> last()"
    )
    where = f"InfluxDB {settings.influx_url}"
    try:
        with InfluxDBClient(
            url=settings.influx_url, token=settings.influx_token.get_secret_value(), org=settings.influx_org
        ) as client:
            tables = client.query_api().query(flux)
    except ApiException as error:
        raise Failure(f"{where}: {error.status} {error.reason}", "are RACKTWIN_INFLUX_URL and _TOKEN right?") from error
    except (HTTPError, OSError) as error:
        raise Failure(f"{where}: {one_line(error)}", "is it running, and RACKTWIN_INFLUX_URL right?") from error
    parts = {record["_field"]: str(record["_value"]) for found in tables for record in found.records}
    if not parts:
        raise Failure(f"Scenario {name} has no report in bucket {bucket}", "reports are kept as long as its series")
    return gzip.decompress(base64.b64decode("".join(parts[field] for field in sorted(parts))))
