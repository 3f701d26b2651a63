"""Servers that move, racks that are renamed, passwords that are changed, racks that draw too much."""

from __future__ import annotations

import base64
import copy
import dataclasses
from typing import Any

from tests.unit.rack_operator.conftest import RACK, RACK_ID, SERVER_ID, conditions, message, rack_body, settle_rack
from tests.unit.rack_operator.fakes import KIND_OF, World

from rack_operator.desired.ownership import ANNOTATION_IN_USE, ANNOTATION_ROTATE
from rack_operator.reconcile.resource import TwinReconciler
from rack_operator.reconcile.store import Key
from rack_operator.reconcile.sweep import Sweeper

OTHER = Key("Rack", "lab", "r2")


def secret(world: World, name: str = "rack-r1-device") -> dict[str, str]:
    data = world.kube.objects["secrets", "lab", name]["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def held(world: World, device: str = RACK_ID) -> list[dict[str, Any]]:
    secrets: list[dict[str, Any]] = world.hono.credentials["lab", device][0]["secrets"]
    return secrets


def see(world: World) -> None:
    """Brings the present store up to date, as a watch does."""
    for (plural, _, _), body in world.kube.objects.items():
        if plural in KIND_OF:
            world.store.put(KIND_OF[plural], copy.deepcopy(body))


async def sweep(world: World) -> int:
    world.watch()
    sweeper = Sweeper(world.around, world.store, None)
    return await sweeper.remove(await sweeper.read_all())


async def test_a_server_moves_with_twin_and_password(ready: World) -> None:
    password = secret(ready, "server-db-device")["password"]
    ready.ditto.things[SERVER_ID]["features"]["cpu"]["properties"] = {"utilization": 5}
    ready.kube.put("racks", rack_body("r2"))
    ready.edit("racks", "lab", "r1", {"servers": []})
    # Either may come first: the old rack lets go, the new one takes.
    assert await settle_rack(ready)
    assert await sweep(ready) == 0
    assert await settle_rack(ready, OTHER)
    thing = ready.ditto.things[SERVER_ID]
    assert thing["policyId"] == "racktwin.lab:rack-r2"
    assert thing["attributes"]["managedBy"]["name"] == "r2"
    assert "released" not in thing["attributes"]["managedBy"]
    assert thing["features"]["cpu"]["properties"] == {"utilization": 5}
    assert secret(ready, "server-db-device")["password"] == password
    assert ready.hono.devices["lab", SERVER_ID]["ext"]["managedBy"]["name"] == "r2"
    assert conditions(ready, OTHER)["Ready"][0] == "True"


async def test_a_server_taken_out_of_its_rack_waits_for_another_to_ask_for_it(ready: World) -> None:
    ready.around = dataclasses.replace(ready.around, move_s=10)
    asked: list[tuple[Key, float]] = []
    twins = TwinReconciler(ready.around, ready.store, lambda key, seconds: asked.append((key, seconds)))

    async def settle(key: Key) -> bool:
        see(ready)
        return await twins.reconcile(key, first_try=False)

    password = secret(ready, "server-db-device")["password"]
    # The rack that loses the server is seen before the one that gets it.
    ready.edit("racks", "lab", "r1", {"servers": []})
    assert await settle(RACK)
    assert asked == [(RACK, 2.0)]
    assert SERVER_ID in ready.kube.objects["racks", "lab", "r1"]["status"]["devices"]
    ready.kube.put("racks", rack_body("r2"))
    ready.now_ms += 2000
    assert await settle(RACK)
    assert await settle(OTHER)
    assert secret(ready, "server-db-device")["password"] == password
    assert ready.kube.objects["racks", "lab", "r1"]["status"]["devices"] == [RACK_ID]


async def test_a_server_that_no_rack_asks_for_goes_after_a_while(ready: World) -> None:
    ready.around = dataclasses.replace(ready.around, move_s=10)
    ready.watch()
    twins = TwinReconciler(ready.around, ready.store)
    ready.edit("racks", "lab", "r1", {"servers": []})
    for step_ms, there in ((0, True), (9_000, True), (2_000, False)):
        ready.now_ms += step_ms
        see(ready)
        assert await twins.reconcile(RACK, first_try=False)
        assert (SERVER_ID in ready.ditto.things) is there


async def test_the_new_rack_may_take_before_the_old_one_lets_go(ready: World) -> None:
    ready.kube.put("racks", rack_body("r2"))
    ready.edit("racks", "lab", "r1", {"servers": []})
    assert await settle_rack(ready, OTHER)
    assert await settle_rack(ready)
    assert ready.ditto.things[SERVER_ID]["attributes"]["managedBy"]["name"] == "r2"
    assert "server-db-device" in ready.kube.names("secrets")


async def test_a_rack_made_anew_under_another_name_keeps_its_servers(ready: World) -> None:
    password = secret(ready, "server-db-device")["password"]
    ready.kube.put("racks", rack_body("r2"))
    assert not await settle_rack(ready, OTHER)
    ready.delete("racks", "lab", "r1")
    assert await settle_rack(ready)
    assert await sweep(ready) == 0
    assert await settle_rack(ready, OTHER)
    assert RACK_ID not in ready.ditto.things
    assert SERVER_ID in ready.ditto.things
    assert secret(ready, "server-db-device")["password"] == password


async def test_what_was_let_go_and_nobody_takes_is_an_orphan(ready: World) -> None:
    ready.kube.put("racks", rack_body("r2"))
    ready.delete("racks", "lab", "r1")
    assert await settle_rack(ready)
    del ready.kube.objects["racks", "lab", "r2"]
    assert await sweep(ready) > 0
    assert SERVER_ID not in ready.ditto.things
    assert "server-db-device" not in ready.kube.names("secrets")


async def test_a_rotated_password_is_valid_beside_the_old_one_for_the_grace_time(ready: World) -> None:
    old = secret(ready)["password"]
    ready.annotate("racks", "r1", {ANNOTATION_ROTATE: "2026-01"})
    assert await settle_rack(ready)
    now = secret(ready)
    assert now["password"] != old
    assert now["previousPassword"] == old
    assert ["not-after" in each for each in held(ready)] == [False, True]
    writes = ready.fuse.writes
    assert await settle_rack(ready)
    assert ready.fuse.writes == writes
    ready.now_ms += 601_000
    assert await settle_rack(ready)
    assert "previousPassword" not in secret(ready)
    assert secret(ready)["password"] == now["password"]
    assert len(held(ready)) == 1
    writes = ready.fuse.writes
    assert await settle_rack(ready)
    assert ready.fuse.writes == writes


async def test_the_old_password_goes_as_soon_as_the_new_one_is_said_to_be_in_use(ready: World) -> None:
    ready.annotate("racks", "r1", {ANNOTATION_ROTATE: "2026-01"})
    assert await settle_rack(ready)
    ready.annotate("secrets", "rack-r1-device", {ANNOTATION_IN_USE: "2026-01"})
    assert await settle_rack(ready)
    assert "previousPassword" not in secret(ready)
    assert len(held(ready)) == 1


async def test_a_second_rotation_within_the_grace_time(ready: World) -> None:
    ready.annotate("racks", "r1", {ANNOTATION_ROTATE: "1"})
    assert await settle_rack(ready)
    first = secret(ready)["password"]
    ready.annotate("racks", "r1", {ANNOTATION_ROTATE: "2"})
    assert await settle_rack(ready)
    assert secret(ready)["previousPassword"] == first
    # A word about the first rotation says nothing about the second.
    ready.annotate("secrets", "rack-r1-device", {ANNOTATION_IN_USE: "1"})
    assert await settle_rack(ready)
    assert secret(ready)["previousPassword"] == first


async def test_too_much_draw_warns_and_does_not_keep_from_ready(ready: World) -> None:
    ready.edit("racks", "lab", "r1", {"availablePowerW": 300})
    assert await settle_rack(ready)
    told = conditions(ready, RACK)
    assert told["WithinCapacity"] == ("False", "CapacityExceeded")
    assert "400 W, of 300 W" in message(ready, RACK, "WithinCapacity")
    assert told["Ready"][0] == "True"
    ready.edit("racks", "lab", "r1", {"availablePowerW": 3000})
    assert await settle_rack(ready)
    assert conditions(ready, RACK)["WithinCapacity"][0] == "True"


async def test_what_a_sweep_has_read_spares_the_reads_and_hides_no_drift(ready: World) -> None:
    await sweep(ready)
    reads = ready.ditto.reads
    assert await settle_rack(ready)
    # The policy alone: things and Secrets were read in bulk.
    assert ready.ditto.reads == reads + 1
    ready.ditto.things[RACK_ID]["attributes"]["row"] = "elsewhere"
    await sweep(ready)
    assert await settle_rack(ready)
    assert ready.ditto.things[RACK_ID]["attributes"]["row"] == "r01"


async def test_events_beyond_the_budget_are_left_out(ready: World) -> None:
    for number in range(150):
        ready.kube.put("racks", rack_body(f"m{number}", servers=[]))
        assert await settle_rack(ready, Key("Rack", "lab", f"m{number}"))
    # Those of site and first rack among them.
    assert len(ready.kube.events) == 100
    ready.edit("racks", "lab", "m1", {"room": "attic"})
    assert not await settle_rack(ready, Key("Rack", "lab", "m1"))
    assert ready.kube.events[-1]["type"] == "Warning"
