"""`make test` runs every part once, stops what it started, and begins nothing more once it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections import Counter
from types import SimpleNamespace
from typing import ClassVar

import pytest

from local_stack import model, testing
from local_stack.testing import Result


class FakeStack:
    """Notes what is done to it."""

    made: ClassVar[dict[str, list[str]]] = {}

    def __init__(self, name: str) -> None:
        self.instance = SimpleNamespace(name=name)
        self.done = FakeStack.made.setdefault(name, [])

    def clean(self, _progress: object) -> None:
        self.done.append("clean")

    def ensure(self, progress: object) -> None:
        self.done.append("ensure")

    def stop(self, _progress: object) -> None:
        self.done.append("stop")

    def user_env(self) -> dict[str, str]:
        return {}

    def endpoints(self) -> dict[str, str]:
        return {"ditto_url": "http://127.0.0.1:1"}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """(name, stack) of each step that was run."""
    found: list[tuple[str, str | None]] = []

    def run(name: str, arguments: object, environment: dict[str, str], *, beside: bool = False) -> Result:
        found.append((name, environment["RACKTWIN_STACK"] if name in ("contract tests", "e2e tests") else None))
        return Result(name, "contract" not in name, 1.0)

    FakeStack.made = {}
    monkeypatch.setattr(testing, "_run", run)
    monkeypatch.setattr(model, "ensure_all_trained", lambda names: {})
    monkeypatch.setattr(model, "names", lambda: [])
    return found


def test_all_parts_run_once_on_one_stack_that_is_stopped_though_one_failed(ran) -> None:
    results = testing.run(FakeStack("test"), [], lambda *_: None)
    assert Counter(name for name, _ in ran).most_common(1)[0][1] == 1
    assert [result.name for result in results if not result.ok] == ["contract tests"]
    assert {"ruff", "mypy", "unit tests", "contract tests", "e2e tests"} <= {name for name, _ in ran}
    assert {name: where for name, where in ran if where} == {"contract tests": "test", "e2e tests": "test"}
    assert FakeStack.made["test"] == ["clean", "ensure", "stop"]


def test_a_part_alone_needs_no_more_than_it_names(ran, monkeypatch) -> None:
    testing.run(FakeStack("test"), ["unit"], lambda *_: None)
    assert ([name for name, _ in ran], FakeStack.made["test"]) == (["unit tests"], [])
    testing.run(FakeStack("test"), ["contract"], lambda *_: None)
    assert ran[1:] == [("contract tests", "test")]


def test_what_is_interrupted_begins_no_step_any_more(monkeypatch) -> None:
    begun: list[str] = []
    linting, interrupted = threading.Event(), threading.Event()

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        begun.append(" ".join(command))
        linting.set()
        assert interrupted.wait(30)
        return subprocess.CompletedProcess(command, 1, "", "")

    class Interrupted(FakeStack):
        def ensure(self, progress: object) -> None:
            assert linting.wait(30)
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                interrupted.set()

    monkeypatch.setattr(testing, "_INTERRUPTED", threading.Event())
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(model, "ensure_all_trained", lambda names: {})
    monkeypatch.setattr(model, "names", lambda: [])
    handler = signal.getsignal(signal.SIGINT)
    FakeStack.made = {}
    with pytest.raises(KeyboardInterrupt):
        testing.run(Interrupted("test"), [], lambda *_: None)
    assert len(begun) == 1
    assert FakeStack.made["test"] == ["clean", "stop"]
    assert signal.getsignal(signal.SIGINT) is handler
