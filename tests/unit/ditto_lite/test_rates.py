"""The rate profile: what costs what, a queue that is honest about time, a search that lags, events that are lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ditto_lite.kafka_commands import operation_in
from ditto_lite.pace import CATCH_UP_S, Outlet, Pace
from ditto_lite.rates import PROFILES, Operation, Profile, kafka_operation, operation_of
from ditto_lite.search import Query, Search
from ditto_lite.search_index import LaggingIndex

DITTO = PROFILES["ditto-3.9"]
assert DITTO is not None
LIMITED = list(Operation)


class FakeTime:
    """Seconds that pass when somebody sleeps, and a little more each time, as on a busy machine."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.at = 1000.0
        self.late_s = late_s

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds + self.late_s
        await asyncio.sleep(0)


def pace_of(clock: FakeTime, profile: Profile | None = DITTO) -> Pace:
    return Pace(profile, clock.now, clock.sleep)


@pytest.mark.parametrize("operation", LIMITED)
async def test_many_take_as_much_longer_as_they_are_more(operation: Operation) -> None:
    clock = FakeTime()
    pace = pace_of(clock)
    many = round(5 * DITTO.per_s[operation])
    await asyncio.gather(*(pace.turn(operation) for _ in range(many)))
    assert clock.at - 1000 == pytest.approx(5 - CATCH_UP_S, abs=0.003)


@pytest.mark.parametrize("operation", LIMITED)
async def test_one_takes_its_own_cost(operation: Operation) -> None:
    clock = FakeTime()
    await pace_of(clock).turn(operation)
    assert clock.at - 1000 == pytest.approx(1 / DITTO.per_s[operation], abs=0.002)


async def test_work_between_the_turns_of_a_batch_does_not_lower_the_rate() -> None:
    clock = FakeTime()
    pace = pace_of(clock)
    for _ in range(100):
        await pace.turn(Operation.KAFKA, 50)
        clock.at += 0.02
    assert clock.at - 1000 == pytest.approx(5000 / DITTO.per_s[Operation.KAFKA], abs=CATCH_UP_S)


async def test_timers_that_fire_late_do_not_lower_the_rate() -> None:
    clock = FakeTime(late_s=0.01)
    pace = pace_of(clock)
    await asyncio.gather(*(pace.turn(Operation.CHANGE) for _ in range(500)))
    assert clock.at - 1000 == pytest.approx(500 / DITTO.per_s[Operation.CHANGE] - CATCH_UP_S, abs=0.02)


async def test_no_more_idle_time_is_saved_up_than_the_bucket_holds() -> None:
    clock = FakeTime()
    pace = pace_of(clock)
    await pace.turn(Operation.CREATE)
    clock.at += 60
    began = clock.at
    await asyncio.gather(*(pace.turn(Operation.CREATE) for _ in range(68)))
    assert clock.at - began == pytest.approx(1.0 - CATCH_UP_S, abs=0.003)


async def test_first_come_first_served() -> None:
    clock = FakeTime()
    pace = pace_of(clock)
    order: list[int] = []

    async def one(number: int) -> None:
        await pace.turn(Operation.KAFKA)
        order.append(number)

    await asyncio.gather(*(one(number) for number in range(50)))
    assert order == list(range(50))


async def test_kafka_is_not_starved_by_http_nor_http_by_kafka() -> None:
    clock = FakeTime()
    pace = pace_of(clock)
    served = {Operation.CREATE: 0.0, Operation.KAFKA: 0.0}

    async def endless(operation: Operation, amount: int, callers: int) -> None:
        async def caller() -> None:
            while clock.at < 1010:
                await pace.turn(operation, amount)
                served[operation] += amount

        await asyncio.gather(*(caller() for _ in range(callers)))

    await asyncio.gather(endless(Operation.CREATE, 1, 30), endless(Operation.KAFKA, 50, 1))
    assert served[Operation.CREATE] == pytest.approx(10 * 68 / 2, rel=0.15)
    assert served[Operation.KAFKA] == pytest.approx(10 * 850 / 2, rel=0.15)


async def test_a_caller_who_left_does_not_stop_the_others() -> None:
    clock = FakeTime()
    pace = pace_of(clock)
    left = asyncio.create_task(pace.turn(Operation.SEARCH))
    stays = asyncio.create_task(pace.turn(Operation.SEARCH))
    await asyncio.sleep(0)
    left.cancel()
    await stays
    assert left.cancelled()


async def test_without_a_profile_nothing_waits() -> None:
    clock = FakeTime()
    pace = pace_of(clock, None)
    await asyncio.gather(*(pace.turn(operation) for operation in LIMITED), pace.indexed())
    assert clock.at == 1000
    assert pace.outlet() is None


@pytest.mark.parametrize(
    ("method", "path", "exists", "expected"),
    [
        ("PUT", "things/a:b", False, Operation.CREATE),
        ("PATCH", "things/a:b", False, Operation.CREATE),
        ("PUT", "policies/a:b", False, Operation.CREATE),
        ("POST", "things", False, Operation.CREATE),
        ("PUT", "things/a:b", True, Operation.CHANGE),
        ("PATCH", "things/a:b/features/f", True, Operation.CHANGE),
        ("DELETE", "things/a:b", True, Operation.CHANGE),
        ("GET", "things/a:b", True, Operation.READ),
        ("GET", "things", False, Operation.SEARCH),
        ("GET", "search/things/count", False, Operation.SEARCH),
        ("POST", "things/a:b/inbox/messages/ask", True, None),
        ("PUT", "connections/c", False, None),
        ("GET", "whoami", False, None),
    ],
)
def test_what_a_request_costs(method: str, path: str, exists: bool, expected: Operation | None) -> None:
    assert operation_of(method, path.split("/"), exists=exists) is expected


@pytest.mark.parametrize(
    ("action", "path", "exists", "expected"),
    [
        ("create", "/", False, Operation.KAFKA_CREATE),
        ("modify", "/", False, Operation.KAFKA_CREATE),
        ("merge", "/", False, Operation.KAFKA_CREATE),
        ("merge", "/", True, Operation.KAFKA),
        ("merge", "/features", False, Operation.KAFKA),
        ("retrieve", "/", False, Operation.KAFKA),
    ],
)
def test_what_a_command_from_kafka_costs(action: str, path: str, exists: bool, expected: Operation) -> None:
    assert kafka_operation(action, path, exists=exists) is expected


def test_a_record_is_priced_by_what_it_says(world: Any) -> None:
    world.make("ns:there")
    for thing, expected in (("there", Operation.KAFKA), ("new", Operation.KAFKA_CREATE)):
        record = f'{{"topic":"ns/{thing}/things/twin/commands/modify","path":"/","value":{{}}}}'
        assert operation_in(record.encode(), world.twin) is expected
    assert operation_in(b"{", world.twin) is Operation.KAFKA


def test_events_leave_at_the_rate_and_are_dropped_when_the_buffer_is_full() -> None:
    clock = FakeTime()
    outlet = Outlet(DITTO, clock.now)
    delays = [outlet.admit() for _ in range(1000)]
    sent = [each for each in delays if each is not None]
    assert len(sent) == DITTO.events_buffered
    assert sent == sorted(sent)
    assert sent[-1] == pytest.approx(DITTO.events_buffered / DITTO.events_per_s)
    clock.at += 10
    assert outlet.admit() is not None


def test_a_search_finds_what_was_there_a_moment_ago(world: Any) -> None:
    world.make("ns:old", attributes={"v": 1})
    index = LaggingIndex(world.twin, 1100)

    def found(text: str = "") -> list[str]:
        page = Search(index).page(Query(("nginx:owner",), text))
        return [each["thingId"] for each in page["items"]]

    world.make("ns:new")
    world.do("modify", "ns:old", "/attributes/v", 2)
    world.clock.now += 1099
    assert found() == ["ns:old"]
    assert found("eq(attributes/v,1)") == ["ns:old"]
    world.clock.now += 1
    assert found() == ["ns:new", "ns:old"]
    assert found("eq(attributes/v,2)") == ["ns:old"]
    world.do("delete", "ns:old")
    assert found() == ["ns:new", "ns:old"]
    world.clock.now += 1100
    assert found() == ["ns:new"]
