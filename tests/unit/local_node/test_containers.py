"""Real processes: a container is started, restarted, probed and stopped, and leaves nothing behind."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_node.backoff import Backoff
from local_node.container import Container
from local_node.environment import UnresolvedError
from local_node.templates import ContainerSpec, Probe

SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/good' else 500)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', int(os.environ['RACKTWIN_HEALTH_PORT'])), Handler).serve_forever()
"""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def make(tmp_path: Path, pool: ThreadPoolExecutor) -> Iterator[Callable[..., Container]]:
    made: list[Container] = []

    def build(
        code: str,
        *,
        restart: bool = True,
        readiness: Probe | None = None,
        liveness: Probe | None = None,
        prepare: Callable[[], tuple[Sequence[str], Mapping[str, str]]] | None = None,
    ) -> Container:
        spec = ContainerSpec("c", (), (), (), (), None, liveness, readiness)
        command = prepare or (lambda: ([sys.executable, "-c", code], {"GREETING": "hello"}))
        container = Container(spec, tmp_path / "c.log", Backoff(0.05, 1.0), pool, command, restart=restart)
        made.append(container)
        return container

    yield build
    for container in made:
        container.kill()


def until(container: Container, true: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, container.problem
        container.tick(time.monotonic())
        time.sleep(0.01)


def test_it_gets_its_environment_and_nothing_of_ours(
    make: Callable[..., Container], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/secret")
    container = make("import os; print([k for k in ('GREETING', 'KUBECONFIG') if k in os.environ])", restart=False)
    until(container, lambda: container.finished)
    assert container.exit_code == 0
    assert (tmp_path / "c.log").read_text() == "['GREETING']\n"


def test_it_is_started_again_after_each_exit(make: Callable[..., Container]) -> None:
    container = make("raise SystemExit(4)")
    until(container, lambda: container.restarts >= 3)
    assert "exited with 4" in container.problem


def test_it_runs_once_when_that_is_wanted(make: Callable[..., Container]) -> None:
    container = make("raise SystemExit(4)", restart=False)
    until(container, lambda: container.finished)
    assert (container.exit_code, container.restarts) == (4, 1)


def test_it_is_ready_when_its_probe_passes_on_the_chosen_port(make: Callable[..., Container]) -> None:
    container = make(SERVER, readiness=Probe("/good", 5, 2, 3))
    container.tick(time.monotonic())
    assert not container.ready
    until(container, lambda: container.ready)


def test_killed_again_and_again_while_it_works_it_is_started_as_soon_each_time(make: Callable[..., Container]) -> None:
    container = make(SERVER, readiness=Probe("/good", 5, 2, 3))
    for _ in range(3):
        until(container, lambda: container.ready)
        # Longer than a sixth of the longest pause of these tests.
        ready_at = time.monotonic()
        until(container, lambda: time.monotonic() > ready_at + 0.2)  # noqa: B023
        assert container._process is not None
        container._process.kill()
        until(container, lambda: not container.running)
    assert container._failures == 1


def test_a_failing_probe_keeps_it_unready_and_a_failing_liveness_restarts_it(make: Callable[..., Container]) -> None:
    container = make(SERVER, readiness=Probe("/bad", 1, 2, 3), liveness=Probe("/bad", 0.1, 2, 2))
    until(container, lambda: container.restarts >= 1)
    assert not container.ready
    until(container, lambda: container.running)


def test_what_cannot_be_resolved_yet_is_tried_again(make: Callable[..., Container]) -> None:
    found: list[bool] = []

    def prepare() -> tuple[Sequence[str], Mapping[str, str]]:
        if not found:
            raise UnresolvedError("ConfigMap c not found")
        return [sys.executable, "-c", "import signal; signal.pause()"], {}

    container = make("", prepare=prepare)
    container.tick(time.monotonic())
    assert not container.running
    assert container.problem == "ConfigMap c not found"
    found.append(True)
    until(container, lambda: container.ready)
    assert container.problem == ""


def test_it_stops_for_good_and_is_killed_when_it_does_not(make: Callable[..., Container], tmp_path: Path) -> None:
    container = make(
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True)\n"
        "while True: signal.pause()"
    )
    log = tmp_path / "c.log"
    until(container, lambda: log.exists() and log.read_text().endswith("\n"))
    pid = int(log.read_text())
    container.stop(time.monotonic(), grace_s=0.1)
    until(container, lambda: not container.running)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    container.tick(time.monotonic() + 100)
    assert not container.running


def test_a_program_that_does_not_exist_is_a_problem_and_no_crash(make: Callable[..., Container]) -> None:
    container = make("", prepare=lambda: (["no-such-program-here"], {}))
    until(container, lambda: bool(container.problem))
    assert not container.ready
