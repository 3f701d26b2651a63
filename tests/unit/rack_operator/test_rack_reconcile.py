"""What a reconcile of a Rack makes, mends, refuses and removes."""

from __future__ import annotations

import base64

from tests.unit.rack_operator.conftest import (
    RACK,
    RACK_ID,
    SERVER_ID,
    conditions,
    message,
    rack_body,
    settle_rack,
    settle_site,
)
from tests.unit.rack_operator.fakes import World

from rack_operator.desired.devices import password_hash
from rack_operator.desired.ownership import FINALIZER, LABEL_RETAINED
from rack_operator.reconcile.store import Key


def password(world: World, secret: str) -> str:
    return base64.b64decode(world.kube.objects["secrets", "lab", secret]["data"]["password"]).decode()


async def test_everything_is_made_and_said(ready: World) -> None:
    assert {RACK_ID, SERVER_ID} <= set(ready.ditto.things)
    assert ready.ditto.policies[RACK_ID]["imports"] == {"racktwin.lab:base": {"entries": []}}
    assert ready.ditto.things[SERVER_ID]["policyId"] == RACK_ID
    assert ready.hono.devices["lab", RACK_ID]["via"] == ["racktwin.lab:gateway-main"]
    assert ready.kube.names("secrets") == {"rack-r1-device", "server-db-device", "gateway-main-device"}
    body = ready.kube.objects["racks", "lab", "r1"]
    assert body["metadata"]["finalizers"] == [FINALIZER]
    assert body["status"]["devices"] == [RACK_ID, SERVER_ID]
    assert body["status"]["observedGeneration"] == 1
    assert {status for status, _ in conditions(ready, RACK).values()} == {"True"}
    assert set(conditions(ready, RACK)) == {
        "PolicyReady", "ThingReady", "DeviceRegistered", "CredentialsReady", "Ready",
    }  # fmt: skip


async def test_a_second_pass_writes_nothing(ready: World) -> None:
    before = ready.fuse.writes
    ready.now_ms += 3_600_000
    assert await settle_site(ready)
    assert await settle_rack(ready)
    assert ready.fuse.writes == before
    assert len(ready.kube.events) == 2


async def test_the_password_is_in_the_secret_alone(ready: World) -> None:
    secret = password(ready, "rack-r1-device")
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    assert secret not in str(ready.hono.credentials)
    assert secret not in str(ready.ditto.things)
    entry = ready.hono.credentials["lab", RACK_ID][0]
    assert entry["auth-id"] == "racktwin.lab_rack-r1"
    if not ready.hono.hides:
        held = entry["secrets"][0]
        assert held["hash-function"] == "sha-256"
        assert held["pwd-hash"] == password_hash(secret, base64.b64decode(held["salt"]))


async def test_the_secret_tells_how_to_connect(ready: World) -> None:
    data = ready.kube.objects["secrets", "lab", "rack-r1-device"]["data"]
    told = {key: base64.b64decode(value).decode() for key, value in data.items()}
    assert told == {
        "host": "mqtt.example",
        "port": "1883",
        "username": "racktwin.lab_rack-r1@lab",
        "password": password(ready, "rack-r1-device"),
        "tenant": "lab",
        "deviceId": RACK_ID,
        "httpUrl": "http://http.example",
    }


async def test_an_edit_reaches_the_thing_and_keeps_live_values(ready: World) -> None:
    ready.ditto.things[RACK_ID]["features"]["environment.top"]["properties"] = {"temperature": 21.0}
    secret = password(ready, "rack-r1-device")
    ready.edit("racks", "lab", "r1", {"role": "storage"})
    assert await settle_rack(ready)
    thing = ready.ditto.things[RACK_ID]
    assert thing["attributes"]["role"] == "storage"
    assert thing["features"]["environment.top"]["properties"] == {"temperature": 21.0}
    assert password(ready, "rack-r1-device") == secret


async def test_a_rear_sensor_comes_and_goes_with_its_feature(ready: World) -> None:
    sensors = ready.kube.objects["racks", "lab", "r1"]["spec"]["sensors"]
    rear = {"name": "rear", "position": "top", "face": "rear", "measures": ["temperature"]}
    ready.edit("racks", "lab", "r1", {"sensors": [*sensors, rear]})
    assert await settle_rack(ready)
    thing = ready.ditto.things[RACK_ID]
    assert "environment.rear-top" in thing["features"]
    assert thing["definition"].endswith("?features=environment.rear-top")
    assert thing["attributes"]["sensors"]["rear"]["feature"] == "environment.rear-top"
    ready.edit("racks", "lab", "r1", {"sensors": sensors})
    assert await settle_rack(ready)
    assert "environment.rear-top" not in ready.ditto.things[RACK_ID]["features"]


async def test_a_server_taken_out_is_removed_everywhere(ready: World) -> None:
    ready.edit("racks", "lab", "r1", {"servers": []})
    assert await settle_rack(ready)
    assert SERVER_ID not in ready.ditto.things
    assert ("lab", SERVER_ID) not in ready.hono.devices
    assert "server-db-device" not in ready.kube.names("secrets")
    assert ready.kube.objects["racks", "lab", "r1"]["status"]["devices"] == [RACK_ID]


async def test_drift_is_mended(ready: World) -> None:
    del ready.ditto.things[RACK_ID]
    ready.ditto.things[SERVER_ID]["attributes"]["position"] = 40
    ready.ditto.policies[RACK_ID]["entries"]["stranger"] = {"subjects": {"nginx:x": {"type": "x"}}, "resources": {}}
    del ready.hono.devices["lab", RACK_ID]
    ready.hono.credentials["lab", SERVER_ID] = []
    del ready.kube.objects["secrets", "lab", "rack-r1-device"]
    assert await settle_rack(ready)
    assert RACK_ID in ready.ditto.things
    assert ready.ditto.things[SERVER_ID]["attributes"]["position"] == 3
    assert set(ready.ditto.policies[RACK_ID]["entries"]) == {"operator"}
    assert ("lab", RACK_ID) in ready.hono.devices
    assert len(ready.hono.credentials["lab", SERVER_ID]) == 1
    assert "rack-r1-device" in ready.kube.names("secrets")
    before = ready.fuse.writes
    assert await settle_rack(ready)
    assert ready.fuse.writes == before


async def test_a_suspended_rack_is_left_alone(ready: World) -> None:
    ready.edit("racks", "lab", "r1", {"suspend": True})
    del ready.ditto.things[RACK_ID]
    before = ready.fuse.writes
    assert await settle_rack(ready)
    assert ready.fuse.writes == before


async def test_a_missing_site_is_named_and_waited_for(world: World) -> None:
    del world.kube.objects["sites", "lab", "lab"]
    assert not await settle_rack(world)
    assert conditions(world, RACK)["Ready"] == ("False", "SiteNotFound")
    assert "Site lab" in message(world, RACK)
    before = world.fuse.writes
    assert not await settle_rack(world)
    assert world.fuse.writes == before
    world.kube.put("sites", {**rack_site(), "metadata": {"name": "lab", "namespace": "lab"}})
    assert await settle_site(world)
    assert await settle_rack(world)


def rack_site() -> dict[str, object]:
    return {"spec": {"rooms": [{"name": "hall", "widthM": 1, "depthM": 1, "heightM": 3}], "gateways": []}}


async def test_an_unknown_room_and_gateway_are_named(ready: World) -> None:
    ready.edit("racks", "lab", "r1", {"room": "attic"})
    assert not await settle_rack(ready)
    assert conditions(ready, RACK)["Ready"] == ("False", "RoomNotFound")
    ready.edit("racks", "lab", "r1", {"room": "hall", "gateways": ["other"]})
    assert not await settle_rack(ready)
    assert "other" in message(ready, RACK)


async def test_a_site_that_is_being_made_is_no_news(world: World) -> None:
    assert not await settle_rack(world, first_try=True)
    assert "status" not in world.kube.objects["racks", "lab", "r1"]
    assert not await settle_rack(world)
    assert conditions(world, RACK)["Ready"] == ("False", "SiteNotReady")


async def test_ditto_down_is_said_with_its_status_and_does_not_stop_the_rest(world: World) -> None:
    assert await settle_site(world)
    world.fuse.down["Ditto"] = 503
    assert not await settle_rack(world)
    told = conditions(world, RACK)
    assert told["PolicyReady"] == ("False", "DittoHTTP503")
    assert told["ThingReady"][0] == "Unknown"
    assert told["CredentialsReady"][0] == "True"
    assert told["Ready"] == ("False", "DittoHTTP503")
    world.fuse.down.clear()
    assert await settle_rack(world)


async def test_hono_unreachable_is_said(world: World) -> None:
    assert await settle_site(world)
    world.fuse.down["HonoRegistry"] = 0
    assert not await settle_rack(world)
    told = conditions(world, RACK)
    assert told["DeviceRegistered"] == ("False", "HonoRegistryUnreachable")
    assert told["CredentialsReady"][0] == "Unknown"
    assert told["ThingReady"][0] == "True"
    world.fuse.down.clear()
    assert await settle_rack(world)


async def test_a_foreign_thing_is_refused_and_left_alone(world: World) -> None:
    assert await settle_site(world)
    foreign = {"thingId": RACK_ID, "policyId": "racktwin.lab:base", "attributes": {"mine": 1}}
    world.ditto.things[RACK_ID] = dict(foreign)
    assert not await settle_rack(world)
    assert conditions(world, RACK)["ThingReady"] == ("False", "ThingNotOurs")
    world.delete("racks", "lab", "r1")
    assert await settle_rack(world)
    assert world.ditto.things[RACK_ID] == foreign


async def test_two_racks_cannot_hold_one_server(ready: World) -> None:
    ready.kube.put("racks", rack_body("r2"))
    other = Key("Rack", "lab", "r2")
    assert not await settle_rack(ready, other)
    assert "r1" in message(ready, other)
    ready.delete("racks", "lab", "r2")
    assert await settle_rack(ready, other)
    assert SERVER_ID in ready.ditto.things
    assert "server-db-device" in ready.kube.names("secrets")


async def test_delete_leaves_nothing_of_the_rack(ready: World) -> None:
    ready.delete("racks", "lab", "r1")
    assert await settle_rack(ready)
    assert ready.kube.names("racks") == set()
    assert ready.kube.names("secrets") == {"gateway-main-device"}
    assert not [thing for thing in ready.ditto.things if "rack" in thing.split(":")[1] or "server" in thing]
    assert RACK_ID not in ready.ditto.policies
    assert set(ready.hono.devices) == {("lab", "racktwin.lab:gateway-main")}


async def test_delete_works_after_the_site_went(ready: World) -> None:
    ready.delete("sites", "lab", "lab")
    assert await settle_site(ready)
    assert not await settle_rack(ready)
    assert conditions(ready, RACK)["Ready"] == ("False", "SiteNotFound")
    ready.delete("racks", "lab", "r1")
    assert await settle_rack(ready)
    assert ready.ditto.things == {}
    assert ready.ditto.policies == {}
    assert ready.hono.devices == {}
    assert ready.kube.objects == {}


async def test_delete_while_ditto_is_down_waits_and_says_why(ready: World) -> None:
    ready.fuse.down["Ditto"] = 0
    ready.delete("racks", "lab", "r1")
    assert not await settle_rack(ready)
    assert conditions(ready, RACK)["Ready"] == ("False", "DittoUnreachable")
    assert "cannot be deleted yet" in message(ready, RACK)
    ready.fuse.down.clear()
    assert await settle_rack(ready)
    assert ready.kube.names("racks") == set()


async def test_retain_leaves_twins_and_a_new_rack_takes_them_over(ready: World) -> None:
    secret = password(ready, "rack-r1-device")
    ready.edit("racks", "lab", "r1", {"deletionPolicy": "Retain"})
    assert await settle_rack(ready)
    ready.delete("racks", "lab", "r1")
    assert await settle_rack(ready)
    assert RACK_ID in ready.ditto.things
    kept = ready.kube.objects["secrets", "lab", "rack-r1-device"]["metadata"]
    assert kept["labels"][LABEL_RETAINED] == "true"
    assert "ownerReferences" not in kept
    body = rack_body()
    body["metadata"]["uid"] = "another"
    ready.kube.put("racks", body)
    assert await settle_rack(ready)
    assert ready.ditto.things[RACK_ID]["attributes"]["managedBy"]["uid"] == "another"
    assert "retained" not in ready.ditto.things[RACK_ID]["attributes"]["managedBy"]
    assert password(ready, "rack-r1-device") == secret
    kept = ready.kube.objects["secrets", "lab", "rack-r1-device"]["metadata"]
    assert LABEL_RETAINED not in kept["labels"]
    assert kept["ownerReferences"][0]["uid"] == "another"


async def test_a_rack_whose_spec_cannot_be_read_can_be_deleted(ready: World) -> None:
    # As after a change of the CRD's version.
    ready.kube.objects["racks", "lab", "r1"]["spec"]["position"] = "nowhere"
    ready.delete("racks", "lab", "r1")
    assert await settle_rack(ready)
    assert "r1" not in ready.kube.names("racks")
    assert RACK_ID not in ready.ditto.things
    assert SERVER_ID not in ready.ditto.things
