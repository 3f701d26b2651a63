"""Promise: what cannot be used goes to the rejects topic with its reason, and its neighbours arrive."""

from __future__ import annotations

import json

import pytest
import requests
from tests.e2e.harness import Harness, climate, eventually, now_ms, senml

from racktwin.messages import Reject, decode_reject

YEAR_MS = 365 * 86_400_000


def bad_payloads(observed: int) -> dict[str, tuple[str, bytes]]:
    """Reason -> (a word the detail must have, payload)."""
    return {
        "malformed_json": ("", b'{"sensor":"top","temperature":'),
        "unit_mismatch": (
            "temperature",
            json.dumps(senml(observed, 0, {"environment.top/temperature": (88.5, "W")})).encode(),
        ),
        "not_a_number": ("temperature", b'{"sensor":"top","temperature":NaN}'),
        "time_in_future": (
            "time",
            json.dumps(senml(observed + YEAR_MS, 0, {"environment.top/temperature": (88.5, "Cel")})).encode(),
        ),
    }


@pytest.mark.parametrize("reason", ["malformed_json", "unit_mismatch", "not_a_number", "time_in_future"])
def test_bad_reading_is_rejected_and_its_neighbours_arrive(site: Harness, ready_rack: str, reason: str) -> None:
    thing, login = site.thing("rack", ready_rack), site.login("rack", ready_rack)
    observed = now_ms()
    word, payload = bad_payloads(observed)[reason]
    with site.listening(site.own("rejects")) as wait, site.mqtt(login) as client:
        site.publish(client, "telemetry", climate(observed, 10, top=22.0, bottom=20.0))
        site.publish(client, "telemetry", payload)
        site.publish(client, "telemetry", climate(observed + 1, 11, top=22.5, bottom=20.5))
        message = wait(lambda m: decode_reject(m.value() or b"").reason == reason, f"a reject with reason {reason}")

    reject: Reject = decode_reject(message.value() or b"")
    assert reject.device == thing
    assert reject.topic == site.hono("telemetry")
    if reason in ("malformed_json", "not_a_number"):
        assert reject.payload.encode() == payload
    else:
        # Of a pack only what could not be used, so that a mended copy repeats nothing.
        assert [record["v"] for record in json.loads(reject.payload)] == [88.5]
    assert word in reject.detail

    def newest() -> bool:
        properties = site.properties(thing, "environment.top")
        return properties is not None and properties["observedAt"] == observed + 1 and properties["temperature"] == 22.5

    eventually(newest, "the good reading beside it")

    def stored() -> bool:
        times = {at for at, _ in site.points("environment", thing, "temperature")}
        assert {observed, observed + 1} <= times
        assert max(times) == observed + 1, "a point from the future"
        return True

    eventually(stored, "both good points in InfluxDB, and none of the future")
    assert 88.5 not in [value for _, value in site.points("environment", thing, "temperature")]


def test_one_bad_record_in_a_pack_does_not_lose_the_others(site: Harness, ready_rack: str) -> None:
    thing, login = site.thing("rack", ready_rack), site.login("rack", ready_rack)
    observed = now_ms()
    pack = climate(observed, 12, top=23.0, bottom=20.0)
    pack.append({"n": "environment.top/pressure", "u": "Pa", "v": 101325})
    with site.listening(site.own("rejects")) as wait, site.mqtt(login) as client:
        site.publish(client, "telemetry", pack)
        message = wait(lambda m: decode_reject(m.value() or b"").reason == "unknown_property", "the reject")
    assert "pressure" in decode_reject(message.value() or b"").detail
    eventually(
        lambda: (p := site.properties(thing, "environment.bottom")) and p["observedAt"] == observed,
        "the others on the twin",
    )


def test_a_device_without_a_twin_is_rejected(site: Harness, ready_rack: str) -> None:
    """Known to Hono (registered by hand), unknown to Ditto."""
    stray = site.thing("rack", "stray-1")
    registry = f"{site.endpoints['hono_registry_url']}"
    gateway = site.login("gateway", "main")
    made = requests.post(f"{registry}/devices/{site.site}/{stray}", json={"via": [gateway.device]}, timeout=60)
    assert made.status_code == 201, made.text
    try:
        with site.listening(site.own("rejects")) as wait, site.mqtt(gateway) as client:
            site.publish(client, f"telemetry/{site.site}/{stray}", climate(now_ms(), 1, top=20.0, bottom=20.0))
            message = wait(lambda m: decode_reject(m.value() or b"").device == stray, "the reject")
        assert decode_reject(message.value() or b"").reason == "unknown_thing"
        assert site.ditto.get_thing(stray) is None
    finally:
        requests.delete(f"{registry}/devices/{site.site}/{stray}", timeout=60)
