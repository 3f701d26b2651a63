"""Promise: cooling units, rotated passwords and moved servers, as the operator's README says."""

from __future__ import annotations

import uuid

import paho.mqtt.client as paho
import requests
from paho.mqtt.enums import CallbackAPIVersion
from tests.e2e.conftest import SITE, rack
from tests.e2e.harness import DeviceLogin, Harness, eventually

ROTATE = "racktwin.io/rotate-credentials"
IN_USE = "racktwin.io/credentials-in-use"


def unit(name: str) -> dict[str, object]:
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "CoolingUnit",
        "metadata": {"name": name, "namespace": SITE},
        "spec": {
            "site": SITE,
            "room": "hall",
            "racks": ["cool-r1"],
            "position": {"xM": 1.0, "yM": 5.0},
            "capacityW": 80000,
            "airflowM3s": 6,
            "gateways": ["main"],
        },
    }


def can_log_in(login: DeviceLogin, password: str) -> bool:
    """Whether Hono's MQTT adapter lets the device in."""
    answers: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(login.username, password)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(not reason.is_failure)
    client.connect(login.host, login.port)
    client.loop_start()
    try:
        return eventually(lambda: answers, "an answer to CONNECT")[0]
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_cooling_unit_has_a_twin_that_takes_commands_and_a_device(site: Harness) -> None:
    # A new name for each run: adapters remember the credentials of devices they have seen.
    name = f"cool-{uuid.uuid4().hex[:6]}"
    thing = site.thing("cooling", name)
    site.apply(unit(name))
    site.wait_ready("coolingunit", name)
    found = site.ditto.get_thing(thing)
    assert found is not None
    assert found["policyId"] == thing
    assert found["attributes"]["racks"] == [site.thing("rack", "cool-r1")]
    desired = f"/api/2/things/{thing}/features/control/desiredProperties"
    assert site.ditto.request("PUT", desired, json={"setpoint": 21.0}).status_code in (201, 204)
    assert site.ditto.request("PUT", desired, json={"setpoint": "cold"}).status_code == 400
    login = site.login("cooling", name)
    assert can_log_in(login, login.password)
    site.kubectl("delete", "coolingunit", name, "-n", SITE, "--wait=true", "--timeout=120s")
    assert site.ditto.get_thing(thing) is None
    assert site.get("secret", f"cooling-{name}-device") is None


def test_a_rotated_password_works_beside_the_old_one_until_it_is_in_use(site: Harness) -> None:
    name = f"rot-{uuid.uuid4().hex[:6]}"
    site.apply(rack(name))
    site.wait_ready("rack", name)
    old = site.login("rack", name)
    site.kubectl("annotate", "rack", name, "-n", SITE, f"{ROTATE}=first")

    def rotated() -> DeviceLogin | None:
        now = site.login("rack", name)
        return now if now.password != old.password else None

    new = eventually(rotated, "a new password in the Secret")
    registry = f"{site.endpoints['hono_registry_url']}/credentials/{SITE}/{site.thing('rack', name)}"
    eventually(lambda: len(requests.get(registry, timeout=60).json()[0]["secrets"]) == 2, "both at Hono")
    assert can_log_in(new, new.password)
    assert can_log_in(new, old.password)
    site.kubectl("annotate", "secret", f"rack-{name}-device", "-n", SITE, f"{IN_USE}=first")
    eventually(lambda: len(requests.get(registry, timeout=60).json()[0]["secrets"]) == 1, "the new one alone", 150)
    # The adapter may know the old one for some minutes more: it keeps what the registry told it.
    assert can_log_in(new, new.password)
    site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=120s")


def test_a_server_moves_between_racks_with_its_password(site: Harness) -> None:
    server = {"name": "move-db", "position": 3, "uHeight": 2, "allocatedDrawW": 400}
    site.apply(rack("move-1", servers=[server]), rack("move-2"))
    site.wait_ready("rack", "move-1")
    site.wait_ready("rack", "move-2")
    password = site.login("server", "move-db").password
    # Its new rack first: what is taken out of a rack and asked for by none is removed at once.
    # In one go, the rack that loses it first.
    site.apply(rack("move-1", servers=[]), rack("move-2", servers=[server]))

    def moved() -> bool:
        thing = site.ditto.get_thing(site.thing("server", "move-db"))
        return thing is not None and thing["policyId"] == site.thing("rack", "move-2")

    eventually(moved, "the server's twin under its new rack", 120)
    site.wait_ready("rack", "move-2")
    assert site.login("server", "move-db").password == password
    for name in ("move-1", "move-2"):
        site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=120s")


def test_too_much_draw_warns_and_enforced_it_is_refused(site: Harness) -> None:
    server = {"name": "draw-db", "position": 3, "uHeight": 2, "allocatedDrawW": 20000}
    site.apply(rack("draw-1", servers=[server]))
    site.wait_ready("rack", "draw-1")
    warning = site.condition("rack", "draw-1", "WithinCapacity")
    assert warning is not None
    assert (warning["status"], warning["reason"]) == ("False", "CapacityExceeded")
    site.kubectl("delete", "rack", "draw-1", "-n", SITE, "--wait=true", "--timeout=120s")
