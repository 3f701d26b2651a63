"""What a sweep sees of settled resources: nothing to do when all is as desired, each kind of drift named, no writes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.rack_operator.conftest import RACK, RACK_ID, SERVER_ID
from tests.unit.rack_operator.fakes import World

from rack_operator.desired.ownership import ANNOTATION_ROTATE
from rack_operator.reconcile.inspection import Inspector
from rack_operator.reconcile.publish import publish_status
from rack_operator.reconcile.store import Key
from rack_operator.reconcile.sweep import Sweeper


async def doubted(world: World) -> list[tuple[str, Key]]:
    """What the three steps of an inspection name, each with its step."""
    world.watch()
    sweeper = Sweeper(world.around, world.store, None)
    await sweeper.read_all()
    found: list[tuple[str, Key]] = []
    inspector: Inspector = sweeper.inspector
    seen = inspector.look(RACK)
    if seen is None:
        return [("pages", RACK)]
    await inspector.compare_registered([seen], lambda key: found.append(("reads", key)))
    await inspector.compare_logins([seen], lambda key: found.append(("logins", key)))
    assert inspector.pending == 0
    return found


async def test_nothing_is_doubted_or_written_when_all_is_as_desired(ready: World) -> None:
    writes = ready.fuse.writes
    assert await doubted(ready) == []
    assert ready.fuse.writes == writes


def thing_changed(world: World) -> None:
    world.ditto.things[RACK_ID]["attributes"]["row"] = "moved"


def thing_gone(world: World) -> None:
    del world.ditto.things[SERVER_ID]


def secret_gone(world: World) -> None:
    del world.kube.objects["secrets", "lab", "server-db-device"]


def secret_changed(world: World) -> None:
    world.kube.objects["secrets", "lab", "rack-r1-device"]["data"]["host"] = "bm93aGVyZQ=="


def rotation_asked_for(world: World) -> None:
    world.annotate("racks", "r1", {ANNOTATION_ROTATE: "2026-01"})


def site_changed(world: World) -> None:
    world.edit("sites", "lab", "lab", {"ashraeClass": "A3"})


def status_untrue(world: World) -> None:
    world.kube.objects["racks", "lab", "r1"]["status"]["devices"].append("racktwin.lab:server-gone")


def policy_gone(world: World) -> None:
    del world.ditto.policies[RACK_ID]


def policy_changed(world: World) -> None:
    world.ditto.policies[RACK_ID]["entries"]["operator"]["resources"]["thing:/"]["revoke"] = ["WRITE"]


def device_gone(world: World) -> None:
    del world.hono.devices["lab", SERVER_ID]


def device_off(world: World) -> None:
    world.hono.devices["lab", RACK_ID]["enabled"] = False


def registry_down(world: World) -> None:
    world.fuse.down["HonoRegistry"] = 503


def login_gone(world: World) -> None:
    world.hono.credentials["lab", SERVER_ID] = []


def login_off(world: World) -> None:
    world.hono.credentials["lab", RACK_ID][0]["enabled"] = False


@pytest.mark.parametrize(
    ("step", "drift"),
    [
        *(("pages", drift) for drift in (thing_changed, thing_gone, secret_gone, secret_changed)),
        *(("pages", drift) for drift in (rotation_asked_for, site_changed, status_untrue)),
        *(("reads", drift) for drift in (policy_gone, policy_changed, device_gone, device_off)),
        *(("logins", drift) for drift in (login_gone, login_off)),
    ],
)
async def test_each_drift_is_named_once_by_the_cheapest_step_that_shows_it(
    ready: World, step: str, drift: Callable[[World], None]
) -> None:
    drift(ready)
    found = await doubted(ready)
    assert found[0] == (step, RACK)


async def test_what_cannot_be_read_is_left_to_a_reconcile_to_judge(ready: World) -> None:
    registry_down(ready)
    assert ("reads", RACK) in await doubted(ready)


async def test_a_status_written_over_a_newer_version_is_merged(ready: World) -> None:
    ready.watch()
    stale = ready.store.get(RACK)
    assert stale is not None
    ready.annotate("racks", "r1", {"note": "by a person"})
    status = {**stale["status"], "tenant": "another"}
    assert await publish_status(ready.around, ready.store, RACK, stale, status)
    held = ready.kube.objects["racks", "lab", "r1"]
    assert held["status"]["tenant"] == "another"
    assert held["metadata"]["annotations"]["note"] == "by a person"
