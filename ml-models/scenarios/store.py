"""Where results go: a bucket of the site's scenarios in InfluxDB. Series, the summary, the report.

Bucket ``<site>_scenarios``, which nobody who asks for live data names. Series have the measurements and fields of
live ones, with the tags ``scenario`` and ``case`` beside ``thing kind room row feature``; their time is the base time
and after. Measurement ``scenario_result`` (tags ``scenario uid``) has the texts ``summary`` (JSON) and ``report_000`` …
(the packed HTML in base64, in parts that a field can hold) with their number as ``report_parts``. Writing again
replaces.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from racktwin.names import scenario_bucket, thing_id
from scenarios.history import HistoryUnreadable
from scenarios.whatif import Run

# InfluxDB holds texts of up to 64 KiB.
PART: Final = 48_000
_BATCH: Final = 5_000
# Series are for looking at; more lines than this are thinned out, the report has the rest.
_MOST_LINES: Final = 400_000


class Store:
    """Writes for one scenario."""

    def __init__(self, client: InfluxDBClient, org: str, site: str, *, keep_days: int) -> None:
        self._client = client
        self._org = org
        self._bucket = scenario_bucket(site)
        self._keep_s = keep_days * 86_400

    def ensure_bucket(self) -> None:
        """Make the bucket where there is none.

        Raises:
            HistoryUnreadable: InfluxDB does not answer, or refuses.
        """
        self.make_bucket(self._bucket, self._keep_s, "series and results of scenarios, never live")

    def make_bucket(self, name: str, keep_s: int, about: str) -> None:
        """Make a bucket where there is none; `keep_s` 0 is for ever. Raises HistoryUnreadable."""
        api: Any = self._client.buckets_api()
        rules = [BucketRetentionRules(type="expire", every_seconds=keep_s)]  # type: ignore[no-untyped-call]
        try:
            if api.find_bucket_by_name(name) is None:
                api.create_bucket(bucket_name=name, org=self._org, retention_rules=rules, description=about)
        except ApiException as error:
            # Another Job made it meanwhile.
            if error.status != 422:
                raise HistoryUnreadable(f"InfluxDB: bucket {name}: {error.status} {error.reason}") from error
        except (HTTPError, OSError) as error:
            raise HistoryUnreadable(f"InfluxDB: {error}") from error

    def write(self, lines: Iterator[str]) -> int:
        """Write lines of line protocol with times in ms; returns how many.

        Raises:
            HistoryUnreadable: InfluxDB does not answer, or refuses.
        """
        api: Any = self._client.write_api(write_options=SYNCHRONOUS)
        count = 0
        batch: list[str] = []

        def flush() -> None:
            if batch:
                api.write(bucket=self._bucket, org=self._org, record="\n".join(batch), write_precision="ms")
                batch.clear()

        try:
            for line in lines:
                batch.append(line)
                count += 1
                if len(batch) >= _BATCH:
                    flush()
            flush()
        except ApiException as error:
            raise HistoryUnreadable(f"InfluxDB: {error.status} {error.reason}") from error
        except (HTTPError, OSError) as error:
            raise HistoryUnreadable(f"InfluxDB: {error}") from error
        return count


def result_lines(scenario: str, uid: str, at_ms: int, summary: dict[str, Any], report: str | None) -> Iterator[str]:
    """The lines of the result. The summary comes last: whoever sees it finds the rest."""
    head = f"scenario_result,scenario={scenario},uid={uid}"
    if report is not None:
        packed = base64.b64encode(gzip.compress(report.encode(), mtime=0)).decode()
        parts = [packed[at : at + PART] for at in range(0, len(packed), PART)]
        for number, part in enumerate(parts):
            yield f'{head} report_{number:03d}="{part}" {at_ms}'
        yield f"{head} report_parts={len(parts)}i {at_ms}"
    text = json.dumps(summary, separators=(",", ":")).replace("\\", "\\\\").replace('"', '\\"')
    yield f'{head} summary="{text}" {at_ms}'


def series_lines(run: Run, scenario: str, site: str, base_ms: int) -> Iterator[str]:
    """The series of a run: inlets, power and air of racks and units, the room's air, for each case."""
    layout = run.layout
    racks, units, cases = len(layout.racks), len(layout.units), len(run.courses)
    every = max(1, -(-run.time_s.size * cases * (4 * racks + 2 * units + 1) // _MOST_LINES))
    # Not closer than half a minute: between, there is nothing that one would look for.
    if run.time_s.size > 1:
        every = max(every, round(30.0 / float(run.time_s[1] - run.time_s[0])))
    times = [base_ms + round(float(t) * 1000) for t in run.time_s[::every]]
    room = thing_id(site, "room", layout.room)
    for number, course in enumerate(run.courses):
        common = f"scenario={scenario},case={course.name},room={layout.room}"
        for index, rack in enumerate(layout.racks):
            tags = f"{common},thing={rack.id},kind=rack" + (f",row={rack.row}" if rack.row else "")
            for height, place in enumerate(("bottom", "top")):
                values = run.inlet[::every, number, height, index]
                yield from _lines(f"environment,{tags},feature=environment.{place}", times, temperature=values)
                values = run.outlet[::every, number, height, index]
                yield from _lines(f"environment,{tags},feature=environment.rear-{place}", times, temperature=values)
            values = run.rack_power[::every, number, index]
            yield from _lines(f"power,{tags},feature=power", times, power=values)
        for index, unit in enumerate(layout.units):
            tags = f"{common},thing={unit.id},kind=cooling"
            yield from _lines(
                f"cooling,{tags},feature=air",
                times,
                supplyTemperature=run.supply[::every, number, index],
                returnTemperature=run.return_[::every, number, index],
                airflow=run.unit_airflow[::every, number, index],
            )
            yield from _lines(f"power,{tags},feature=power", times, power=run.unit_power[::every, number, index])
        tags = f"{common},thing={room},kind=room"
        yield from _lines(f"environment,{tags},feature=environment", times, temperature=run.room[::every, number])


def _lines(head: str, times: list[int], **fields: Any) -> Iterator[str]:
    names = list(fields)
    columns = [np.round(np.asarray(fields[name], dtype=float), 4).tolist() for name in names]
    for at, values in zip(times, zip(*columns, strict=True), strict=True):
        text = ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        yield f"{head} {text} {at}"
