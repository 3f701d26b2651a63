"""Scrapes: names with units, only what is believed, both formats readable by Prometheus' own parsers."""

from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from exporter import families
from exporter.render import scrape, wants_openmetrics

NOW = 1_790_000_000_000
KINDS = frozenset({"rack", "room", "cooling", "server"})


def feature(**properties: Any) -> dict[str, Any]:
    return {"properties": {"quality": "good", "observedAt": NOW - 1000, **properties}}


def rack(name: str = "r1", **features: Any) -> dict[str, Any]:
    return {
        "thingId": f"racktwin.berlin:rack-{name}",
        "attributes": {
            "name": name, "location": "hall-a", "row": "r01", "availablePower": 10000.0, "netboxId": 7,
            "serial": 'S"1\\', "facilityId": "A1",
        },
        "features": {
            "environment.top": feature(temperature=23.4, relativeHumidity=41.0, dewPoint=9.5),
            "environment.bottom": feature(temperature=21.0, relativeHumidity=45.0, dewPoint=9.0),
            "power": feature(power=4200.0, energy=2.0, utilization=42.0),
            "cooling": feature(airflow=0.5, deltaT=8.0),
            "indices": feature(shi=0.1, ashraeState="allowable"),
            "anomaly": feature(score=0.2, state="normal", expiresAt=NOW + 1),
            "prediction.inlet-temperature.top": feature(
                target="environment.top/temperature", value=24.0, horizon=900, expiresAt=NOW + 1
            ),
            "alerts": {"properties": {"open": {"inlet-hot": {"severity": "critical", "since": 1}}}},
            **features,
        },
    }  # fmt: skip


def samples(things: list[dict[str, Any]]) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read_openmetrics(scrape(things, KINDS, NOW, openmetrics=True).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def test_a_rack() -> None:
    found = samples([rack(**{"environment.rear-top": feature(temperature=33.0, relativeHumidity=20.0)})])
    where = {"site": "berlin", "room": "hall-a", "row": "r01", "rack": "r1"}
    assert ({**where, "place": "top"}, 23.4) in found["racktwin_rack_inlet_temperature_celsius"]
    assert found["racktwin_rack_exhaust_temperature_celsius"] == [({**where, "place": "top"}, 33.0)]
    assert ({**where, "place": "top"}, 0.41) in found["racktwin_rack_inlet_relative_humidity_ratio"]
    assert found["racktwin_rack_power_watts"] == [(where, 4200.0)]
    assert found["racktwin_rack_energy_joules_total"] == [(where, 7.2e6)]
    assert found["racktwin_rack_power_utilization_ratio"][0][1] == pytest.approx(0.42)
    states = {labels["racktwin_rack_ashrae_state"]: value for labels, value in found["racktwin_rack_ashrae_state"]}
    assert states == {"recommended": 0, "allowable": 1, "out": 0}
    assert found["racktwin_rack_inlet_temperature_predicted_celsius"] == [
        ({**where, "place": "top", "model": "inlet-temperature", "horizon_seconds": "900"}, 24.0)
    ]
    assert found["racktwin_rack_info"][0][0] == {**where, "facility_id": "A1", "serial": 'S"1\\', "netbox_id": "7"}
    assert found["racktwin_rack_observed_timestamp_seconds"] == [(where, (NOW - 1000) / 1000)]
    assert found["racktwin_alert_open"] == [({**where, "kind": "rack", "rule": "inlet-hot", "severity": "critical"}, 1)]
    assert found["racktwin_twins"] == [({"site": "berlin", "kind": "rack"}, 1)]


def test_what_is_not_believed_is_not_there() -> None:
    found = samples(
        [
            rack(
                power={"properties": {"power": 1.0, "quality": "stale", "observedAt": NOW - 10**6}},
                cooling=feature(airflow=None),
                anomaly=feature(score=0.9, state="anomalous", expiresAt=NOW - 1),
                **{"prediction.inlet-temperature.top": feature(target="x/temperature", value=1.0, expiresAt=NOW - 1)},
            )
        ]
    )
    for name in (
        "rack_anomaly_score_ratio",
        "rack_power_watts",
        "rack_airflow_cubic_meters_per_second",
        "rack_inlet_temperature_predicted_celsius",
    ):
        assert f"racktwin_{name}" not in found
    assert "racktwin_rack_inlet_temperature_celsius" in found


def test_other_kinds() -> None:
    unit = {
        "thingId": "racktwin.berlin:cooling-c1", "attributes": {"location": "hall-a"},
        "features": {"air": feature(supplyTemperature=18.0), "control": feature(fanSpeed=70.0)},
    }  # fmt: skip
    room = {
        "thingId": "racktwin.berlin:room-hall-a", "attributes": {"location": "hall-a"},
        "features": {"indices": feature(rciHi=97.0, powerUsageRatio=1.4)},
    }  # fmt: skip
    server = {
        "thingId": "racktwin.berlin:server-s1",
        "attributes": {"location": "hall-a", "row": "r01", "rack": "racktwin.berlin:rack-r1", "hostname": "node-1"},
        "features": {"cpu": feature(utilization=12.0)},
    }
    found = samples([unit, room, server, {"thingId": "other:thing"}])
    assert found["racktwin_cooling_supply_temperature_celsius"][0][0]["cooling"] == "c1"
    assert found["racktwin_cooling_fan_speed_ratio"][0][1] == pytest.approx(0.7)
    assert found["racktwin_room_power_usage_ratio"] == [({"site": "berlin", "room": "hall-a"}, 1.4)]
    assert found["racktwin_server_cpu_utilization_ratio"][0][1] == pytest.approx(0.12)
    assert found["racktwin_server_info"][0][0]["rack"] == "racktwin.berlin:rack-r1"


def test_the_older_format() -> None:
    text = scrape([rack()], KINDS, NOW, openmetrics=False).decode()
    found = {family.name: family for family in read_plain(text)}
    assert found["racktwin_rack_energy_joules"].type == "counter"
    assert found["racktwin_rack_info"].type == "gauge" and "# EOF" not in text and "# UNIT" not in text
    prometheus = (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain"
    )
    assert wants_openmetrics(prometheus) and not wants_openmetrics("text/plain") and not wants_openmetrics("*/*")


def test_names_end_with_their_units_and_series_are_as_promised() -> None:
    every = [
        *(source.family for source in families.SOURCES),
        families.PREDICTED,
        families.CAPACITY,
        *families.AGE.values(),
    ]
    for family in every:
        assert family.name.endswith(f"_{family.unit}") if family.unit else family.type in {"info", "stateset"}
    both = rack(**{"prediction.inlet-temperature.bottom": feature(target="environment.bottom/temperature", value=1.0)})
    del both["features"]["alerts"]
    text = scrape([both], frozenset({"rack"}), NOW, openmetrics=True).decode()
    series = [line for line in text.splitlines() if not line.startswith("#") and not line.startswith("racktwin_twins")]
    assert len(series) == 21


def test_ten_thousand_racks_within_a_scrape(record_property: Any) -> None:
    things = [rack(f"r{number}") for number in range(2000)]
    # Of this process alone: a busy machine is not a slow scrape.
    started = time.process_time()
    body = scrape(things, KINDS, NOW, openmetrics=True)
    seconds = time.process_time() - started
    record_property("seconds_2000_racks", seconds)
    assert len(body) > 2_000_000
    # A tenth of Prometheus' usual time-out, on a busy machine.
    assert seconds < 1.0
