"""The outbox: order, window, resending, and a device that breaks the connection."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from racktwin.outbox import QUARANTINE_S, Outbox, Pack


def pack(device: str, seq: int = 1) -> Pack:
    return Pack(device, seq, b"", 1)


def filled(*packs: Pack, window: int = 10, limit: int = 100) -> Outbox:
    box = Outbox(window, limit)
    for one in packs:
        box.offer(one)
    return box


def send_all(box: Outbox, now: float = 0.0, mid: int = 0) -> list[Pack]:
    sent = []
    while (one := box.take(now)) is not None:
        mid += 1
        box.sent(mid, one, now)
        sent.append(one)
    return sent


def test_the_window_bounds_what_is_under_way() -> None:
    box = filled(*(pack("a", i) for i in range(5)), window=2)
    assert len(send_all(box)) == 2
    box.acked(1)
    assert len(send_all(box, mid=10)) == 1


def test_after_a_loss_everything_unacknowledged_goes_again_in_order() -> None:
    packs = [pack("a", i) for i in range(4)]
    box = filled(*packs)
    send_all(box)
    box.acked(1)
    box.connection_lost(1.0)
    again = []
    mid = 100
    while (one := box.take(1.0)) is not None:
        mid += 1
        box.sent(mid, one, 1.0)
        again.append(one)
        box.acked(mid)
    assert again == packs[1:]
    assert [one.attempts for one in again] == [2, 2, 2]
    assert box.backlog() == 0


def test_an_acknowledgement_of_an_earlier_connection_is_ignored() -> None:
    box = filled(pack("a"))
    send_all(box)
    box.connection_lost(0.0)
    assert box.acked(1) is None
    assert box.backlog() == 1


def test_the_window_opens_again_with_each_acknowledgement() -> None:
    box = filled(*(pack("a", i) for i in range(20)), window=8)
    send_all(box)
    box.connection_lost(0.0)
    sizes = []
    mid = 100
    for _ in range(4):
        sent = send_all(box, mid=mid)
        sizes.append(len(sent))
        for _ in sent:
            mid += 1
            box.acked(mid)
    assert sizes[0] == 1
    assert sizes[1] > 1
    assert sizes == sorted(sizes)


def break_until_alone(box: Outbox, poison: str, now: float = 0.0) -> str | None:
    """Play an adapter that acknowledges everything but hangs up on one device."""
    mid = 1000
    for _ in range(50):
        while (one := box.take(now)) is not None:
            mid += 1
            box.sent(mid, one, now)
            if one.device == poison:
                if (left_out := box.connection_lost(now)) is not None:
                    return left_out
                break
            box.acked(mid)
        else:
            return None
    raise AssertionError("the poison was never found")


def test_a_device_that_breaks_the_connection_is_left_out_and_the_others_flow() -> None:
    box = filled(pack("a"), pack("poison"), pack("b"), pack("a", 2))
    assert break_until_alone(box, "poison") == "poison"
    assert box.quarantined() == ["poison"]
    assert {one.device for one in send_all(box)} <= {"a", "b"}


def test_its_messages_wait_and_go_when_it_is_let_in_again() -> None:
    box = filled(pack("poison", 1), pack("poison", 2))
    break_until_alone(box, "poison")
    box.offer(pack("poison", 3))
    assert box.take(QUARANTINE_S - 1.0) is None
    later = QUARANTINE_S + 1.0
    seqs = []
    for mid in (1, 2, 3):
        one = box.take(later)
        assert one is not None
        box.sent(mid, one, later)
        seqs.append(one.seq)
        box.acked(mid)
    assert seqs == [1, 2, 3]


def test_a_broken_network_leaves_nobody_out() -> None:
    box = filled(*(pack(f"d{i}") for i in range(5)))
    send_all(box)
    assert box.connection_lost(0.0) is None
    assert box.quarantined() == []
    assert box.backlog() == 5


def test_a_removed_device_is_given_up() -> None:
    box = filled(pack("a"), pack("b"), pack("a", 2))
    assert [one.seq for one in box.forget("a")] == [1, 2]
    assert box.backlog() == 1


def test_beyond_the_limit_the_oldest_is_given_up() -> None:
    box = filled(pack("a", 1), pack("a", 2), limit=2)
    lost = box.offer(pack("a", 3))
    assert lost is not None
    assert lost.seq == 1
    assert box.backlog() == 2


@given(st.lists(st.sampled_from(["offer", "take", "ack", "lose"]), max_size=60))
def test_nothing_is_lost_and_nothing_is_doubled(steps: list[str]) -> None:
    box = Outbox(4, 1000)
    offered: list[Pack] = []
    acked: list[Pack] = []
    under_way: list[int] = []
    mid = 0
    for step in steps:
        if step == "offer":
            offered.append(pack("d", len(offered)))
            box.offer(offered[-1])
        elif step == "take" and (one := box.take(0.0)) is not None:
            mid += 1
            box.sent(mid, one, 0.0)
            under_way.append(mid)
        elif step == "ack" and under_way:
            done = box.acked(under_way.pop(0))
            assert done is not None
            acked.append(done)
        elif step == "lose":
            box.connection_lost(0.0)
            under_way.clear()
    assert box.backlog() + len(acked) == len(offered)
    assert len({id(one) for one in acked}) == len(acked)
