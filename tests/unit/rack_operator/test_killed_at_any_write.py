"""kill -9 at any write, before or after it took effect: a restarted operator finishes, and nothing is orphaned."""

from __future__ import annotations

import pytest
from tests.unit.rack_operator.conftest import rack_body, settle_rack, settle_site, site_body
from tests.unit.rack_operator.fakes import World
from tests.unit.rack_operator.fuse import KilledError

from rack_operator.reconcile.sweep import Sweeper

MOST_WRITES = 60


async def cut_short(world: World, at: int, *, after: bool, work: object) -> bool:
    """Runs `work` with the fuse set; True when it was cut short."""
    world.fuse.kill_at, world.fuse.after = world.fuse.writes + at, after
    try:
        await work(world)  # type: ignore[operator]
    except KilledError:
        return True
    finally:
        world.fuse.kill_at = None
    return False


async def finish(world: World) -> None:
    for _ in range(3):
        world.watch()
        if "lab" in world.kube.names("sites"):
            await settle_site(world)
        if "r1" in world.kube.names("racks"):
            await settle_rack(world)
    world.watch()
    sweeper = Sweeper(world.around, world.store, None)
    await sweeper.remove(await sweeper.read_all())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_while_making(after: bool) -> None:
    for at in range(MOST_WRITES):
        world = World()
        world.kube.put("sites", site_body())
        world.kube.put("racks", rack_body())

        async def make(world: World) -> None:
            await settle_site(world)
            await settle_rack(world)

        cut = await cut_short(world, at, after=after, work=make)
        await finish(world)
        assert world.kube.objects["racks", "lab", "r1"]["status"]["conditions"][-1]["status"] == "True", at
        assert set(world.ditto.things) == {
            "racktwin.lab:site-lab",
            "racktwin.lab:room-hall",
            "racktwin.lab:gateway-main",
            "racktwin.lab:rack-r1",
            "racktwin.lab:server-db",
        }
        writes = world.fuse.writes
        await finish(world)
        assert world.fuse.writes == writes, at
        if not cut:
            return
    pytest.fail("more writes than expected")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_while_a_server_is_added_and_taken_out_again(after: bool) -> None:
    """The worst moment: the status was not yet written when the server was taken out."""
    for at in range(MOST_WRITES):
        world = World()
        world.kube.put("sites", site_body())
        world.kube.put("racks", rack_body(servers=[]))
        await finish(world)
        world.edit("racks", "lab", "r1", {"servers": rack_body()["spec"]["servers"]})
        cut = await cut_short(world, at, after=after, work=settle_rack)
        world.edit("racks", "lab", "r1", {"servers": []})
        await finish(world)
        assert "racktwin.lab:server-db" not in world.ditto.things, at
        assert ("lab", "racktwin.lab:server-db") not in world.hono.devices, at
        assert "server-db-device" not in world.kube.names("secrets"), at
        if not cut:
            return
    pytest.fail("more writes than expected")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_while_deleting(after: bool) -> None:
    for at in range(MOST_WRITES):
        world = World()
        world.kube.put("sites", site_body())
        world.kube.put("racks", rack_body())
        await finish(world)
        world.delete("racks", "lab", "r1")
        world.delete("sites", "lab", "lab")

        async def remove(world: World) -> None:
            await settle_site(world)
            await settle_rack(world)

        cut = await cut_short(world, at, after=after, work=remove)
        await finish(world)
        assert world.kube.objects == {}, at
        assert world.ditto.things == {}
        assert world.ditto.policies == {}
        assert world.ditto.connections == {}
        assert world.hono.devices == {}
        assert world.hono.tenants == {}
        assert world.topics.topics == {}
        if not cut:
            return
    pytest.fail("more writes than expected")
