"""Redfish and Prometheus against peers that speak the real protocol, on loopback."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web
from tests.collectors.peers import exporter, redfish
from tests.unit.collector.helpers import HERE, NOW, config, serving, source, values

from collector import discovery
from collector.model import SourceError, Surroundings
from collector.redfish_drives import Drives
from collector.sources import make


def service(port: int, **more: Any) -> Any:
    """A source of the Redfish service at a port."""
    url = f"http://127.0.0.1:{port}"
    return source(protocol="redfish", url=url, user="collector", password={"env": "TEST_BMC"}, **more)


@pytest.mark.parametrize("generation", ["subsystem", "legacy"])
@pytest.mark.parametrize("session", [False, True])
async def test_redfish_reads_a_server_of_either_generation(
    generation: str, session: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mockup = redfish.Mockup(1, generation=generation, expand=session)
    monkeypatch.setenv("TEST_BMC", mockup.password)
    async with serving(mockup.application()) as port:
        server = service(port, session=session, thing="server-n1")
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


async def test_redfish_reads_each_drive_of_all_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    mockup = redfish.Mockup(1)
    monkeypatch.setenv("TEST_BMC", mockup.password)
    async with serving(mockup.application()) as port:
        server = service(port, thing="server-n1")
        found = values(await server.read(server.bindings))
        disks = {name: value for name, value in found.items() if name.startswith("drive.")}
        # An empty bay is none; of two drives with one id each has its storage's too.
        assert {name.partition("/")[0] for name in disks} == {"drive.Disk-Bay-0", "drive.RAID1-2", "drive.NVMe-2"}
        assert disks["drive.Disk-Bay-0/health"] == "failed"
        assert {name.partition("/")[2]: value for name, value in disks.items() if name.startswith("drive.NVMe-2")} == {
            "serial": "NVMe-2-1",
            "model": "Contoso D1",
            "mediaType": "SSD",
            "health": "passed",
            "capacity": 8e12,
            "temperature": 41.5,
            "powerOnHours": 1200.5,
            "reallocatedSectors": 3,
            "mediaErrors": 1,
            "percentageUsed": 63,
            "availableSpare": 98,
        }
        assert "thermal/inletTemperature" in found
        await server.close()


async def test_redfish_without_the_right_to_see_storage_reads_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    mockup = redfish.Mockup(1)
    monkeypatch.setenv("TEST_BMC", mockup.password)
    whole = mockup.resources

    def resources() -> dict[str, dict[str, Any]]:
        found = whole()
        # Answers that are no storage: a list, a text, links to nothing.
        found["/Systems/1/Storage/RAID1"]["Drives"] = [{"@odata.id": "/redfish/v1/nowhere"}, "text", {}]
        found["/Systems/1/Storage/NVMe"]["Drives"] = None
        return found

    monkeypatch.setattr(mockup, "resources", resources)
    async with serving(mockup.application()) as port:
        server = service(port, thing="server-n1")
        found = values(await server.read(server.bindings))
        assert "memory/total" in found
        assert not [name for name in found if name.startswith("drive.")]
        await server.close()


async def test_drives_that_there_is_no_time_for_are_asked_first_the_next_time() -> None:
    now, asked = [0.0], []

    async def get(path: str) -> Any:
        asked.append(path)
        now[0] += 1.0
        if path == "/d/2":
            raise SourceError("500")
        return {"Id": path}

    storages = {"Members": [{"Drives": [{"@odata.id": f"/d/{n}"} for n in range(6)]}]}
    drives = Drives(get, lambda: now[0])
    seen = [sorted(await drives.read(storages, now[0] + 2.5)) for _ in range(3)]
    assert seen == [["drive.0", "drive.1"], ["drive.3", "drive.4", "drive.5"], ["drive.0", "drive.1"]]
    with pytest.raises(SourceError):
        await Drives(get, lambda: now[0]).read({"Members": [{"Drives": [{"@odata.id": "/d/2"}]}]}, now[0] + 2.5)


async def test_a_drive_that_takes_too_long_holds_up_neither_the_others_nor_what_is_read_besides() -> None:
    async def get(path: str) -> Any:
        if path == "/d/1":
            # It never answers.
            await asyncio.Event().wait()
        return {"Id": path, "Status": "OK", "Metrics": [{"@odata.id": "/m"}]}

    storages: dict[str, Any] = {"Members": ["text", {"Drives": [{"@odata.id": f"/d/{n}"} for n in range(4)]}]}
    drives = Drives(get, time.monotonic)

    async def some() -> list[str]:
        return sorted(await drives.read(storages, time.monotonic() + 0.2))

    assert await some() == ["drive.0"]
    with pytest.raises(SourceError, match="/d/1 is not read within"):
        await some()
    assert await some() == ["drive.0", "drive.2", "drive.3"]
    with pytest.raises(SourceError, match="no time is left"):
        await drives.read(storages, time.monotonic())


async def test_redfish_logs_out_when_it_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    mockup = redfish.Mockup(1)
    monkeypatch.setenv("TEST_BMC", mockup.password)
    async with serving(mockup.application()) as port:
        server = service(port, session=True, thing="server-n1")
        for _ in range(2):
            assert await server.read(server.bindings)
            assert mockup.sessions == 1
            await server.close()
            assert mockup.sessions == 0


async def test_redfish_reads_a_rack_pdu(monkeypatch: pytest.MonkeyPatch) -> None:
    mockup = redfish.Mockup(kind="pdu")
    monkeypatch.setenv("TEST_BMC", mockup.password)
    async with serving(mockup.application()) as port:
        pdu = service(port, thing="rack-a", feed="A", sensor="top")
        found = values(await pdu.read(pdu.bindings))
        assert set(found) == {"power/powerA", "environment.top/temperature", "environment.top/relativeHumidity"}
        await pdu.close()


async def test_redfish_says_that_the_password_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_BMC", "wrong")
    async with serving(redfish.Mockup().application()) as port:
        server = service(port, thing="server-n1")
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

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=scrapes.pop(0))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
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
