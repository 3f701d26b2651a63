"""Keeps every site's history as long, and thinned as completely, as it should be: a thread beside the writing one.

Every few minutes, for each site that is written: retention and tasks as the Site wishes (its thing's attributes on
Ditto, else our settings), and runs of the thinning tasks that should have been and were not are asked for. That matters
because InfluxDB forgets the runs that fall due while it is down, which would leave an hour's hole for years. A run of
quarters made before its minutes were complete is asked for again.

What fails is told once and tried again at the next round; it never keeps readings from being written. Next: InfluxDB.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from historian.retention import Keeper, task_names
from racktwin import names
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.history import MINUTE, QUARTER, Retention, Thinned

# How far back missed runs are looked for: InfluxDB itself keeps what it knows of runs for three days.
LOOK_BACK_S: Final = 2 * 86_400
_FIELDS: Final = "attributes/history"

Runs = dict[int, tuple[str, float]]
"""Scheduled time (epoch s) -> state and when it began (epoch s, 0 before)."""


def missing_runs(thinned: Thinned, runs: Runs, since_s: int, now_s: int, after: dict[int, float]) -> list[int]:
    """Times (epoch s) from `since_s` at which a run should have been by `now_s` and was not, or failed.

    `after`: time -> moment before which a run of it does not count, because what it reads was not complete.
    """
    every = thinned.every_s
    first = -(-since_s // every) * every
    wanted = range(first, now_s - thinned.delay_s + 1, every)

    def good(at: int) -> bool:
        state, began = runs.get(at, ("", 0.0))
        return state in ("success", "started", "scheduled") and (state != "success" or began >= after.get(at, 0.0))

    return [at for at in wanted if not good(at)]


class Upkeep:
    """The thread's work; `add` is for the writing thread."""

    def __init__(
        self,
        client: InfluxDBClient,
        ditto: DittoClient | None,
        *,
        org: str,
        keep: Retention,
        clock: Callable[[], int],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        """`ditto` None: no Site is asked, `keep` holds for all."""
        self._client = client
        self._ditto = ditto
        self._org = org
        self._keep = keep
        self._clock = clock
        self._log = log
        self._told: dict[str, str] = {}
        # Replaced, never changed.
        self._sites: frozenset[str] = frozenset()

    def add(self, site: str) -> None:
        """A site is written from now on."""
        self._sites |= {site}

    def run(self, stop: threading.Event, every_s: float, soon_s: float = 2.0) -> None:
        """Until `stop` is set: a site at once when it is new, and all every `every_s`."""
        done: frozenset[str] = frozenset()
        waited = 0.0
        while not stop.wait(soon_s):
            waited += soon_s
            todo = self._sites if waited >= every_s else self._sites - done
            waited = 0.0 if waited >= every_s else waited
            for site in sorted(todo):
                self.look(site)
            done |= todo

    def look(self, site: str) -> None:
        """One site, once."""
        try:
            keep = self._wished(site)
            org_id = self._org_id()
            Keeper(self._client, self._org, keep).ensure(site, org_id)
            asked = self._catch_up(site, org_id)
        except (ApiException, HTTPError, DittoError, OSError) as error:
            text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            if self._told.get(site) != text:
                self._log.warning("history is not kept as configured", site=site, error=text)
            self._told[site] = text
            return
        self._told.pop(site, None)
        if asked:
            self._log.info("missed runs of thinning tasks asked for", site=site, runs=asked)

    def _wished(self, site: str) -> Retention:
        """Retention as the Site says. An unreachable Ditto is an error: guessing could delete history."""
        if self._ditto is None:
            return self._keep
        thing = self._ditto.get_thing(names.thing_id(site, "site", site), fields=_FIELDS)
        return self._keep if thing is None else self._keep.of_site(thing.get("attributes") or {})

    def _org_id(self) -> str:
        find: Callable[..., Any] = self._client.organizations_api().find_organizations
        return str(find(org=self._org)[0].id)

    def _catch_up(self, site: str, org_id: str) -> int:
        """Ask for the runs that were missed; how many."""
        now_s = self._clock() // 1000
        minute_task, quarter_task = (self._task(name, org_id) for name in task_names(site))
        if minute_task is None or quarter_task is None:
            return 0
        minutes = self._runs(minute_task)
        since = max(now_s - LOOK_BACK_S, _epoch(minute_task.created_at))
        asked = missing_runs(MINUTE, minutes, since, now_s, {})
        for at in asked:
            self._ask(minute_task, at)
        if asked:
            # Quarters are made of minutes: first those.
            return len(asked)
        complete = {
            at: max((began for when, (_, began) in minutes.items() if at - QUARTER.every_s < when <= at), default=0.0)
            for at in range(since // QUARTER.every_s * QUARTER.every_s, now_s + 1, QUARTER.every_s)
        }
        late = missing_runs(QUARTER, self._runs(quarter_task), since, now_s, complete)
        for at in late:
            self._ask(quarter_task, at)
        return len(late)

    def _task(self, name: str, org_id: str) -> Any | None:
        find: Callable[..., Any] = self._client.tasks_api().find_tasks
        return next((task for task in find(name=name, org_id=org_id) if task.name == name), None)

    def _runs(self, task: Any) -> Runs:
        find: Callable[..., Any] = self._client.tasks_api().get_runs
        after = datetime.fromtimestamp(self._clock() / 1000 - LOOK_BACK_S - QUARTER.every_s, UTC)
        found: Runs = {}
        for run in find(task.id, limit=500, after_time=after.strftime("%Y-%m-%dT%H:%M:%SZ")) or ():
            at = round(_epoch(run.scheduled_for))
            began = _epoch(run.started_at) if run.started_at else 0.0
            if began >= found.get(at, ("", -1.0))[1]:
                found[at] = (str(run.status), began)
        return found

    def _ask(self, task: Any, at: int) -> None:
        run: Callable[..., Any] = self._client.tasks_api().run_manually
        try:
            run(task.id, scheduled_for=datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        except ApiException as error:
            # It stands in the queue already.
            if error.status not in (400, 409, 500) or "already queued" not in str(error.body):
                raise


def _epoch(at: Any) -> Any:
    """Epoch seconds of what influxdb-client gives for a time."""
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return int(moment.timestamp())
