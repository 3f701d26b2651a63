"""One container as one process: start, probe, stop. It is driven by `tick`; nothing here waits.

Processes are started by the main thread and tied to it by a parent-death signal, so that none outlives local_node,
however it ends.
"""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path

import requests

from local_node.backoff import Backoff
from local_node.templates import ContainerSpec, Probe
from racktwin.ports import free_port

_LOG_LIMIT_BYTES = 10_000_000
_LAST_WORDS_BYTES = 2048
_FIRST_PROBES_S = 0.3
"""Until a container was ready once it is probed this often, whatever its period: nobody else is kept waiting by it."""


def http_probe(port: int, probe: Probe) -> bool:
    """Whether the probe's path answers with 2xx or 3xx."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"http://127.0.0.1:{port}{probe.path}", timeout=probe.timeout_s).status_code < 400
        except requests.RequestException:
            return False


def last_words(log: Path) -> str:
    """The last line of a log: what Kubernetes takes as a termination message where a container asks for that."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_WORDS_BYTES))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def base_environment() -> dict[str, str]:
    """What a container would find in its image: our Python first on the path, nothing of local_node's settings."""
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    return {"PATH": path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1,localhost"}


@dataclasses.dataclass
class _Check:
    """One probe's memory."""

    probe: Probe
    due: float = 0.0
    running: Future[bool] | None = None
    passed: bool = False
    failures: int = 0

    def tick(self, now: float, port: int, pool: Executor, period_s: float) -> None:
        """Take up a result, and begin the next check when it is due."""
        if self.running is not None:
            if not self.running.done():
                return
            good = self.running.result()
            self.running = None
            self.failures = 0 if good else self.failures + 1
            # A failed probe counts only from the threshold on; a good one at once.
            self.passed = good or (self.passed and self.failures < self.probe.failures)
            self.due = now + period_s
        elif now >= self.due:
            self.running = pool.submit(http_probe, port, self.probe)


class Container:
    """A container that is kept running (`restart`), or runs once."""

    def __init__(
        self,
        spec: ContainerSpec,
        log: Path,
        backoff: Backoff,
        pool: Executor,
        prepare: Callable[[], tuple[Sequence[str], Mapping[str, str]]],
        *,
        restart: bool,
    ) -> None:
        """`prepare` gives command and environment at each start; it may raise, and is then tried again later."""
        self.spec = spec
        self.restarts = 0
        self.exit_code: int | None = None
        self.problem = ""
        self._log = log
        self._backoff = backoff
        self._pool = pool
        self._prepare = prepare
        self._restart = restart
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._started = 0.0
        self._failures = 0
        self._next_start = 0.0
        self._kill_at: float | None = None
        self._restarting = False
        self._checks: dict[str, _Check] = {}
        self._was_ready = False
        """Whether a readiness probe of this run has passed once."""

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def finished(self) -> bool:
        """Whether it ended and will not be started again."""
        return self._process is None and self.exit_code is not None and not self._restart

    @property
    def ready(self) -> bool:
        """Whether it runs and its probes pass; without a readiness probe it is ready as soon as it runs."""
        if self._process is None or self._kill_at is not None:
            return False
        startup, readiness = self._checks.get("startup"), self._checks.get("readiness")
        return (startup is None or startup.passed) and (readiness is None or readiness.passed)

    def tick(self, now: float) -> None:
        """Go on: take up an exit, start when it is time, probe. `now` is monotonic seconds."""
        if self._process is None:
            if self._kill_at is None and not self.finished and now >= self._next_start:
                self._start(now)
            return
        code = self._process.poll()
        if code is not None:
            self._ended(code, now)
            return
        if self._kill_at is not None:
            if now >= self._kill_at:
                self._process.kill()
            return
        self._probe(now)
        self._rotate()

    def _start(self, now: float) -> None:
        self._port = free_port()
        try:
            command, environment = self._prepare()
        except Exception as error:  # whatever is wrong with the template belongs into the status, not into a crash
            self.problem = str(error)
            self._failures += 1
            self._next_start = now + self._backoff.pause_s(self._failures)
            return
        # The pod's own choice of port and address would collide with other pods of this machine.
        health = {"RACKTWIN_HEALTH_HOST": "127.0.0.1", "RACKTWIN_HEALTH_PORT": str(self._port)}
        self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "TERM", "--", *command],
                    env={**base_environment(), **environment, **health},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # A group of its own: Ctrl-C at a terminal is local_node's to pass on.
                    start_new_session=True,
                )
        except OSError as error:
            self.problem = f"cannot run {command[0]}: {error}"
            self._failures += 1
            self._next_start = now + self._backoff.pause_s(self._failures)
            return
        self.problem = ""
        self.exit_code = None
        self._started = now
        self._was_ready = False
        probes = {"startup": self.spec.startup, "liveness": self.spec.liveness, "readiness": self.spec.readiness}
        self._checks = {name: _Check(probe) for name, probe in probes.items() if probe is not None}

    def _ended(self, code: int, now: float) -> None:
        self._process = None
        self.exit_code = code
        self._failures = self._backoff.failures_after(self._failures, now - self._started, was_ready=self._was_ready)
        self._next_start = now + self._backoff.pause_s(self._failures)
        self.restarts += 1
        if code != 0 and not self._restarting:
            said = last_words(self._log) if self.spec.tells_its_end else ""
            self.problem = f"exited with {code}{said and f': {said}'}; its log is {self._log}"
        if self._restarting:
            self._restarting = False
            self._kill_at = None

    def _probe(self, now: float) -> None:
        startup = self._checks.get("startup")
        if startup is not None and not startup.passed:
            startup.tick(now, self._port, self._pool, _FIRST_PROBES_S)
            if now - self._started > startup.probe.failures * startup.probe.period_s:
                self._give_up("its startup probe did not pass in time", now)
            return
        if (liveness := self._checks.get("liveness")) is not None:
            liveness.tick(now, self._port, self._pool, liveness.probe.period_s)
            if liveness.failures >= liveness.probe.failures:
                self._give_up("its liveness probe failed", now)
        if (readiness := self._checks.get("readiness")) is not None:
            period_s = readiness.probe.period_s if readiness.passed else _FIRST_PROBES_S
            readiness.tick(now, self._port, self._pool, period_s)
            self._was_ready = self._was_ready or readiness.passed

    def _give_up(self, why: str, now: float) -> None:
        self.stop(now, grace_s=10.0)
        # It is started again once the process is gone.
        self._restarting = True
        self.problem = f"restarted: {why}"

    def _rotate(self) -> None:
        """The process appends to an open file, so the file is copied and emptied rather than renamed."""
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT_BYTES:
            self._log.with_suffix(".1").write_bytes(self._log.read_bytes())
            os.truncate(self._log, 0)

    def stop(self, now: float, grace_s: float) -> None:
        """Ask the process to end; it is killed `grace_s` seconds later. It is not started again."""
        if self._kill_at is None:
            self._kill_at = now + grace_s
            self._restarting = False
            if self._process is not None:
                self._process.terminate()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
