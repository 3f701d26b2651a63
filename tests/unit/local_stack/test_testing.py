"""`make test` runs every part once, whatever the machine, and stops what it started."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from local_stack import model, paths, testing
from local_stack.testing import Result


class FakeStack:
    """Notes what is done to it."""

    made: ClassVar[dict[str, list[str]]] = {}

    def __init__(self, name: str) -> None:
        self.instance = SimpleNamespace(name=name)
        self.done = FakeStack.made.setdefault(name, [])

    def clean(self, _progress: object) -> None:
        self.done.append("clean")

    def ensure(self, names: object, progress: object) -> None:
        self.done.append("ensure")

    def stop(self, _progress: object) -> None:
        self.done.append("stop")

    def user_env(self) -> dict[str, str]:
        return {}

    def endpoints(self) -> dict[str, str]:
        return {"ditto_url": "http://127.0.0.1:1"}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...], str | None]]:
    """(name, arguments, stack) of each step that was run."""
    found: list[tuple[str, tuple[str, ...], str | None]] = []

    def run(name: str, arguments: object, environment: dict[str, str], *, beside: bool = False) -> Result:
        on_stack = "pytest" in str(arguments) and ("contract" in name or "e2e" in name)
        found.append((name, tuple(arguments), environment["RACKTWIN_STACK"] if on_stack else None))  # type: ignore[call-overload]
        return Result(name, "contract" not in name, 1.0)

    FakeStack.made = {}
    monkeypatch.setattr(testing, "_run", run)
    monkeypatch.setattr(testing, "Stack", FakeStack)
    monkeypatch.setattr(model, "ensure_all_trained", lambda names: {})
    monkeypatch.setattr(model, "names", lambda: [])
    return found


@pytest.mark.parametrize("cores", [4, 8])
def test_all_parts_run_once_and_every_stack_is_stopped(ran, monkeypatch, cores) -> None:
    monkeypatch.setattr(testing, "_cores", lambda: cores)
    results = testing.run(FakeStack("test"), [], lambda *_: None)
    assert Counter(name for name, _, _ in ran).most_common(1)[0][1] == 1
    assert [result.name for result in results if not result.ok] == ["contract tests"]
    names = {name for name, _, _ in ran}
    assert {"ruff", "mypy", "contract tests", "e2e tests"} <= names
    halves = {"unit tests that learn", "unit tests, the others"}
    assert names & (halves | {"unit tests"}) == (halves if cores == 8 else {"unit tests"})
    assert all(done == ["clean", "ensure", "stop"] for done in FakeStack.made.values())
    where = {name: stack for name, _, stack in ran if stack}
    assert where == {"contract tests": "test-contract" if cores == 8 else "test", "e2e tests": "test"}


def test_the_halves_of_the_unit_tests_leave_nothing_out_and_nothing_twice(ran, monkeypatch) -> None:
    monkeypatch.setattr(testing, "_cores", lambda: 8)
    testing.run(FakeStack("test"), [], lambda *_: None)
    arguments = {name: words for name, words, _ in ran}
    learning = {word for word in arguments["unit tests that learn"] if word.startswith("tests/")}
    ignored = {word.removeprefix("--ignore=") for word in arguments["unit tests, the others"] if "--ignore" in word}
    assert learning == ignored
    assert "tests/unit" in arguments["unit tests, the others"]
    assert all((Path(paths.repository()) / folder).is_dir() for folder in learning)


def test_a_part_alone_needs_no_more_than_it_names(ran, monkeypatch) -> None:
    monkeypatch.setattr(testing, "_cores", lambda: 8)
    testing.run(FakeStack("test"), ["unit"], lambda *_: None)
    assert ([name for name, _, _ in ran], FakeStack.made["test"]) == (["unit tests"], [])
    testing.run(FakeStack("test"), ["contract"], lambda *_: None)
    assert [(name, stack) for name, _, stack in ran[1:]] == [("contract tests", "test")]


def test_what_is_interrupted_begins_no_step_any_more(monkeypatch) -> None:
    begun: list[str] = []
    linting, interrupted = threading.Event(), threading.Event()

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        begun.append(" ".join(command))
        if "ruff" in command:
            linting.set()
            assert interrupted.wait(30)
        return subprocess.CompletedProcess(command, 1, "", "")

    class Interrupted(FakeStack):
        def ensure(self, names: object, progress: object) -> None:
            assert linting.wait(30)
            raise KeyboardInterrupt

    class Flag(threading.Event):
        def set(self) -> None:
            super().set()
            interrupted.set()

    monkeypatch.setattr(testing, "_INTERRUPTED", Flag())
    monkeypatch.setattr(testing, "_cores", lambda: 2)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(model, "ensure_all_trained", lambda names: {})
    monkeypatch.setattr(model, "names", lambda: [])
    FakeStack.made = {}
    with pytest.raises(KeyboardInterrupt):
        testing.run(Interrupted("test"), [], lambda *_: None)
    assert len(begun) == 1
    assert FakeStack.made["test"] == ["clean", "stop"]
