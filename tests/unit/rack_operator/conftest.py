"""A world of fakes with a site and a rack in it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.rack_operator.fakes import World

from rack_operator.api.rack import RackSpec
from rack_operator.reconcile.publish import RESOURCES
from rack_operator.reconcile.resource import TwinReconciler
from rack_operator.reconcile.site import SiteReconciler
from rack_operator.reconcile.store import Key

SITE = Key("Site", "lab", "lab")
RACK = Key("Rack", "lab", "r1")
RACK_ID = "racktwin.lab:rack-r1"
SERVER_ID = "racktwin.lab:server-db"


def site_body(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "lab", "namespace": "lab"},
        "spec": {
            "rooms": [{"name": "hall", "widthM": 10, "depthM": 8, "heightM": 3}],
            "gateways": [{"name": "main"}],
            **spec,
        },
    }


def rack_body(name: str = "r1", **spec: Any) -> dict[str, Any]:
    given = {
        "site": "lab",
        "room": "hall",
        "row": "r01",
        "position": {"xM": 1, "yM": 2},
        "servers": [{"name": "db", "position": 3, "uHeight": 2, "allocatedDrawW": 400}],
        **spec,
    }
    # The API server fills in defaults; so does this.
    filled = RackSpec.model_validate(given).model_dump(by_alias=True, exclude_none=True)
    return {"metadata": {"name": name, "namespace": "lab"}, "spec": filled}


async def settle_site(world: World) -> bool:
    world.watch()
    return await SiteReconciler(world.around, world.store).reconcile(SITE)


async def settle_rack(world: World, key: Key = RACK, *, first_try: bool = False) -> bool:
    world.watch()
    return await TwinReconciler(world.around, world.store).reconcile(key, first_try=first_try)


def conditions(world: World, key: Key) -> dict[str, tuple[str, str]]:
    body = world.kube.objects[RESOURCES[key.kind].plural, key.namespace, key.name]
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in body["status"]["conditions"]}


def message(world: World, key: Key, type_: str = "Ready") -> str:
    body = world.kube.objects[RESOURCES[key.kind].plural, key.namespace, key.name]
    return next(entry["message"] for entry in body["status"]["conditions"] if entry["type"] == type_)


@pytest.fixture(params=[False, True], ids=["hono-1.0.3", "hono-2.x"])
def world(request: pytest.FixtureRequest) -> World:
    """An empty world with one Site and one Rack applied."""
    world = World(hides=request.param)
    world.kube.put("sites", site_body())
    world.kube.put("racks", rack_body())
    return world


@pytest.fixture
async def ready(world: World) -> World:
    """The world with site and rack reconciled."""
    assert await settle_site(world)
    assert await settle_rack(world)
    return world
