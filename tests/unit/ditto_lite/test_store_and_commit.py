"""Durability: what was acknowledged is there after a restart, also after kill -9; events come after the commit."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ditto_lite.app import Options, Service
from ditto_lite.commands import Command
from ditto_lite.store import Row, Store

OWNER = ("nginx:owner",)


def clock() -> int:
    return 1_800_000_000_000


def test_rows_survive(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "db.sqlite")
    store.write([Row("thing", "a:b", 3, 1, 2, b"{}"), Row("policy", "a:p", 1, 1, 1, None)])
    store.write([Row("thing", "a:b", 4, 1, 3, b'{"x":1}')])
    store.close()
    again = Store(tmp_path / "deep" / "db.sqlite")
    assert list(again.load("thing")) == [Row("thing", "a:b", 4, 1, 3, b'{"x":1}')]
    assert next(iter(again.load("policy"))).document is None
    again.close()


async def test_state_survives_a_restart(tmp_path: Path) -> None:
    service = Service(Options(tmp_path / "db"), clock)
    body = {"attributes": {"a": 1}}
    service.twin.execute(Command("modify", "ns:t", (), OWNER, body))
    service.twin.execute(Command("modify", "ns:gone", (), OWNER, body))
    service.twin.execute(Command("delete", "ns:gone", (), OWNER))
    await service.close()
    again = Service(Options(tmp_path / "db"), clock)
    assert again.twin.execute(Command("retrieve", "ns:t", (), OWNER)).body["attributes"] == {"a": 1}
    assert again.twin.execute(Command("modify", "ns:gone", (), OWNER, {"policyId": "ns:t"})).revision == 3
    await again.close()


async def test_events_come_after_the_commit_in_order(tmp_path: Path) -> None:
    service = Service(Options(tmp_path / "db"), clock)
    seen: list[tuple[int, int]] = []
    reader = sqlite3.connect(tmp_path / "db")

    def on_event(event: Any) -> None:
        stored = reader.execute(
            "SELECT revision FROM entities WHERE kind = 'thing' AND id = ?", (event.thing_id,)
        ).fetchone()
        seen.append((event.revision, stored[0] if stored else 0))

    service.services.bus.on_event.append(on_event)
    service.twin.execute(Command("modify", "ns:t", (), OWNER, {}))
    waiting = []
    for number in range(20):
        service.twin.execute(Command("modify", "ns:t", ("attributes", "n"), OWNER, number))
        waiting.append(asyncio.create_task(service.committer.durable()))
        if number % 5 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert [revision for revision, _ in seen] == list(range(1, 22))
    assert all(stored >= revision for revision, stored in seen)
    reader.close()
    await service.close()


async def test_a_disk_that_cannot_be_written_fails_everybody_who_waits(tmp_path: Path) -> None:
    service = Service(Options(tmp_path / "db"), clock)
    told: list[BaseException] = []
    service.committer.on_failure = told.append
    service.store.close()
    service.twin.execute(Command("modify", "ns:t", (), OWNER, {}))
    with pytest.raises(sqlite3.Error):
        await service.committer.durable()
    with pytest.raises(sqlite3.Error):
        await service.committer.durable()
    assert len(told) == 1


class Process:
    """ditto_lite as a process."""

    def __init__(self, db: Path) -> None:
        environment = {**os.environ, "RACKTWIN_DITTO_LITE_PORT": "0", "RACKTWIN_DITTO_LITE_DB": str(db)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ditto_lite"], env=environment, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            told = json.loads(line) if line.startswith("{") else {}
            if "address" in told:
                self.url = f"http://127.0.0.1:{told['address'][1]}"
                break
        else:
            raise AssertionError("ditto_lite did not say where it listens")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"x-ditto-pre-authenticated": "nginx:owner", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/2{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            payload = answer.read()
        return json.loads(payload) if payload else None

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def test_kill_9_loses_no_acknowledged_write(tmp_path: Path) -> None:
    first = Process(tmp_path / "db")
    for writer in range(4):
        first.call("PUT", f"/things/ns:w{writer}", {"attributes": {"n": -1}})
    acknowledged = [-1] * 4

    def write(writer: int) -> None:
        for number in range(1_000_000):
            try:
                first.call("PUT", f"/things/ns:w{writer}/attributes/n", number)
            except OSError:
                return
            acknowledged[writer] = number

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    first.end(signal.SIGKILL)
    for thread in threads:
        thread.join(60)
    second = Process(tmp_path / "db")
    try:
        assert min(acknowledged) > 0
        for writer in range(4):
            kept = second.call("GET", f"/things/ns:w{writer}/attributes/n")
            assert kept in (acknowledged[writer], acknowledged[writer] + 1)
    finally:
        assert second.end(signal.SIGTERM) == 0
