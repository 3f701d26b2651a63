"""A console on a fleet in memory, with a history and a Ditto that answer what a test says."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from console import users
from console.access import Services
from console.app import build
from console.live import Hub
from console.sessions import Sessions
from console.settings import ConsoleSettings
from console.users import LocalUsers
from racktwin.fleet import Fleet

NOW = 1_780_000_000_000


def thing(kind: str, name: str, *, site: str = "berlin", features: dict[str, Any] | None = None, **attributes: Any):
    return {
        "thingId": f"racktwin.{site}:{kind}-{name}",
        "policyId": f"racktwin.{site}:base",
        "attributes": {"name": name, "site": site, **attributes},
        "features": {key: {"properties": value} for key, value in (features or {}).items()},
        "_revision": 5,
    }


class FakeHistory:
    """Answers what it is given and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: Any = {}

    def _ask(self, *arguments: Any, **_options: Any) -> Any:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    series = predictions = states = inlets = alerts = records = report = extent = scenario = _ask


class FakeDitto:
    """Remembers requests; answers with a status."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.status = 204

    def request(self, method: str, path: str, *, json: Any = None, **_: Any) -> Any:
        self.requests.append((method, path, json))
        return SimpleNamespace(ok=self.status < 400, status_code=self.status, text="")


class FakeJournal:
    """Remembers records, or fails."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.problem: Exception | None = None

    def note(self, record: Any) -> None:
        if self.problem is not None:
            raise self.problem
        self.records.append(record)


class FakeQuestions:
    """Answers what it is given."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answers: dict[str, Any] = {}

    def ask(self, question: str, *arguments: Any, **more: Any) -> Any:
        self.asked.append((question, *arguments, more))
        answer = self.answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeScenarios:
    """Scenarios in memory."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.made: list[tuple[str, str, dict[str, Any], str]] = []

    def list(self, _site: str) -> list[dict[str, Any]]:
        return self.items

    def create(self, site: str, name: str, spec: dict[str, Any], who: str) -> dict[str, Any]:
        self.made.append((site, name, spec, who))
        return {"metadata": {"name": name}}

    def delete(self, site: str, name: str) -> None:
        self.made.append((site, name, {}, "deleted"))


class Console:
    """The application and what is behind it."""

    def __init__(self, folder) -> None:
        self.users_file = folder / "users.json"
        self.passwords = {
            role: users.add(self.users_file, role, role, ["berlin"]) for role in ("viewer", "operator", "engineer")
        }
        self.fleet = Fleet("berlin")
        self.fleet.put(thing("site", "berlin", displayName="Berlin", ashraeClass="A1", history={"fullDays": 14}))
        self.fleet.put(thing("room", "hall-a", location="hall-a", width=12, depth=9, height=3))
        air = {"environment.top": {"temperature": 23.4, "observedAt": NOW}}
        self.fleet.put(thing("rack", "r1", location="hall-a", serial="SN-7", features=air))
        control = {"control": {"setpoint": 20.0, "fanSpeed": 60.0}}
        self.fleet.put(thing("cooling", "crah-1", location="hall-a", features=control))
        elsewhere = Fleet("paris")
        elsewhere.put(thing("rack", "p1", site="paris", location="salle"))
        self.feed = SimpleNamespace(fleets={"berlin": self.fleet, "paris": elsewhere}, state="live")
        self.history = FakeHistory()
        self.ditto = FakeDitto()
        self.journal = FakeJournal()
        self.questions = FakeQuestions()
        self.scenarios = FakeScenarios()
        settings = ConsoleSettings(console_session_key="k" * 40, console_logins_per_minute=5)
        self.sessions = Sessions("k" * 40, 1)
        self.services = Services(
            settings=settings,
            sessions=self.sessions,
            users=LocalUsers(self.users_file),
            feed=self.feed,
            hub=Hub(self.feed, 0.05, lambda: NOW),
            history=self.history,
            ditto=lambda: self.ditto,
            clock=lambda: NOW,
            journal=self.journal,
            questions=self.questions,
            scenarios=self.scenarios,
        )
        self.app = build(self.services)
        self.lock = threading.Lock()

    def client(self, role: str | None = None) -> TestClient:
        """A browser, signed in as a role."""
        client = TestClient(self.app, base_url="http://testserver")
        if role is not None:
            answer = client.post("/api/v1/session", json={"user": role, "password": self.passwords[role]})
            assert answer.status_code == 201, answer.text
            client.headers["x-csrf-token"] = answer.json()["csrf"]
        return client


@pytest.fixture
def console(tmp_path, monkeypatch) -> Console:
    # Hashes that cost nothing: dozens of users are made here.
    monkeypatch.setattr(users, "_N", 2)
    return Console(tmp_path)
