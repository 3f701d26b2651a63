"""Packs: SenML that ingest understands, in the catalogue's names and units."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.packs import make_pack, rack_packs, unit_packs
from physics import layout
from physics.hidden import Nature
from physics.plant import Plant
from racktwin import senml
from racktwin.catalogue import feature_of
from racktwin.units import convert

NOW = 1_795_225_577_123


def plant(*racks: str, dropout: float = 0.0) -> Plant:
    room = layout.assumed("hall", [(rack, "r1", 0.6 * k, 8000.0) for k, rack in enumerate(racks)])
    return Plant(room, nature=Nature(dropout=dropout))


def resolved(payload: bytes) -> dict[str, senml.Resolved]:
    return {record.name: record for record in senml.resolve(senml.decode(payload), NOW + 999)}


def test_a_rack_pack_holds_both_sensors_and_power() -> None:
    racks = ["racktwin.t:rack-a", "racktwin.t:rack-b"]
    readings = plant(*racks).step(1.0)
    packs = rack_packs(racks, readings, 42, NOW, reported=racks)
    assert [(pack.device, pack.seq, pack.readings) for pack in packs] == [(rack, 42, 5) for rack in racks]
    found = resolved(packs[1].payload)
    assert found["environment.top/temperature"].value == pytest.approx(readings.top_temperature[0, 1])
    assert found["environment.bottom/relativeHumidity"].unit == "%RH"
    assert found["power/power"].value == readings.power[0, 1]
    assert found["seq"].value == 42
    assert {record.time for record in found.values()} == {NOW}
    assert len(packs[1].payload) < 2048, "Hono's default limit of a payload"


def test_every_name_and_unit_is_the_catalogues() -> None:
    racks = ["racktwin.t:rack-a"]
    pack = rack_packs(racks, plant(*racks).step(1.0), 1, NOW, reported=racks, slow=True)[0]
    assert pack.readings == 7
    for name, record in resolved(pack.payload).items():
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
    racks = ["racktwin.t:rack-a"]
    readings = plant(*racks).step(1.0)
    payload = rack_packs(racks, readings, 1, NOW, reported=racks)[0].payload.decode()
    assert "00000" not in payload
    assert isinstance(readings.power, np.ndarray)


def test_a_name_outside_the_catalogue_is_refused() -> None:
    with pytest.raises(KeyError, match="catalogue"):
        make_pack("d", "rack", 1, NOW, {("cpu", "utilization"): 1.0})


def test_a_lost_sample_has_no_record() -> None:
    racks = ["racktwin.t:rack-a"]
    packs = rack_packs(racks, plant(*racks, dropout=1.0).step(1.0), 1, NOW, reported=racks)
    assert set(resolved(packs[0].payload)) == {"power/power", "seq"}


def test_a_unit_pack_says_what_its_controller_says() -> None:
    readings = plant("racktwin.t:rack-a").step(1.0)
    said = {"u": {("control", "mode"): "auto", ("control", "setpoint"): 20.0}}
    (pack,) = unit_packs(["u", "v"], readings, 1, NOW, reported=said, slow=True)
    found = resolved(pack.payload)
    assert found["control/mode"].value == "auto"
    assert found["power/cop"].value == readings.cop[0, 0]
    assert found["air/supplyHumidity"].unit == "%RH"
