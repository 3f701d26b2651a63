"""The controller with its workers and sweep: from an applied resource to Ready, failures put back, racks woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.unit.rack_operator.conftest import RACK, RACK_ID, SITE, conditions, site_body
from tests.unit.rack_operator.fakes import World

from rack_operator.reconcile.controller import Controller
from rack_operator.reconcile.queue import WorkQueue
from rack_operator.reconcile.rack import RackReconciler
from rack_operator.reconcile.site import SiteReconciler
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.sweep import Sweeper
from racktwin.health import Health


@asynccontextmanager
async def running(world: World, *, sweep_s: float = 0.05) -> AsyncIterator[tuple[Controller, Health]]:
    store, health = Store(), Health()
    controller = Controller(
        store=store,
        queue=WorkQueue[Key](first_s=0.01, longest_s=0.05, jitter=lambda: 0.5),
        racks=RackReconciler(world.around, store),
        sites=SiteReconciler(world.around, store),
        sweeper=Sweeper(world.around, store, None),
        health=health,
        workers=4,
        sweep_s=sweep_s,
    )
    task = asyncio.create_task(controller.run())
    try:
        yield controller, health
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def eventually(probe: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not probe():
            await asyncio.sleep(0.01)


def is_ready(world: World, key: Key) -> bool:
    try:
        return conditions(world, key)["Ready"][0] == "True"
    except KeyError:
        return False


async def test_what_is_applied_becomes_ready_and_then_nothing_is_written(world: World) -> None:
    async with running(world) as (_, health):
        await eventually(lambda: is_ready(world, SITE) and is_ready(world, RACK))
        await asyncio.sleep(0.1)
        writes = world.fuse.writes
        await asyncio.sleep(0.3)
        assert world.fuse.writes == writes
        assert health.ready()[0]
        assert health.alive()[0]


async def test_not_ready_until_the_first_list(world: World) -> None:
    world.fuse.down["Kubernetes"] = 0
    async with running(world) as (_, health):
        await asyncio.sleep(0.1)
        assert not health.ready()[0]
        world.fuse.down.clear()
        await eventually(lambda: health.ready()[0])


async def test_drift_is_mended_by_the_sweep_and_a_deleted_rack_cleaned_up(world: World) -> None:
    async with running(world):
        await eventually(lambda: is_ready(world, RACK))
        del world.ditto.things[RACK_ID]
        await eventually(lambda: RACK_ID in world.ditto.things)
        world.delete("racks", "lab", "r1")
        await eventually(lambda: "r1" not in world.kube.names("racks"))
        assert RACK_ID not in world.ditto.things


async def test_an_outage_is_waited_out(world: World) -> None:
    world.fuse.down["HonoRegistry"] = 503
    async with running(world):
        await eventually(lambda: "status" in world.kube.objects["sites", "lab", "lab"])
        assert conditions(world, SITE)["Ready"] == ("False", "HonoRegistryHTTP503")
        world.fuse.down.clear()
        await eventually(lambda: is_ready(world, SITE) and is_ready(world, RACK))


async def test_one_broken_resource_does_not_stop_the_others(world: World) -> None:
    body = site_body()
    body["metadata"].update(name="bad", namespace="lab")
    body["spec"]["rooms"] = "nonsense"
    world.kube.put("sites", body)
    async with running(world):
        await eventually(lambda: is_ready(world, RACK))


async def test_racks_are_told_when_their_site_goes_and_comes(world: World) -> None:
    async with running(world, sweep_s=60) as (controller, _):
        await eventually(lambda: is_ready(world, SITE) and is_ready(world, RACK))
        del world.kube.objects["sites", "lab", "lab"]
        controller.gone(SITE)
        await eventually(lambda: conditions(world, RACK)["Ready"] == ("False", "SiteNotFound"))
