"""The part of InfluxDB's API that Scenarios need: a summary out, series and buckets of an ended one away.

The operator holds no history; it looks up what a scenario's Job left there, and tidies up after it.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from rack_operator.clients.http import DependencyError, HttpDependency
from racktwin.history import log_bucket

JsonObject = dict[str, Any]
# InfluxDB's times are 64 bit nanoseconds.
_EVER = {"start": "1970-01-01T00:00:00Z", "stop": "2200-01-01T00:00:00Z"}


class InfluxClient:
    """Single calls, each raising `DependencyError` for what it does not expect."""

    def __init__(self, http: HttpDependency, organisation: str) -> None:
        self._http = http
        self._organisation = organisation

    async def text(self, bucket: str, scenario: str, uid: str, field: str) -> str | None:
        """The newest text that the scenario's Job left under `field`, or None."""
        flux = (
            f'from(bucket: "{bucket}") |> range(start: 0, stop: 2200-01-01T00:00:00Z)'
            f' |> filter(fn: (r) => r._measurement == "scenario_result" and r._field == "{field}"'
            f' and r.scenario == "{scenario}" and r.uid == "{uid}") |> last() |> keep(columns: ["_value"])'
        )
        headers = {"accept": "application/csv"}
        answer = await self._http.call(
            "POST", "/api/v2/query", json={"query": flux, "type": "flux"}, headers=headers,
            params={"org": self._organisation}, expect={200, 404},
        )  # fmt: skip
        if answer.status == 404:
            return None
        rows = [row for row in csv.reader(io.StringIO(answer.content.decode())) if row and row[-1] != "_value"]
        return rows[-1][-1] if rows else None

    async def forget_scenario(self, bucket: str, scenario: str) -> None:
        """Deletes all that carries the scenario's tag in the bucket; nothing when there is no such bucket."""
        body = {**_EVER, "predicate": f'scenario="{scenario}"'}
        params = {"org": self._organisation, "bucket": bucket}
        await self._http.call("POST", "/api/v2/delete", json=body, params=params, expect={204, 404})

    async def remove_site(self, site: str) -> None:
        """Deletes the buckets and tasks of a site that was made for a replay."""
        found = await self._http.call(
            "GET", "/api/v2/tasks", params={"org": self._organisation, "limit": "500"}, expect={200, 404}
        )
        for task in (found.body or {}).get("tasks") or ():
            if str(task.get("name")) in (f"racktwin {site} 1m", f"racktwin {site} 15m"):
                await self._http.call("DELETE", f"/api/v2/tasks/{task['id']}", expect={204, 404})
        for bucket in (site, f"{site}_1m", f"{site}_15m", log_bucket(site)):
            params = {"org": self._organisation, "name": bucket}
            listed = await self._http.call("GET", "/api/v2/buckets", params=params, expect={200, 404})
            for entry in (listed.body or {}).get("buckets") or ():
                if entry.get("name") == bucket:
                    await self._http.call("DELETE", f"/api/v2/buckets/{entry['id']}", expect={204, 404})


__all__ = ["DependencyError", "InfluxClient"]
