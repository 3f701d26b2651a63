"""One replica works at a time; another takes over when it falls silent, or at once when it goes in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.rack_operator.fake_cluster import FakeKube
from tests.unit.rack_operator.fuse import Fuse

from rack_operator.clients.lease import Lease, LeaseTimes

TIMES = LeaseTimes(duration_s=1.0, renew_s=0.05, give_up_s=0.7, retry_s=0.02)
# Nobody waits so long here.
PATIENT = LeaseTimes(duration_s=600, renew_s=0.05, give_up_s=0.7, retry_s=0.02)


def replica(kube: FakeKube, name: str, times: LeaseTimes = TIMES) -> Lease:
    return Lease(kube, "system", "operator", name, clock=lambda: 1_700_000_000_000, times=times)  # type: ignore[arg-type]


def holder(kube: FakeKube) -> Any:
    return kube.objects["leases", "system", "operator"]["spec"]["holderIdentity"]


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube(Fuse())


async def test_the_second_waits_while_the_first_renews(kube: FakeKube) -> None:
    first, second = replica(kube, "a"), replica(kube, "b")
    await first.acquire()
    keep = asyncio.create_task(first.keep())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.6):
            await second.acquire()
    assert holder(kube) == "a"
    assert not keep.done()
    keep.cancel()


def test_a_silent_holder_is_followed_within_half_a_minute() -> None:
    times = LeaseTimes()
    assert times.duration_s + 2 * times.retry_s < 30
    # It has given up before another may begin.
    assert times.give_up_s + times.renew_s < times.duration_s


async def test_a_silent_holder_is_followed_after_its_time(kube: FakeKube) -> None:
    first, second = replica(kube, "a"), replica(kube, "b")
    await first.acquire()
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(60):
        await second.acquire()
    assert asyncio.get_running_loop().time() - began >= TIMES.duration_s
    assert holder(kube) == "b"
    assert kube.objects["leases", "system", "operator"]["spec"]["leaseTransitions"] == 1
    # The first, back again, sees that it is not the holder any more.
    async with asyncio.timeout(60):
        await first.keep()


async def test_a_released_lease_is_taken_at_once(kube: FakeKube) -> None:
    first, second = replica(kube, "a", PATIENT), replica(kube, "b", PATIENT)
    await first.acquire()
    await first.release()
    async with asyncio.timeout(60):
        await second.acquire()
    await first.release()
    assert holder(kube) == "b"


async def test_who_cannot_renew_stops_before_another_may_begin(kube: FakeKube) -> None:
    first = replica(kube, "a")
    await first.acquire()
    kube.fuse.down["Kubernetes"] = 0
    began = asyncio.get_running_loop().time()
    await first.keep()
    assert asyncio.get_running_loop().time() - began < TIMES.duration_s


async def test_of_two_that_see_a_free_lease_one_gets_it(kube: FakeKube) -> None:
    leases = [replica(kube, name) for name in "abcd"]
    tasks = [asyncio.create_task(lease.acquire()) for lease in leases]
    await asyncio.wait(tasks, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.1)
    assert sum(task.done() for task in tasks) == 1
    for task in tasks:
        task.cancel()
