"""Modbus and SNMP against peers that speak the real protocol, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.collectors.peers import modbus, snmp
from tests.unit.collector.helpers import HERE, source, values

from collector import discovery
from collector.model import SourceError


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
