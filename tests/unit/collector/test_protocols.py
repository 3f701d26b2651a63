"""Each plug-in against a peer that speaks the real protocol, on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.collectors.peers import exporter, modbus, redfish, snmp, thingsboard
from tests.unit.collector.helpers import NOW, source, sources, values
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from collector import check, discovery
from collector.model import ConfigError, Reading, SourceError, Surroundings

HERE = Surroundings("t", lambda: NOW)


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[int]:
    runner, port = await redfish.serve_application(application)
    try:
        yield port
    finally:
        await runner.cleanup()


# --- Modbus ---


async def test_modbus_reads_a_cooling_unit_by_its_map() -> None:
    server, port = await modbus.serve(2)
    try:
        unit = source(protocol="modbus", host="127.0.0.1", port=port, unit=2, thing="cooling-c1", map="cooling-unit")
        found = values(await unit.read(unit.bindings))
        assert 18 <= float(found["air/supplyTemperature"]) <= 20
        assert found["air/supplyHumidity"] == 45
        assert 7.4 <= float(found["air/airflow"]) <= 8.1
        assert found["control/mode"] == "auto"
        assert 3500 <= float(found["power/power"]) <= 4500
        assert found["power/energy"] == 1234.5
        await unit.close()
        stranger = source(
            protocol="modbus", host="127.0.0.1", port=port, unit=9, thing="cooling-c1", map="cooling-unit"
        )
        with pytest.raises(SourceError, match=r"unit 9|registers"):
            await stranger.read(stranger.bindings)
        await stranger.close()
    finally:
        await server.shutdown()


async def test_modbus_nobody_answers() -> None:
    unit = source(protocol="modbus", host="127.0.0.1", port=1, thing="cooling-c1", map="cooling-unit")
    with pytest.raises(SourceError, match="nobody answers"):
        await unit.read(unit.bindings)


# --- SNMP ---


@pytest.fixture
async def agent(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setenv("TEST_COMMUNITY", "not-public")
    monkeypatch.setenv("TEST_AUTH", "authenticates")
    monkeypatch.setenv("TEST_PRIV", "encrypts-it")
    one = snmp.Agent(lambda: snmp.apc(1), "not-public", user="ops", auth="authenticates", private="encrypts-it")
    yield await one.port()
    one.close()


V2 = {"community": {"env": "TEST_COMMUNITY"}}
V3 = {"version": "3", "user": "ops", "authPassword": {"env": "TEST_AUTH"}, "privPassword": {"env": "TEST_PRIV"}}


@pytest.mark.parametrize("login", [V2, V3])
async def test_snmp_reads_an_apc_pdu(agent: int, login: dict[str, Any]) -> None:
    pdu = source(
        protocol="snmp", host="127.0.0.1", port=agent, thing="rack-a", feed="A", sensor="top", map="apc-rpdu2", **login
    )
    found = values(await pdu.read(pdu.bindings))
    assert 4300 <= float(found["power/powerA"]) <= 5700
    assert 18 <= float(found["power/currentA"]) <= 25
    assert 22 <= float(found["environment.top/temperature"]) <= 25
    # -1 means that there is no humidity probe.
    assert "environment.top/relativeHumidity" not in found
    await pdu.close()


async def test_snmp_digits_come_from_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_COMMUNITY", "c")
    one = snmp.Agent(lambda: snmp.raritan(1), "c")
    try:
        pdu = source(
            protocol="snmp", host="127.0.0.1", port=await one.port(), thing="rack-a", feed="B", map="raritan-px", **V2
        )
        found = values(await pdu.read(pdu.bindings))
        assert found["power/voltageB"] == 231.5
        assert found["power/currentB"] == 12.987
        await pdu.close()
    finally:
        one.close()


async def test_snmp_a_wrong_community_is_silence(agent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_COMMUNITY", "public")
    pdu = source(
        protocol="snmp", host="127.0.0.1", port=agent, thing="rack-a", feed="A", map="apc-rpdu2", timeoutS=1, **V2
    )
    with pytest.raises(SourceError, match="before timeout"):
        await pdu.read(pdu.bindings)


async def test_snmp_discovery_knows_the_map(agent: int) -> None:
    (found,) = await discovery.discover("snmp", ["127.0.0.1"], ["community.env=TEST_COMMUNITY"], HERE, agent)
    assert (found.name, found.kind, found.map, found.rack) == ("pdu-01", "pdu", "apc-rpdu2", "Rack A03")


# --- Redfish ---


@pytest.mark.parametrize("generation", ["subsystem", "legacy"])
@pytest.mark.parametrize("session", [False, True])
async def test_redfish_reads_a_server_of_either_generation(
    generation: str, session: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mockup = redfish.Mockup(1, generation=generation, expand=session)
    monkeypatch.setenv("TEST_BMC", mockup.password)
    async with serving(mockup.application()) as port:
        server = source(
            protocol="redfish", url=f"http://127.0.0.1:{port}", user="collector", password={"env": "TEST_BMC"},
            session=session, thing="server-n1",
        )  # fmt: skip
        found = values(await server.read(server.bindings))
        assert 21 <= float(found["thermal/inletTemperature"]) <= 25
        assert float(found["thermal/cpuTemperature"]) > float(found["thermal/exhaustTemperature"]) > 30
        assert 300 <= float(found["power/power"]) <= 420
        assert float(found["fans/fanSpeed"]) > 1000
        assert found["memory/total"] == 256 * 1024**3
        # What was once found is asked for again, and nothing else.
        before = len(mockup.requests)
        again = await server.read([b for b in server.bindings if b.property == "power"])
        assert len(again) == 1 and len(mockup.requests) == before + 1
        await server.close()


async def test_redfish_reads_a_rack_pdu(monkeypatch: pytest.MonkeyPatch) -> None:
    mockup = redfish.Mockup(kind="pdu")
    monkeypatch.setenv("TEST_BMC", mockup.password)
    async with serving(mockup.application()) as port:
        pdu = source(
            protocol="redfish", url=f"http://127.0.0.1:{port}", user="collector", password={"env": "TEST_BMC"},
            thing="rack-a", feed="A", sensor="top",
        )  # fmt: skip
        found = values(await pdu.read(pdu.bindings))
        assert set(found) == {"power/powerA", "environment.top/temperature", "environment.top/relativeHumidity"}
        await pdu.close()


async def test_redfish_says_that_the_password_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_BMC", "wrong")
    async with serving(redfish.Mockup().application()) as port:
        server = source(
            protocol="redfish", url=f"http://127.0.0.1:{port}", user="collector", password={"env": "TEST_BMC"},
            thing="server-n1",
        )  # fmt: skip
        with pytest.raises(SourceError, match="401 Unauthorized"):
            await server.read(server.bindings)


async def test_redfish_discovery_places_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    mockup = redfish.Mockup(3)
    monkeypatch.setenv("TEST_BMC", mockup.password)
    options = ["user=collector", "password.env=TEST_BMC", "url=http://range"]
    async with serving(mockup.application()) as port:
        (found,) = await discovery.discover("redfish", ["127.0.0.1"], options, HERE, port)
    assert (found.name, found.kind, found.rack, found.row, found.unit, found.height) == (
        "node03", "server", "A03", "R1", 16.0, 2.0,
    )  # fmt: skip


# --- Prometheus ---


async def test_prometheus_scrapes_an_exporter_of_the_client_library() -> None:
    server, port = exporter.ipmi(1)
    bmc = source(protocol="prometheus", url=f"http://127.0.0.1:{port}/metrics", thing="server-n1", map="ipmi_exporter")
    found = values(await bmc.read(bmc.bindings))
    assert 330 <= float(found["power/power"]) <= 390
    assert 40 <= float(found["fans/fanSpeedPercent"]) <= 44
    assert float(found["thermal/cpuTemperature"]) > 60
    await bmc.close()
    server.shutdown()  # type: ignore[attr-defined]


async def test_prometheus_rates_and_formulas_of_node_exporter() -> None:
    clock = {"now": NOW}
    scrapes = [
        'node_cpu_seconds_total{cpu="0",mode="idle"} 100\nnode_cpu_seconds_total{cpu="1",mode="idle"} 100\n'
        'node_cpu_seconds_total{cpu="0",mode="user"} 7\nnode_memory_MemTotal_bytes 1.6e+10\n'
        'node_memory_MemAvailable_bytes 4e+09\nnode_network_receive_bytes_total{device="eth0"} 1000\n'
        'node_network_receive_bytes_total{device="lo"} 5\n',
        'node_cpu_seconds_total{cpu="0",mode="idle"} 101\nnode_cpu_seconds_total{cpu="1",mode="idle"} 102\n'
        "node_memory_MemTotal_bytes 1.6e+10\nnode_memory_MemAvailable_bytes NaN\n"
        'node_network_receive_bytes_total{device="eth0"} 5000\nnode_network_receive_bytes_total{device="lo"} 9999\n',
    ]
    from aiohttp import web

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=scrapes.pop(0))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    from tests.unit.collector.helpers import config

    from collector.sources import make

    async with serving(app) as port:
        entry = {
            "name": "n", "protocol": "prometheus", "url": f"http://127.0.0.1:{port}/metrics", "thing": "server-n1",
            "map": "node_exporter",
        }  # fmt: skip
        (made,) = make(config(entry), Surroundings("t", lambda: clock["now"]))
        node: Any = made.source
        first = values(await node.read(node.bindings))
        assert first == {"memory/total": 1.6e10, "memory/used": 1.2e10, "memory/utilization": 75}
        clock["now"] += 2000
        second = values(await node.read(node.bindings))
        assert second == {"memory/total": 1.6e10, "cpu/utilization": 25, "network/rx": 2000}
        await node.close()


async def test_prometheus_snmp_exporter_of_a_pdu() -> None:
    server, port = exporter.snmp(1)
    pdu = source(
        protocol="prometheus", url=f"http://127.0.0.1:{port}/snmp?target=192.0.2.7", thing="rack-a", feed="A",
        map="snmp_exporter-apc-rpdu2",
    )  # fmt: skip
    found = values(await pdu.read(pdu.bindings))
    assert 4400 <= float(found["power/powerA"]) <= 5200
    await pdu.close()
    server.shutdown()  # type: ignore[attr-defined]


# --- ThingsBoard ---


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


# --- Push ---


async def test_push_takes_posts_and_frames_with_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TOKEN", "let-me-in")
    one = source(
        protocol="push", port=0, wsPort=_free_port(), token={"env": "TEST_TOKEN"},
        devices=[{"device": "probe-7", "thing": "rack-a", "sensor": "top"}],
        points=[{"feature": "environment.{sensor}", "property": "temperature", "unit": "[degF]", "path": "t"}],
    )  # fmt: skip
    taken: list[Reading] = []
    listening = asyncio.create_task(one.listen(taken.extend))
    while one.address[1] == 0:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{one.address[1]}/readings"
    token = {"Authorization": "Bearer let-me-in"}

    def post(body: Any, headers: dict[str, str], path: str = "") -> requests.Response:
        return requests.post(url + path, json=body, headers=headers, timeout=5)

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


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- files ---


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
async def test_files_are_sent_once(suffix: str, tmp_path: Path) -> None:
    import pandas as pd

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


# --- what is wrong with an entry ---


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"protocol": "telepathy"}, "expected one of files, modbus"),
        ({"protocol": "modbus", "thing": "rack-a", "host": "h"}, "no value of it applies"),
        ({"protocol": "modbus", "thing": "rack-a", "host": "h", "map": "none"}, "those shipped: cooling-unit"),
        ({"protocol": "modbus", "thing": "rack-a", "hosts": "h"}, "unknown field|missing required field"),
        ({"protocol": "snmp", "thing": "rack-a", "host": "h", "map": "apc-rpdu2"}, "community: expected"),
        ({"protocol": "snmp", "thing": "rack-a", "host": "h", "community": "public"}, "Expected `object"),
        ({"protocol": "prometheus", "thing": "server-a", "url": "host:9100", "map": "node_exporter"}, "http://host"),
        ({"protocol": "redfish", "thing": "cooling-a", "host": "h"}, "no value of it applies"),
    ],
)
def test_a_wrong_entry_is_named(entry: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text) as raised:
        sources({"name": "that-one", **entry})
    assert str(raised.value).startswith("collectors[0] (that-one): ")
