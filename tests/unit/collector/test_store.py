"""Store and forward: order, bound, what an earlier run left."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store import Store
from racktwin.outbox import Pack


def keep(store: Store, first: int, last: int, size: int = 10) -> None:
    for number in range(first, last):
        store.append("d", f"{number}".rjust(size).encode(), 1)


def numbers(packs: list[Pack]) -> list[int]:
    return [int(pack.payload) for pack in packs]


def drain(store: Store) -> list[int]:
    found: list[int] = []
    while packs := store.claim():
        found += numbers(packs)
        for pack in packs:
            store.done(pack)
    return found


def test_what_is_kept_comes_out_in_order_and_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path, 1_000_000)
    keep(store, 0, 5)
    assert numbers(store.claim()) == [0, 1, 2, 3, 4]
    keep(store, 5, 8)
    assert drain(store) == [5, 6, 7]
    assert store.backlog()[0] == 5
    assert store.claim() == []


def test_a_killed_run_loses_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path, 1_000_000)
    keep(store, 0, 5)
    packs = store.claim()
    store.done(packs[0])
    keep(store, 5, 7)
    again = Store(tmp_path, 1_000_000)
    assert again.recovered_packs == 7
    keep(again, 7, 9)
    assert drain(again) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert not list(tmp_path.iterdir())


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path, 1_000_000)
    keep(store, 0, 3)
    store.close()
    file = next(tmp_path.iterdir())
    file.write_text(file.read_text()[:-8])
    assert drain(Store(tmp_path, 1_000_000)) == [0, 1]


def test_at_the_bound_nothing_new_is_taken_and_that_is_counted(tmp_path: Path) -> None:
    store = Store(tmp_path, 40_000)
    keep(store, 0, 4000)
    held = store.backlog()[0]
    assert 34_000 < store.backlog()[1] <= 40_000
    assert store.dropped_readings == store.dropped_packs == 4000 - held
    assert not store.append("d", b" " * 50, 3) and store.dropped_readings == 4003 - held
    # What was kept stays so over a restart, though the bound is smaller then; there is room again once Hono has some.
    store.close()
    store = Store(tmp_path, 20_000)
    keep(store, 4000, 4001)
    assert store.dropped_packs == 1
    assert drain(store) == list(range(held))
    assert store.append("d", b"4002", 1) and drain(store) == [4002]


def test_at_the_bound_the_oldest_goes_and_is_counted(tmp_path: Path) -> None:
    store = Store(tmp_path, 40_000, "oldest")
    keep(store, 0, 4000)
    assert store.backlog()[1] <= 40_000
    left = drain(store)
    assert left == list(range(4000 - len(left), 4000))
    assert store.dropped_readings == store.dropped_packs == 4000 - len(left)
    # Not a byte more than has to: most of the bound is used.
    assert len(left) * len('["d",1,"          "]\n') > 34_000


def test_what_is_under_way_is_not_dropped(tmp_path: Path) -> None:
    store = Store(tmp_path, 40_000, "oldest")
    keep(store, 0, 10)
    first = store.claim()
    keep(store, 10, 4000)
    assert numbers(first) == list(range(10))
    for pack in first:
        store.done(pack)
    assert store.dropped_readings == 4000 - 10 - len(drain(store))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["keep", "claim", "done", "restart"]), max_size=60))
def test_whatever_happens_nothing_is_lost_and_order_holds(tmp_path_factory: object, steps: list[str]) -> None:
    folder = tmp_path_factory.mktemp("store")  # type: ignore[attr-defined]
    store, sent, under_way, done = Store(folder, 10_000_000), 0, [], []
    for step in steps:
        if step == "keep":
            keep(store, sent, sent + 1)
            sent += 1
        elif step == "claim":
            under_way += store.claim()
        elif step == "done" and under_way:
            pack = under_way.pop(0)
            store.done(pack)
            done.append(int(pack.payload))
        elif step == "restart":
            store.close()
            store, under_way = Store(folder, 10_000_000), []
    rest = numbers(under_way) + drain(store)
    assert rest == sorted(rest)
    assert set(done) | set(rest) == set(range(sent))
