"""The controller with its workers and sweep: from an applied resource to Ready, failures put back, racks woken."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prometheus_client import REGISTRY
from tests.unit.rack_operator.conftest import RACK, RACK_ID, SITE, conditions, site_body
from tests.unit.rack_operator.fakes import KIND_OF, World

from rack_operator.reconcile.controller import Controller
from rack_operator.reconcile.model import ModelReconciler
from rack_operator.reconcile.queue import WorkQueue
from rack_operator.reconcile.resource import TwinReconciler
from rack_operator.reconcile.scenario import ScenarioReconciler
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
        twins=TwinReconciler(world.around, store),
        sites=SiteReconciler(world.around, store),
        scenarios=ScenarioReconciler(world.around, store, None, None),
        models=ModelReconciler(world.around, store, None),
        sweeper=Sweeper(world.around, store, None),
        health=health,
        workers=4,
        sweep_s=sweep_s,
        clock=lambda: world.now_ms,
    )
    # What `main` does before it lets the controller work: each kind is listed and watched.
    follow(world, store, controller)
    watch = asyncio.create_task(follow_for_ever(world, store, controller))
    task = asyncio.create_task(controller.run())
    try:
        yield controller, health
    finally:
        task.cancel()
        watch.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


def follow(world: World, store: Store, controller: Controller) -> None:
    seen = []
    for (plural, namespace, name), body in world.kube.objects.items():
        if plural in KIND_OF:
            key = Key(KIND_OF[plural], namespace, name)
            seen.append(key)
            if store.put(key.kind, copy.deepcopy(body)):
                controller.wake(key)
    for kind in KIND_OF.values():
        for key in store.retain(kind, seen):
            controller.gone(key)


async def follow_for_ever(world: World, store: Store, controller: Controller) -> None:
    while True:
        await asyncio.sleep(0.01)
        follow(world, store, controller)


async def eventually(probe: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
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
        assert health.alive()[0]


async def test_bulk_changes_may_go_over_kafka_once_the_site_is_there(world: World) -> None:
    async with running(world):
        await eventually(lambda: is_ready(world, SITE) and is_ready(world, RACK))
        assert world.ditto.bulk == {"lab"}


async def test_drift_is_mended_by_the_sweep_and_a_deleted_rack_cleaned_up(world: World) -> None:
    async with running(world):
        await eventually(lambda: is_ready(world, RACK))
        del world.ditto.things[RACK_ID]
        await eventually(lambda: RACK_ID in world.ditto.things)
        world.delete("racks", "lab", "r1")
        await eventually(lambda: "r1" not in world.kube.names("racks"))
        assert RACK_ID not in world.ditto.things


async def test_after_a_restart_settled_racks_are_compared_and_not_reconciled(world: World) -> None:
    def reconciled() -> float:
        done = {"kind": "Rack", "outcome": "done"}
        return REGISTRY.get_sample_value("racktwin_operator_reconciles_total", done) or 0.0

    def swept() -> float:
        return REGISTRY.get_sample_value("racktwin_operator_sweep_logins_completed_seconds") or 0.0

    async with running(world, sweep_s=60):
        await eventually(lambda: is_ready(world, SITE) and is_ready(world, RACK))
    before, writes = reconciled(), world.fuse.writes
    world.now_ms += 1000
    async with running(world, sweep_s=60):
        await eventually(lambda: swept() == world.now_ms / 1000)
        assert (reconciled(), world.fuse.writes) == (before, writes)
        # What changes after that is an event like any other.
        world.edit("racks", "lab", "r1", {"row": "r02"})
        await eventually(lambda: world.ditto.things[RACK_ID]["attributes"]["row"] == "r02")


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


async def test_the_policy_follows_the_models_that_come_and_go(world: World) -> None:
    def granted() -> set[str]:
        return set(world.ditto.policies["racktwin.lab:base"]["entries"]["models"]["resources"])

    power = "thing:/features/prediction.rack-power.power"
    async with running(world, sweep_s=60) as (controller, _):
        await eventually(lambda: is_ready(world, SITE) and is_ready(world, RACK))
        assert power not in granted()
        spec = {"site": "lab", "output": {"targets": ["power"]}}
        world.kube.put("twinmodels", {"metadata": {"name": "rack-power", "namespace": "lab"}, "spec": spec})
        await eventually(lambda: power in granted())
        del world.kube.objects["twinmodels", "lab", "rack-power"]
        controller.gone(Key("TwinModel", "lab", "rack-power"))
        await eventually(lambda: power not in granted())


async def test_racks_are_told_when_their_site_goes_and_comes(world: World) -> None:
    async with running(world, sweep_s=60) as (controller, _):
        await eventually(lambda: is_ready(world, SITE) and is_ready(world, RACK))
        del world.kube.objects["sites", "lab", "lab"]
        controller.gone(SITE)
        await eventually(lambda: conditions(world, RACK)["Ready"] == ("False", "SiteNotFound"))
