"""What wakes the operator, when it is ready, and when it may work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
from tests.unit.rack_operator.conftest import RACK, SITE, rack_body, site_body

from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import Page, Resource, _ListMeta
from rack_operator.main import Triggers, lead
from rack_operator.reconcile.store import Key, Store
from racktwin.health import Health


class FakeApi:
    """Lists what `objects` holds by plural; watches that stay silent until `ends` is set."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {"racks": [_known(rack_body())], "sites": [_known(site_body())]}
        self.down: set[str] = set()
        self.ends = asyncio.Event()

    async def page(self, resource: Resource, namespace: str | None, **_: Any) -> Page:
        if resource.plural in self.down:
            raise DependencyError("Kubernetes", "list", 0, "made to fail")
        items = [msgspec.Raw(msgspec.json.encode(body)) for body in self.objects.get(resource.plural, [])]
        return Page(_ListMeta("", "7"), items)

    @asynccontextmanager
    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        await self.ends.wait()
        raise DependencyError("Kubernetes", "watch", 410, "too old")
        yield  # Makes it a generator.


class FakeController:
    def __init__(self) -> None:
        self.woken: list[Key] = []
        self.lost: list[Key] = []
        self.sites: list[str] = []
        self.working = False

    def wake(self, key: Key) -> None:
        self.woken.append(key)

    def gone(self, key: Key) -> None:
        self.lost.append(key)

    def wake_sites_of(self, namespace: str, *, config_map: str | None = None) -> None:
        self.sites.append(config_map or namespace)

    async def run(self) -> None:
        self.working = True
        try:
            await asyncio.Event().wait()
        finally:
            self.working = False


class FakeLease:
    def __init__(self) -> None:
        self.free, self.lost = asyncio.Event(), asyncio.Event()
        self.released = False

    async def acquire(self) -> None:
        await self.free.wait()

    async def keep(self) -> None:
        await self.lost.wait()

    async def release(self) -> None:
        self.released = True


def _known(body: dict[str, Any]) -> dict[str, Any]:
    body["metadata"] |= {"resourceVersion": "1", "uid": "u", "generation": 1}
    return body


def parts() -> tuple[Any, FakeApi, FakeController, FakeLease]:
    api, controller, lease = FakeApi(), FakeController(), FakeLease()
    return (
        SimpleNamespace(store=Store(), controller=controller, watching=api, lease=lease),
        api,
        controller,
        lease,
    )


async def eventually(probe: Any) -> None:
    async with asyncio.timeout(60):
        while not probe():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(*work: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_every_kind_must_be_listed_before_anything_is_done() -> None:
    assembly, api, controller, lease = parts()
    lease.free.set()
    api.down.add("coolingunits")
    health = Health()
    triggers = Triggers(assembly, health, None)
    async with running(*(watch.run() for watch in triggers.watches), lead(assembly, triggers.known, health)):
        await eventually(lambda: set(controller.woken) == {SITE, RACK})
        assert not triggers.known.is_set()
        assert not health.ready()[0]
        assert not controller.working
        api.down.clear()
        await eventually(lambda: controller.working)
        assert health.ready()[0]
        assert health.alive()[0]
    assert lease.released


async def test_what_a_new_list_does_not_show_is_gone() -> None:
    assembly, api, controller, _ = parts()
    triggers = Triggers(assembly, Health(), ["lab"])
    async with running(*(watch.run() for watch in triggers.watches)):
        await triggers.known.wait()
        api.objects["racks"] = []
        api.ends.set()
        await eventually(lambda: controller.lost == [RACK])
        assert not assembly.store.has(RACK)


async def test_an_artifact_wakes_the_sites_that_use_it() -> None:
    assembly, api, controller, _ = parts()
    api.objects["configmaps"] = [{"metadata": {"name": "model-x", "namespace": "lab"}}]
    triggers = Triggers(assembly, Health(), None)
    async with running(*(watch.run() for watch in triggers.watches)):
        await eventually(lambda: "model-x" in controller.sites)


async def test_work_stops_with_the_lease_and_begins_again_with_it() -> None:
    assembly, _, controller, lease = parts()
    known = asyncio.Event()
    known.set()
    lease.free.set()
    async with running(lead(assembly, known, Health())):
        await eventually(lambda: controller.working)
        lease.free.clear()
        lease.lost.set()
        await eventually(lambda: not controller.working)
        lease.lost.clear()
        lease.free.set()
        await eventually(lambda: controller.working)
