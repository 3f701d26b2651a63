"""ThingsBoard against a peer that speaks the real protocol, what is pushed, and files, on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import ssl
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from tests.collectors.peers import thingsboard
from tests.unit.collector.helpers import NOW, serving, source, sources, values
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from collector import check
from collector.model import Reading, SourceError
from provision import pki
from racktwin.ports import free_port


def board(server: thingsboard.Server, port: int, **more: Any) -> Any:
    devices = [
        {"device": "sensor-00", "thing": "rack-a", "sensor": "top"},
        {"device": server.ids["sensor-01"], "thing": "rack-a", "sensor": "bottom"},
    ]
    return source(
        protocol="thingsboard", url=f"http://127.0.0.1:{port}", user=server.user, password={"env": "TEST_TB"},
        devices=devices, **more,
    )  # fmt: skip


@pytest.fixture
async def tb(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[thingsboard.Server, int]]:
    server = thingsboard.Server(2, interval_s=0.1)
    monkeypatch.setenv("TEST_TB", server.password)
    async with serving(server.application()) as port:
        yield server, port


async def test_thingsboard_rest(tb: tuple[thingsboard.Server, int]) -> None:
    server, port = tb
    one = board(server, port, mode="rest")
    found = values(await one.read(one.bindings))
    assert set(found) == {
        f"environment.{p}/{n}" for p in ("top", "bottom") for n in ("temperature", "relativeHumidity")
    }
    # The token ran out: it logs in again by itself.
    server.tokens.clear()
    assert len(await one.read(one.bindings)) == 4
    assert server.logins == 2
    await one.close()


async def test_thingsboard_websocket(tb: tuple[thingsboard.Server, int]) -> None:
    server, port = tb
    (row,) = await check.check(sources_of(board_entry(server, port)), 4.0)
    assert row["ok"] and len(row["readings"]) == 4 and not row["missing"]


async def test_thingsboard_an_unknown_device_is_named(tb: tuple[thingsboard.Server, int]) -> None:
    server, port = tb
    one = board(server, port, mode="rest")
    server.ids.pop("sensor-00")
    with pytest.raises(SourceError, match="no device called 'sensor-00'"):
        await one.read(one.bindings)


def test_thingsboard_the_table_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("device,thing,sensor\nsensor-00,rack-a,top\nsensor-01,rack-b,bottom\n")
    (made,) = sources(
        {
            "name": "tb", "protocol": "thingsboard", "url": "http://127.0.0.1:1", "user": "u",
            "password": {"env": "TEST_TB"}, "devicesFile": "places.csv",
        },
        folder=tmp_path,
    )  # fmt: skip
    things = {(b.thing, b.feature) for b in made.source.bindings}  # type: ignore[union-attr]
    assert things == {("racktwin.t:rack-a", "environment.top"), ("racktwin.t:rack-b", "environment.bottom")}


def board_entry(server: thingsboard.Server, port: int) -> dict[str, Any]:
    return {
        "name": "tb", "protocol": "thingsboard", "url": f"http://127.0.0.1:{port}", "user": server.user,
        "password": {"env": "TEST_TB"},
        "devices": [
            {"device": "sensor-00", "thing": "rack-a", "sensor": "top"},
            {"device": "sensor-01", "thing": "rack-a", "sensor": "bottom"},
        ],
    }  # fmt: skip


def sources_of(entry: dict[str, Any]) -> Any:
    return sources(entry)


async def both_listen(one: Any) -> None:
    """Until a push's HTTP and its WebSocket take connections."""
    while one.address[1] == 0:
        await asyncio.sleep(0.01)
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", one.ws_port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


async def test_push_takes_posts_and_frames_with_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TOKEN", "let-me-in")
    one = source(
        protocol="push", port=0, wsPort=free_port(), token={"env": "TEST_TOKEN"},
        devices=[{"device": "probe-7", "thing": "rack-a", "sensor": "top"}],
        points=[{"feature": "environment.{sensor}", "property": "temperature", "unit": "[degF]", "path": "t"}],
    )  # fmt: skip
    taken: list[Reading] = []
    listening = asyncio.create_task(one.listen(taken.extend))
    await both_listen(one)
    url = f"http://127.0.0.1:{one.address[1]}/readings"
    token = {"Authorization": "Bearer let-me-in"}

    def post(body: Any, headers: dict[str, str], path: str = "") -> requests.Response:
        return requests.post(url + path, json=body, headers=headers, timeout=60)

    message = {"device": "probe-7", "t": 77, "time": NOW / 1000}
    answer = await asyncio.to_thread(post, [message, {"device": "stranger", "t": 1}], token)
    assert (answer.status_code, answer.json()) == (202, {"readings": 1, "unknown": ["stranger"]})
    assert taken == [Reading("racktwin.t:rack-a", "environment.top", "temperature", 25.0, NOW)]
    assert (await asyncio.to_thread(post, message, {})).status_code == 401
    assert (await asyncio.to_thread(post, message, token, "/other")).status_code == 404
    assert (await asyncio.to_thread(post, {"device": "stranger"}, token)).status_code == 422
    ws = f"ws://127.0.0.1:{one.ws_port}/"
    async with connect(ws, additional_headers=token, proxy=None) as socket:
        await socket.send(json.dumps({**message, "time": NOW / 1000 + 1}))
        assert json.loads(await socket.recv()) == {"readings": 1, "unknown": []}
    assert taken[-1].time == NOW + 1000
    with pytest.raises(InvalidStatus, match="401"):
        async with connect(ws, proxy=None):
            pass
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
async def test_files_are_sent_once(suffix: str, tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "time": pd.to_datetime([NOW, NOW + 1000, NOW + 2000], unit="ms", utc=True),
            "rack": ["r1", "r2", "r3"],
            "top": [20.0, 21.0, None],
        }
    )
    if suffix == "csv":
        table.to_csv(tmp_path / "a.csv", index=False)
    else:
        table.to_parquet(tmp_path / "a.parquet")
    entry = {
        "name": "old", "protocol": "files", "pattern": f"*.{suffix}", "ledger": "ledger.json", "device": "rack",
        "once": True,
        "devices": [{"device": f"r{n}", "thing": f"rack-{name}"} for n, name in ((1, "a"), (2, "b"), (3, "c"))],
        "points": [{"feature": "environment.top", "property": "temperature", "path": "top"}],
    }  # fmt: skip
    for expected in ([(20.0, NOW), (21.0, NOW + 1000)], []):
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        (row,) = await check.check(sources(entry, folder=tmp_path), 0.2)
        assert [(r["value"], r["time"]) for r in row["readings"]] == expected
        assert row["ok"] and ("was sent before" in check.text([row])) is not bool(expected)
        # A check leaves no trace.
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
        (made,) = sources(entry, folder=tmp_path)
        taken: list[Reading] = []
        listening = asyncio.create_task(made.source.listen(taken.extend))  # type: ignore[union-attr]
        for _ in range(600):
            await asyncio.sleep(0.01)
            if (tmp_path / "ledger.json").exists() and '"whole": 1.0' in (tmp_path / "ledger.json").read_text():
                break
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert [(r.value, r.time) for r in taken] == expected


async def test_a_check_of_files_shows_the_first_rows_and_each_device(tmp_path: Path) -> None:
    rows = [f"{NOW + at * 1000},r1,{at}" for at in range(100)] + [f"{NOW},r2,7"] * 3 + [f"{NOW},r1,8"] * 5000
    (tmp_path / "a.csv").write_text("time,rack,top\n" + "\n".join(rows) + "\n")
    entry = {
        "name": "old", "protocol": "files", "pattern": "*.csv", "ledger": "no/ledger.json", "device": "rack",
        "devices": [{"device": f"r{n}", "thing": f"rack-r{n}"} for n in (1, 2, 3)],
        "points": [{"feature": "environment.top", "property": "temperature", "path": "top"}],
    }  # fmt: skip
    (row,) = await check.check(sources(entry, folder=tmp_path))
    assert [(r["thing"], r["value"]) for r in row["readings"]] == [
        *(("racktwin.t:rack-r1", float(at)) for at in range(10)), ("racktwin.t:rack-r2", 7.0),
    ]  # fmt: skip
    assert row["missing"] == ["racktwin.t:rack-r3 environment.top/temperature"]
    assert "7.0 Cel  2026-01-01T00:00:00Z" in check.text([row])
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    (row,) = await check.check(sources({**entry, "pattern": "b.csv"}, folder=tmp_path))
    assert not row["ok"] and "b.csv: no file of that name" in row["error"]


async def test_a_push_over_tls_takes_up_a_renewed_certificate_on_both_ports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_TOKEN", "let-me-in")
    now = dt.datetime.now(dt.UTC)
    authority = pki.make_authority("test", now)

    def issue(days: int) -> None:
        for name, content in pki.issue(authority, "localhost", ["localhost"], now, days).items():
            (tmp_path / name).write_bytes(content)

    issue(10)
    one = source(
        protocol="push", port=0, wsPort=free_port(), token={"env": "TEST_TOKEN"}, devices=[{"thing": "rack-a"}],
        tlsCert=str(tmp_path / "tls.crt"), tlsKey=str(tmp_path / "tls.key"), device="none",
        points=[{"feature": "environment.top", "property": "temperature", "path": "t"}],
    )  # fmt: skip
    taken: list[Reading] = []
    listening = asyncio.create_task(one.listen(taken.extend))
    await both_listen(one)
    trust = ssl.create_default_context(cadata=authority.data()["tls.crt"].decode())
    token = {"Authorization": "Bearer let-me-in"}

    async def ends() -> str:
        url = f"wss://localhost:{one.ws_port}/"
        async with connect(url, additional_headers=token, proxy=None, ssl=trust, host="127.0.0.1") as socket:
            await socket.send('{"t": 20}')
            assert json.loads(await socket.recv())["readings"] == 1
            return str(socket.transport.get_extra_info("peercert")["notAfter"])

    def post() -> int:
        request = urllib.request.Request(f"https://localhost:{one.address[1]}/readings", b'{"t": 21}', token)
        with urllib.request.urlopen(request, context=trust, timeout=60) as answer:
            return int(answer.status)

    first = await ends()
    assert await asyncio.to_thread(post) == 202
    issue(90)
    assert await ends() != first
    assert [reading.value for reading in taken] == [20.0, 21.0, 20.0]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_pattern_of_files_may_be_absolute(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"time,top\n{NOW},20\n")
    (made,) = sources(
        {
            "name": "old", "protocol": "files", "pattern": f"{tmp_path}/*.csv", "ledger": "l",
            "devices": [{"thing": "rack-a"}],
            "points": [{"feature": "environment.top", "property": "temperature", "path": "top"}],
        },
        folder=tmp_path / "elsewhere",
    )  # fmt: skip
    (row,) = await check.check([made])
    assert [r["value"] for r in row["readings"]] == [20.0]
