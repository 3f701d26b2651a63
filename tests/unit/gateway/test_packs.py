"""Packs: SenML that ingest understands, in the catalogue's names and units."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.packs import make_pack, rack_packs
from racktwin import senml
from racktwin.catalogue import feature_of
from racktwin.simulation import Plant, RackSpec
from racktwin.units import convert

NOW = 1_795_225_577_123


def resolved(payload: bytes) -> dict[str, senml.Resolved]:
    return {record.name: record for record in senml.resolve(senml.decode(payload), NOW + 999)}


def test_a_rack_pack_holds_both_sensors_and_power() -> None:
    racks = [RackSpec("racktwin.t:rack-a"), RackSpec("racktwin.t:rack-b", position=0.6)]
    readings = Plant(racks).step(1.0)
    packs = rack_packs([rack.id for rack in racks], readings, 42, NOW)
    assert [(pack.device, pack.seq, pack.readings) for pack in packs] == [(rack.id, 42, 5) for rack in racks]
    found = resolved(packs[1].payload)
    assert found["environment.top/temperature"].value == readings.top_temperature[1]
    assert found["environment.bottom/relativeHumidity"].unit == "%RH"
    assert found["power/power"].value == readings.power[1]
    assert found["seq"].value == 42
    assert {record.time for record in found.values()} == {NOW}
    assert len(packs[1].payload) < 2048, "Hono's default limit of a payload"


def test_every_name_and_unit_is_the_catalogues() -> None:
    readings = Plant([RackSpec("racktwin.t:rack-a")]).step(1.0)
    for name, record in resolved(rack_packs(["racktwin.t:rack-a"], readings, 1, NOW)[0].payload).items():
        if name == "seq":
            continue
        feature_name, _, property_name = name.partition("/")
        feature = feature_of("rack", feature_name)
        assert feature is not None
        prop = feature.by_name[property_name]
        assert record.unit is not None
        assert prop.unit is not None
        assert convert(1.0, record.unit, prop.unit) == 1.0


def test_numbers_are_json_numbers_without_tails() -> None:
    readings = Plant([RackSpec("racktwin.t:rack-a")]).step(1.0)
    payload = rack_packs(["racktwin.t:rack-a"], readings, 1, NOW)[0].payload.decode()
    assert "00000" not in payload
    assert isinstance(readings.power, np.ndarray)


def test_a_name_outside_the_catalogue_is_refused() -> None:
    with pytest.raises(KeyError, match="catalogue"):
        make_pack("d", "rack", 1, NOW, {("cpu", "utilization"): 1.0})
