"""Workers of one or more loads: made ready, started together, stopped together, and nothing left behind.

Whatever ends this process ends the workers: their standard input ends with it. Next: `servertwin.stress.command` and
`servertwin.experiment.run`.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from servertwin.config import Stress
from servertwin.failures import Failure
from servertwin.stress.bounds import Load, Machine, orders

_PREFIX: Final = "racktwin-stress-"
_READY_S: Final = 20.0
_STOP_S: Final = 5.0
# Beyond a load's own time, after which a worker that does not end is killed.
_LINGER_S: Final = 10.0


def this_machine(folder: Path) -> Machine:
    """What bounds depend on, here and now."""
    process = psutil.Process()
    # Not on macOS: there all cores are meant.
    cores = process.cpu_affinity() if hasattr(process, "cpu_affinity") else range(psutil.cpu_count() or 1)
    return Machine(tuple(cores or ()), psutil.virtual_memory().total, psutil.disk_usage(str(folder)).free)


def sweep(folder: Path) -> list[Path]:
    """Remove folders of loads whose process was killed together with its workers."""
    removed = []
    for path in folder.glob(f"{_PREFIX}*"):
        number = path.name[len(_PREFIX) :].partition("-")[0]
        if number.isdigit() and path.is_dir() and not psutil.pid_exists(int(number)):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


@dataclass(slots=True)
class Told:
    """What the workers of one load said: when the first started and the last stopped (epoch ms), what each did."""

    load: Load
    started_at: int | None
    stopped_at: int | None
    done: list[dict[str, Any]]
    failed: list[str]


class _Worker:
    def __init__(self, order: dict[str, Any]) -> None:
        more: dict[str, Any] = {}
        # Ctrl-C is for us; we then stop them.
        if os.name == "nt":
            more["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined, unused-ignore]
        else:
            more["start_new_session"] = True
        self.process = subprocess.Popen(
            [sys.executable, "-m", "servertwin.stress.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )  # fmt: skip
        self._said: str | None = None
        self.events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.say(json.dumps(order))

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            return

    def hear(self, event: str, within_s: float) -> dict[str, Any] | None:
        """The next event of that name; None when the worker ended or the time is over. Failures are heard too."""
        end = time.monotonic() + within_s
        while (left := end - time.monotonic()) > 0:
            try:
                told = self.events.get(timeout=left)
            except queue.Empty:
                return None
            if told is None:
                self.events.put(None)
                return None
            if told["event"] in (event, "failed"):
                return told
        return None

    def hang_up(self) -> None:
        """End its input, which ends its load."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except OSError:
            return

    def end(self, within_s: float) -> str:
        """Wait for it, kill it where it does not end; what it said on standard error."""
        if self._said is not None:
            return self._said
        self.hang_up()
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stderr is not None and self.process.stdout is not None
        self._said = self.process.stderr.read().decode(errors="replace")
        self.process.stderr.close()
        return self._said


class Crew:
    """The workers of loads that run together. Use as a context: at its end everything is gone."""

    def __init__(self, loads: Sequence[Load], settings: Stress) -> None:
        self._loads, self._settings = loads, settings
        self._workers: list[tuple[Load, _Worker]] = []
        self._folder: Path | None = None
        self._until = 0.0
        self._told: list[Told] | None = None

    def __enter__(self) -> Crew:
        """Start the workers and wait until all are ready; none loads the machine yet.

        Raises:
            Failure: a load is more than is allowed, or a worker does not get ready.
        """
        base = Path(self._settings.folder or tempfile.gettempdir())
        try:
            sweep(base)
            machine = this_machine(base)
            if any(load.kind == "disk" for load in self._loads):
                self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))
        except OSError as error:
            raise Failure(f"folder {base}: {error.strerror}", "name another stress.folder in config.yaml") from error
        try:
            for load in self._loads:
                for order in orders(load, self._settings, machine, str(self._folder or "")):
                    self._workers.append((load, _Worker(order)))
            self._wait_ready()
        except BaseException:
            self._clean()
            raise
        return self

    def _wait_ready(self) -> None:
        for load, worker in self._workers:
            if worker.hear("ready", _READY_S) is None:
                raise Failure(f"{load.kind}: a worker did not start: {worker.end(0.0)[-400:]}", "try it once more")

    def __exit__(self, *_: object) -> None:
        self._clean()

    def go(self) -> None:
        """Start the loads."""
        self._until = time.monotonic() + max(load.duration for load in self._loads) + _LINGER_S
        for _, worker in self._workers:
            worker.say("go")

    def wait(self, stop: threading.Event) -> list[Told]:
        """Until every load's time is over, or ``stop`` is set and they have stopped: what became of each."""
        while not stop.is_set() and any(worker.process.poll() is None for _, worker in self._workers):
            if time.monotonic() > self._until:
                break
            stop.wait(0.05)
        return self.stop()

    def stop(self) -> list[Told]:
        """Stop what still runs; what became of each load."""
        if self._told is not None:
            return self._told
        for _, worker in self._workers:
            worker.hang_up()
        told = {id(load): Told(load, None, None, [], []) for load in self._loads}
        for load, worker in self._workers:
            of = told[id(load)]
            started = worker.hear("started", _STOP_S)
            if started is not None and started["event"] == "started":
                of.started_at = min(started["at"], of.started_at or started["at"])
                stopped = worker.hear("stopped", _STOP_S)
            else:
                stopped = started
            said = worker.end(_STOP_S)
            if stopped is None or stopped["event"] == "failed":
                of.failed.append(stopped["why"] if stopped else said.strip()[-400:] or "it was killed")
            else:
                of.stopped_at = max(stopped["at"], of.stopped_at or 0)
                of.done.append({key: value for key, value in stopped.items() if key not in ("event", "at")})
        self._told = list(told.values())
        return self._told

    def _clean(self) -> None:
        for _, worker in self._workers:
            worker.hang_up()
        for _, worker in self._workers:
            worker.end(_STOP_S)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def summary(told: Told) -> dict[str, Any]:
    """What a load did, in figures that can be held against what it was told."""
    load, done = told.load, told.done
    seconds = max((each["seconds"] for each in done), default=0.0)
    document: dict[str, Any] = {
        "kind": load.kind, "level": load.level, "duration": load.duration, "startedAt": told.started_at,
        "stoppedAt": told.stopped_at, "seconds": round(seconds, 3),
    }  # fmt: skip
    if load.kind == "cpu":
        busy = sum(each["busySeconds"] for each in done)
        document["cores"] = len(done)
        document["achievedLevel"] = round(100.0 * busy / (seconds * len(done)), 2) if seconds and done else None
    for name in ("bytes", "wantedBytes", "givenBackBytes", "writtenBytes", "readBytes", "sentBytes", "receivedBytes"):
        if any(name in each for each in done):
            document[name] = sum(each.get(name, 0) for each in done)
    document["cpuSeconds"] = round(sum(each["cpuSeconds"] for each in done), 3)
    if told.failed:
        document["failed"] = told.failed
    return document
