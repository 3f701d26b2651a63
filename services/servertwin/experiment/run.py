"""An experiment as it runs: the logger beside it, each phase at its time, and what really was when.

The logger is a process of its own (its time on the processor is its own), which ends when this one does. Workers of a
phase are made ready before its time and start on a word. Next: `servertwin.experiment.command`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from servertwin.config import Stress
from servertwin.experiment.annotations import Annotation, Writer
from servertwin.experiment.announce import Announcer, Begun
from servertwin.experiment.schedule import Phase, Schedule
from servertwin.failures import Failure, one_line
from servertwin.stress.crew import Crew, Told, summary

# Workers need so long to be ready, at most, on a busy machine.
_AHEAD_S: Final = 1.5
_LOGGER_S: Final = 20.0


class Logger:
    """`racktwin logger` beside the experiment."""

    def __init__(self, out: Path, options: Sequence[str]) -> None:
        command = [sys.executable, "-m", "servertwin", "logger", "--tied", "--json", "--out", str(out), *options]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._out = out

    def wait_for_first(self) -> None:
        """Until it writes.

        Raises:
            Failure: it does not.
        """
        end = time.monotonic() + _LOGGER_S
        # The Parquet file has nothing before its first row group; its spool has.
        places = [self._out, self._out.with_name(self._out.name + ".open.csv")]
        while time.monotonic() < end:
            if self._process.poll() is not None:
                assert self._process.stderr is not None
                raise Failure(f"logger: {one_line(self._process.stderr.read())}", "does racktwin logger alone work?")
            if any(path.exists() and path.stat().st_size > 0 for path in places):
                return
            time.sleep(0.02)
        raise Failure("logger: nothing written", "does racktwin logger alone work?")

    def stop(self) -> dict[str, Any]:
        """End it; what it says of itself.

        Raises:
            Failure: it crashed.
        """
        try:
            said, wrong = self._process.communicate(timeout=_LOGGER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            said, wrong = self._process.communicate()
        if self._process.returncode != 0:
            raise Failure(f"logger: {one_line(wrong)}", "does racktwin logger alone work?")
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an experiment; ``began`` is epoch ms of its start."""

    began: int
    annotations: list[Annotation]
    loads: list[dict[str, Any]]
    interrupted: bool


def run(
    schedule: Schedule,
    settings: Stress,
    writer: Writer,
    announcer: Announcer,
    *,
    stop: threading.Event,
    say: Callable[[str], None],
) -> Outcome:
    """Run the phases at their times, until the end or until ``stop``.

    Raises:
        Failure: a load cannot be started.
    """
    # Time for the first phase's workers, also where it begins at once.
    begin, began = time.monotonic() + 0.2, time.time_ns() // 1_000_000 + 200
    annotations: list[Annotation] = []
    loads: list[dict[str, Any]] = []
    for phase in schedule.phases:
        if stop.wait(max(0.0, begin + phase.start - _AHEAD_S - time.monotonic())):
            break
        with Crew(phase.loads, settings) as crew:
            if stop.wait(max(0.0, begin + phase.start - time.monotonic())):
                break
            crew.go()
            begun = _begun(phase)
            announcer.begin(begun)
            say(f"{phase.name}: {phase.title}, {phase.end - phase.start:g} s")
            told = crew.wait(stop)
        made = [_annotation(phase, each, stop.is_set()) for each in told]
        found = [each for each in made if each is not None]
        for each in found:
            writer.write(each)
        annotations += found
        loads += [{"phase": phase.name, **summary(each)} for each in told]
        announcer.end(begun, max((each.stopped_at for each in found), default=begun.at), found)
    stop.wait(max(0.0, begin + schedule.length - time.monotonic()))
    return Outcome(began, annotations, loads, stop.is_set())


def _begun(phase: Phase) -> Begun:
    highest = max(phase.loads, key=lambda load: load.level)
    stressors = "+".join(load.kind for load in phase.loads)
    return Begun(f"{phase.name}: {phase.title}", stressors, highest.level, time.time_ns() // 1_000_000)


def _annotation(phase: Phase, told: Told, stopped: bool) -> Annotation | None:
    if told.started_at is None:
        return None
    load = told.load
    now = time.time_ns() // 1_000_000
    ended = told.stopped_at or now
    short = ended - told.started_at < 1000 * load.duration - 500
    outcome = "failed" if told.failed else "interrupted" if stopped and short else "done"
    return Annotation(phase.name, load.kind, load.level, phase.start, load.duration, told.started_at, ended, outcome)
