"""Promise: what a device sends with the operator's credentials is on the twin, in InfluxDB, and has a prediction."""

from __future__ import annotations

import dataclasses
import json

import pytest
from tests.e2e.harness import Harness, climate, eventually, now_ms


def on_twin(site: Harness, thing: str, observed: int) -> dict[str, object] | None:
    properties = site.properties(thing, "environment.top")
    return properties if properties and properties.get("observedAt") == observed else None


def predicted(site: Harness, thing: str, observed: int) -> dict[str, object] | None:
    properties = site.properties(thing, "prediction.inlet-temperature.top")
    return properties if properties and properties.get("basedOn", 0) >= observed else None


def test_mqtt_to_twin_to_influx_to_prediction(site: Harness, ready_rack: str) -> None:
    thing, login = site.thing("rack", ready_rack), site.login("rack", ready_rack)
    observed = now_ms()
    with site.mqtt(login) as client:
        site.publish(client, "telemetry", climate(observed, 1, top=24.25, bottom=21.5))

    properties = eventually(lambda: on_twin(site, thing, observed), "the reading on the twin")
    assert properties["temperature"] == 24.25
    assert properties["quality"] == "good"
    # Magnus: 24.25 °C at 42 % has its dew point near 10.5 °C.
    assert 10.2 < properties["dewPoint"] < 10.8  # type: ignore[operator]

    points = eventually(
        lambda: [p for p in site.points("environment", thing, "temperature") if p == (observed, 24.25)],
        "the point in InfluxDB",
    )
    assert len(points) == 1

    with site.mqtt(login) as client:

        def told() -> dict[str, object] | None:
            # A reading that is too old when the model comes to it is not predicted from.
            site.publish(client, "telemetry", climate(now_ms(), now_ms() // 1000, top=24.25, bottom=21.5))
            return predicted(site, thing, observed)

        prediction = eventually(told, "a prediction on the twin", 120, every_s=1)
    assert prediction["target"] == "environment.top/temperature"
    assert prediction["horizon"] == 900
    assert prediction["lo"] < prediction["value"] < prediction["hi"]  # type: ignore[operator]
    assert prediction["modelVersion"]
    eventually(lambda: site.points("prediction", thing, "value"), "the prediction in InfluxDB")


def test_http_to_twin(site: Harness, ready_rack: str) -> None:
    thing, login = site.thing("rack", ready_rack), site.login("rack", ready_rack)
    observed = now_ms()
    answer = site.post(login, json.dumps(climate(observed, 2, top=23.75, bottom=21.0)), "application/senml+json")
    assert answer.status_code == 202, answer.text
    properties = eventually(lambda: on_twin(site, thing, observed), "the reading on the twin")
    assert properties["temperature"] == 23.75


def test_flat_json_with_the_sensor_named(site: Harness, ready_rack: str) -> None:
    thing, login = site.thing("rack", ready_rack), site.login("rack", ready_rack)
    observed = now_ms()
    payload = {"sensor": "top", "temperature": 75.2, "unit": "[degF]", "time": observed}
    with site.mqtt(login) as client:
        site.publish(client, "telemetry", payload)
    properties = eventually(lambda: on_twin(site, thing, observed), "the converted reading on the twin")
    assert properties["temperature"] == pytest.approx(24.0)


def test_a_gateway_reports_for_its_racks_only(site: Harness, ready_rack: str) -> None:
    thing, gateway = site.thing("rack", ready_rack), site.login("gateway", "main")
    observed = now_ms()
    with site.mqtt(gateway) as client:
        site.publish(client, f"telemetry/{site.site}/{thing}", climate(observed, 3, top=24.0, bottom=21.0))
    eventually(lambda: on_twin(site, thing, observed), "the gateway's reading on the twin")


def test_a_wrong_password_is_refused_by_hono(site: Harness, ready_rack: str) -> None:
    login = dataclasses.replace(site.login("rack", ready_rack), password="x" * 43)
    with pytest.raises(PermissionError), site.mqtt(login):
        pass
    assert site.post(login, "{}").status_code == 401
