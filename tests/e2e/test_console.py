"""Somebody signs in to the console, sees the room as it is, and what changes without asking again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.e2e.harness import Harness, eventually
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect


class Browser:
    """What a browser does, without its pictures."""

    def __init__(self, site: Harness, role: str) -> None:
        self.url = site.endpoints["console_url"]
        self.session = requests.Session()
        password = Path(site.endpoints["console_password_files"][role]).read_text(encoding="utf-8")
        answer = self.session.post(f"{self.url}/api/v1/session", json={"user": role, "password": password}, timeout=60)
        answer.raise_for_status()
        self.session.headers["x-csrf-token"] = answer.json()["csrf"]

    def get(self, path: str, **params: object) -> requests.Response:
        return self.session.get(f"{self.url}/api/v1{path}", params=params, timeout=60)

    def live(self, site: str, *, origin: str | None = None) -> ClientConnection:
        cookies = "; ".join(f"{name}={value}" for name, value in self.session.cookies.items())
        return connect(
            f"{self.url.replace('http', 'ws', 1)}/api/v1/sites/{site}/live",
            additional_headers={"cookie": cookies, "origin": origin or self.url},
        )


@pytest.fixture(scope="module")
def viewer(site: Harness, ready_rack: str) -> Iterator[Browser]:
    browser = Browser(site, "viewer")
    eventually(lambda: site.site in {each["name"] for each in browser.get("/sites").json()}, "the site in the console")
    yield browser
    browser.session.close()


def test_the_room_is_seen_as_it_is(site: Harness, ready_rack: str, viewer: Browser) -> None:
    def rack() -> dict[str, object] | None:
        things = viewer.get(f"/sites/{site.site}/things", room="hall").json()["things"]
        return next((each for each in things if each["id"] == site.thing("rack", ready_rack)), None)

    found = eventually(rack, "the rack in the console")
    assert found["kind"] == "rack"
    assert found["attributes"]["position"] == {"x": 1.0, "y": 2.0, "z": 0.0, "yawDeg": 0.0}


def test_a_change_comes_by_itself(site: Harness, ready_rack: str, viewer: Browser) -> None:
    thing = site.thing("rack", ready_rack)
    with viewer.live(site.site) as socket:
        assert json.loads(socket.recv(timeout=60))["type"] == "hello"
        path = f"/api/2/things/{thing}/features/indices"
        site.ditto.request("PUT", path, json={"properties": {"ashraeState": "allowable"}}).raise_for_status()

        def told() -> bool:
            message = json.loads(socket.recv(timeout=60))
            changed = message.get("things", {}).get(thing, {}).get("indices") or {}
            return bool(changed.get("properties", {}).get("ashraeState") == "allowable")

        eventually(told, "the change by WebSocket")


def test_another_sites_page_and_another_site_are_told_nothing(site: Harness, viewer: Browser) -> None:
    for name, origin in ((site.site, "https://evil.example"), ("nowhere", None)):
        with pytest.raises((ConnectionClosed, InvalidStatus)), viewer.live(name, origin=origin) as socket:
            socket.recv(timeout=60)


def test_a_viewer_changes_nothing(site: Harness, viewer: Browser) -> None:
    path = f"{viewer.url}/api/v1/sites/{site.site}/scenarios"
    question = {"room": "hall", "whatIf": {"durationS": 900, "eachUnitFails": True}}
    assert viewer.session.post(path, json=question, timeout=60).status_code == 403


def test_what_an_engineer_does_is_in_the_audit(site: Harness, ready_rack: str, viewer: Browser) -> None:
    engineer = Browser(site, "engineer")
    path = f"{engineer.url}/api/v1/sites/{site.site}/rooms/hall/optimisation/mode"
    eventually(lambda: engineer.session.put(path, json={"mode": "advise"}, timeout=60).status_code == 204, "the switch")

    def noted() -> bool:
        entries = viewer.get(f"/sites/{site.site}/log/action", **{"from": 0, "to": 4_000_000_000_000}).json()
        return any(each["event"] == "optimiser mode" and each["who"] == "engineer" for each in entries)

    eventually(noted, "the audit of it")
