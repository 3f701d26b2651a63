"""Who is told that a phase begins or ends: the twin (feature ``experiment``, through Hono) and Grafana.

In a thread of its own and in order, so that a slow answer never delays a phase; what cannot be told is tried again a
few times, then said and given up: ``annotations.csv`` has it. Next: Hono; Grafana's HTTP API.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import requests

from servertwin.config import Grafana
from servertwin.experiment.annotations import Annotation
from servertwin.failures import Failure, one_line

_TRIES: Final = 3


class Send(Protocol):
    """Sends values of a moment to the twin."""

    def send(self, time_ms: int, values: dict[str, float | str]) -> None:
        """Raises Failure when nobody took them."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A phase that began (epoch ms): its title, its stressors, the highest level (%)."""

    title: str
    stressor: str
    level: float
    at: int


def started(begun: Begun) -> dict[str, float | str]:
    """The twin's `experiment` while a phase runs: it began after what ``stoppedAt`` still says of the one before."""
    return {
        "experiment/annotation": begun.title[:256],
        "experiment/stressor": begun.stressor,
        "experiment/level": begun.level,
        "experiment/startedAt": begun.at,
    }


def stopped(begun: Begun, at: int) -> dict[str, float | str]:
    """The twin's `experiment` once a phase is over."""
    return {**started(begun), "experiment/annotation": f"{begun.title[:249]}, over", "experiment/stoppedAt": at}


class Announcer:
    """Tells whoever is there; any of them may be None."""

    def __init__(self, twin: Send | None, grafana: GrafanaAnnotations | None, say: Callable[[str], None]) -> None:
        self._twin, self._grafana, self._say = twin, grafana, say
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.failed = 0
        self._thread = threading.Thread(target=self._work, name="announcer", daemon=True)
        self._thread.start()

    def begin(self, begun: Begun) -> None:
        """A phase begins."""
        twin = self._twin
        if twin is not None:
            self._jobs.put(lambda: twin.send(begun.at, started(begun)))

    def end(self, begun: Begun, at: int, loads: Sequence[Annotation]) -> None:
        """A phase is over."""
        twin, grafana = self._twin, self._grafana
        if twin is not None:
            self._jobs.put(lambda: twin.send(at, stopped(begun, at)))
        if grafana is not None:
            for load in loads:
                self._jobs.put(lambda load=load: grafana.add(load))  # type: ignore[misc]

    def close(self, within_s: float = 15.0) -> None:
        """Wait so long for what is still to be told."""
        self._jobs.put(None)
        self._thread.join(within_s)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            for attempt in range(1, _TRIES + 1):
                try:
                    job()
                except Failure as failure:
                    if attempt == _TRIES:
                        self.failed += 1
                        self._say(f"not told: {failure}")
                    else:
                        time.sleep(0.5 * attempt)
                else:
                    break


class GrafanaAnnotations:
    """Annotations with a start and an end, by Grafana's HTTP API (`POST /api/annotations`)."""

    def __init__(self, settings: Grafana, thing: str | None, timeout_s: float = 10.0) -> None:
        """``thing``: the server's id, as a tag.

        Raises:
            Failure: there is no token, or it cannot be read.
        """
        if settings.url is None or settings.token_file is None:
            raise Failure("grafana: url and tokenFile belong together", "set both in config.yaml")
        try:
            token = Path(settings.token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Failure(f"grafana.tokenFile: {one_line(error)}", "put a service account's token there") from error
        self._url = settings.url.rstrip("/") + "/api/annotations"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._dashboard, self._thing, self._timeout_s = settings.dashboard, thing, timeout_s

    def add(self, load: Annotation) -> None:
        """One load, from its start to its end.

        Raises:
            Failure: Grafana did not take it.
        """
        body: dict[str, Any] = {
            "time": load.started_at,
            "timeEnd": load.stopped_at,
            "tags": ["experiment", load.stressor, *([self._thing] if self._thing else [])],
            "text": f"{load.phase}: {load.stressor} {load.level:g} %, {load.outcome}",
        }
        if self._dashboard:
            body["dashboardUID"] = self._dashboard
        try:
            answer = requests.post(self._url, json=body, headers=self._headers, timeout=self._timeout_s)
        except requests.RequestException as error:
            raise Failure(f"{self._url}: {one_line(error)}", "is grafana.url right?") from error
        if answer.status_code >= 300:
            raise Failure(
                f"{self._url}: {answer.status_code} {one_line(answer.text)}", "may the token write annotations?"
            )
