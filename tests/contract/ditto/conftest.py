"""What Racktwin needs of Ditto, as tests: on ditto_lite by default, on any Ditto with ``DITTO_URL``.

``DITTO_SUBJECT`` (pre-authenticated) or ``DITTO_USER`` and ``DITTO_PASSWORD`` say who calls, ``DITTO_DEVOPS_USER`` and
``DITTO_DEVOPS_PASSWORD`` who may manage connections. Kafka is the one of ``RACKTWIN_KAFKA_BOOTSTRAP``; a Ditto that
knows it by another address is told ``DITTO_KAFKA_BOOTSTRAP``. One subject is enough: tests of permissions change the
policy instead of the caller.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from aiohttp import web

from ditto_lite.app import Options, Service
from racktwin.process import epoch_ms

T = TypeVar("T")
EVERYTHING = {f"{kind}:/": {"grant": ["READ", "WRITE"], "revoke": []} for kind in ("thing", "policy", "message")}
MERGE = "application/merge-patch+json"


def eventually(what: Callable[[], T | None], within_s: float = 60.0) -> T:
    """The first true result of ``what``, asked for again and again; search and connections take their time."""
    deadline = time.monotonic() + within_s
    while True:
        result = what()
        if result:
            return result
        assert time.monotonic() < deadline, f"nothing within {within_s} s; last: {result!r}"
        time.sleep(0.05)


@dataclass
class Ditto:
    """A Ditto and the one who calls it."""

    url: str
    session: requests.Session
    devops: requests.Session
    namespace: str
    subject: str = ""
    made: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Call ``/api/2<path>``; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "PATCH":
            named.setdefault("content-type", MERGE)
        session = self.devops if path.startswith("/connections") else self.session
        data = {} if body is None and method != "PATCH" else {"json": body}
        if method == "PUT" and body is not None and path.count("/") == 2:
            self.made.append(path)
        return session.request(method, f"{self.url}/api/2{path}", headers=named, timeout=70, **data)

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET."""
        return self.call("GET", path, **headers)

    def put(self, path: str, body: Any, **headers: str) -> requests.Response:
        """PUT."""
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> requests.Response:
        """PATCH."""
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> requests.Response:
        """DELETE."""
        return self.call("DELETE", path, **headers)

    def new_id(self, name: str = "x") -> str:
        """A fresh id in the namespace of this run."""
        return f"{self.namespace}:{name}-{uuid.uuid4().hex[:12]}"

    def new_policy(self, resources: dict[str, Any] | None = None, **more: Any) -> str:
        """A policy of which the caller keeps control, with an entry ``mine`` for what else it may do."""
        policy = self.new_id("policy")
        keeper = {"policy:/": {"grant": ["READ", "WRITE"], "revoke": []}}
        entries = {
            "keeper": {"subjects": {self.subject: {"type": "test"}}, "resources": keeper, "importable": "never"},
            "mine": {"subjects": {self.subject: {"type": "test"}}, "resources": resources or EVERYTHING},
        }
        answer = self.put(f"/policies/{policy}", {"entries": entries, **more})
        assert answer.status_code == 201, answer.text
        return policy

    def allow(self, policy: str, resources: dict[str, Any]) -> None:
        """From now on the caller may do exactly this with the policy's things."""
        entry = {"subjects": {self.subject: {"type": "test"}}, "resources": resources}
        assert self.put(f"/policies/{policy}/entries/mine", entry).status_code == 204

    def new_thing(self, policy: str | None = None, **parts: Any) -> str:
        """A thing of the given attributes, features …"""
        thing = self.new_id("thing")
        answer = self.put(f"/things/{thing}", {"policyId": policy or self.new_policy(), **parts})
        assert answer.status_code == 201, answer.text
        return thing

    def clean(self) -> None:
        """Delete what was made; policies last."""
        for path in sorted(set(self.made), key=lambda each: each.startswith("/policies")):
            if path.startswith("/policies/"):
                self.put(f"{path}/entries/mine", {"subjects": {self.subject: {"type": "t"}}, "resources": EVERYTHING})
        for path in sorted(set(self.made), key=lambda each: each.startswith("/policies")):
            self.delete(path)


class LiteThread:
    """ditto_lite in a thread of this process, with an event loop of its own."""

    def __init__(self, db: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._options = Options(db)
        self.url = ""
        self._thread = threading.Thread(target=self._run, name="ditto-lite")
        self._thread.start()
        assert self._ready.wait(60), "ditto_lite did not start"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        service = Service(self._options, epoch_ms)
        runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        await service.connections.start()
        self._ready.set()
        await self._stop.wait()
        service.streams.close()
        await runner.cleanup()
        await service.close()

    def stop(self) -> None:
        """Stop and wait."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)


def _session(user: str | None, password: str | None, subject: str | None) -> requests.Session:
    session = requests.Session()
    if user is not None:
        session.auth = (user, password or "")
    else:
        session.headers["x-ditto-pre-authenticated"] = subject or "nginx:contract"
    return session


@pytest.fixture(scope="session")
def ditto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Ditto to test."""
    if url := os.environ.get("DITTO_URL"):
        yield url.rstrip("/")
        return
    lite = LiteThread(tmp_path_factory.mktemp("ditto") / "twins.sqlite")
    yield lite.url
    lite.stop()


@pytest.fixture(scope="session")
def ditto(ditto_url: str) -> Iterator[Ditto]:
    """A caller in a namespace of its own."""
    env = os.environ
    session = _session(env.get("DITTO_USER"), env.get("DITTO_PASSWORD"), env.get("DITTO_SUBJECT"))
    devops = session
    if "DITTO_DEVOPS_USER" in env:
        devops = _session(env["DITTO_DEVOPS_USER"], env.get("DITTO_DEVOPS_PASSWORD"), None)
    caller = Ditto(ditto_url, session, devops, f"racktwin.contract{uuid.uuid4().hex[:8]}")
    caller.subject = caller.get("/whoami").json()["defaultSubject"]
    yield caller
    caller.clean()


@pytest.fixture
def problem() -> Callable[[requests.Response, int, str], dict[str, Any]]:
    """Checks an error: status and code, and that it has Ditto's form."""

    def check(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        assert (body["status"], body["error"]) == (status, code), body
        assert body["message"]
        return body

    return check


@pytest.fixture(scope="session", name="eventually")
def _eventually() -> Callable[..., Any]:
    """:func:`eventually`, for tests."""
    return eventually


@pytest.fixture(scope="session", name="everything")
def _everything() -> dict[str, Any]:
    """All permissions on all resources."""
    return EVERYTHING
