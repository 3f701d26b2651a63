"""The work queue: once per key, never twice at a time, later after each failure."""

from __future__ import annotations

import asyncio

import pytest

from rack_operator.reconcile.queue import WorkQueue


def queue(first_s: float = 0.01, longest_s: float = 1.0) -> WorkQueue[str]:
    return WorkQueue(first_s=first_s, longest_s=longest_s, jitter=lambda: 0.0)


async def test_a_key_is_taken_once_however_often_it_was_asked_for() -> None:
    work = queue()
    work.add("a")
    work.add("a")
    work.add("b")
    assert [await work.take(), await work.take()] == ["a", "b"]
    assert len(work) == 0


async def test_a_key_asked_for_while_worked_on_comes_again_afterwards() -> None:
    work = queue()
    work.add("a")
    assert await work.take() == "a"
    work.add("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work.take(), 0.02)
    work.done("a")
    assert await asyncio.wait_for(work.take(), 60) == "a"


async def test_failures_wait_longer_each_time_up_to_a_limit() -> None:
    work = queue(first_s=1.0, longest_s=6.0)
    waits = [work.retry("a") for _ in range(5)]
    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert work.failures("a") == 5
    work.forget("a")
    assert work.retry("a") == 0.5


async def test_jitter_spreads_the_waits() -> None:
    work: WorkQueue[str] = WorkQueue(first_s=1.0, longest_s=6.0, jitter=lambda: 0.5)
    assert work.retry("a") == 0.75


async def test_a_retry_comes_by_itself_and_news_come_sooner() -> None:
    work = queue(first_s=0.04)
    work.retry("a")
    assert len(work) == 1
    assert await asyncio.wait_for(work.take(), 60) == "a"
    work.done("a")
    work.add_after("b", 100)
    work.add("b")
    assert await asyncio.wait_for(work.take(), 60) == "b"
    assert len(work) == 0


async def test_the_sooner_of_two_dates_counts() -> None:
    work = queue()
    work.add_after("a", 100)
    work.add_after("a", 0.01)
    work.add_after("a", 50)
    assert await asyncio.wait_for(work.take(), 60) == "a"
    assert len(work) == 0


async def test_many_takers_share_the_keys() -> None:
    work = queue()
    taken: list[str] = []

    async def taker() -> None:
        while True:
            key = await work.take()
            taken.append(key)
            await asyncio.sleep(0)
            work.done(key)

    takers = [asyncio.create_task(taker()) for _ in range(8)]
    for number in range(100):
        work.add(str(number))
    async with asyncio.timeout(60):
        while len(taken) < 100:
            await asyncio.sleep(0.01)
    for task in takers:
        task.cancel()
    assert sorted(taken, key=int) == [str(number) for number in range(100)]
