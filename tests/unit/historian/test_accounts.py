"""What the historian says of losses: numbers per device over all partitions, times per series."""

from __future__ import annotations

from historian.accounts import Accounts
from racktwin.messages import Reading

GATEWAY = "racktwin.berlin:gateway-g1"


def reading(at, seq=None, thing="r1", feature="power"):
    return Reading(
        thing=f"racktwin.berlin:rack-{thing}",
        feature=feature,
        observed_at=at,
        received_at=at,
        values={"power": 1.0},
        quality="good",
        device=GATEWAY,
        kind="rack",
        seq=seq,
        v=1,
    )


def counted(*readings):
    accounts = Accounts()
    for one in readings:
        accounts.take("berlin", one, 1000)
    return accounts, accounts.counts()


def test_a_stream_in_order_counts_nothing():
    _, counts = counted(
        *(reading(at, at, thing, f) for at in range(5) for thing in ("a", "b") for f in ("power", "fan"))
    )
    numbers = counts["berlin", "gateway"].numbers
    assert (numbers.gaps, numbers.missing, numbers.repeated) == (0, 0, 0)
    assert list(counts) == [("berlin", "gateway")]


def test_a_number_that_no_reading_bore_is_missing():
    _, counts = counted(reading(1, 1), reading(2, 2), reading(5, 5))
    assert (counts["berlin", "gateway"].numbers.gaps, counts["berlin", "gateway"].numbers.missing) == (1, 2)


def test_what_comes_by_another_partition_closes_the_gap():
    _, counts = counted(reading(1, 1), reading(3, 3), reading(2, 2, "other"))
    numbers = counts["berlin", "gateway"].numbers
    assert (numbers.gaps, numbers.missing, numbers.late) == (1, 0, 1)


def test_repeated_and_late_readings_are_told_apart():
    _, counts = counted(reading(1), reading(3), reading(3), reading(2))
    assert (counts["berlin", "rack"].repeated, counts["berlin", "rack"].late) == (1, 1)


def test_partitions_that_come_back_are_no_loss():
    accounts, _ = counted(reading(1, 1))
    accounts.reset()
    accounts.take("berlin", reading(900, 900), 1000)
    assert accounts.counts()["berlin", "gateway"].numbers.gaps == 0


def test_what_is_silent_is_forgotten():
    accounts, _ = counted(reading(1, 1))
    accounts.forget(2000)
    accounts.take("berlin", reading(1, 7), 3000)
    counts = accounts.counts()
    assert counts["berlin", "gateway"].numbers.gaps == 0
    assert ("berlin", "rack") not in counts
