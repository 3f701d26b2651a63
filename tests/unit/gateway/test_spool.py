"""The spool: what was not acknowledged comes back after a kill, and numbers go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.spool import Spool
from racktwin.outbox import Pack

NOW_MS = 1_795_225_577_000


def clock() -> int:
    return NOW_MS


def packs(seq: int) -> list[Pack]:
    return [Pack("a", seq, b'[{"n":"x"}]', 5), Pack("b", seq, b"\x00\xff", 3)]


def test_unacknowledged_packs_come_back_oldest_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path, clock)
    first, second = packs(spool.next_seq()), packs(spool.next_seq())
    spool.keep(first[0].seq, first)
    spool.keep(second[0].seq, second)
    spool.done(first[0])
    spool.done(first[1])
    spool.done(second[0])
    again = Spool(tmp_path, clock)
    # A file goes only when all of its packs are done; ingest drops what comes twice.
    assert [(p.device, p.seq, p.payload, p.readings) for p in again.recover()] == [
        (p.device, p.seq, p.payload, p.readings) for p in second
    ]


def test_a_finished_number_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path, clock)
    some = packs(spool.next_seq())
    spool.keep(some[0].seq, some)
    for one in some:
        spool.done(one)
    assert [path.name for path in tmp_path.iterdir()] == ["seq"]


def test_numbers_go_on_without_a_gap(tmp_path: Path) -> None:
    spool = Spool(tmp_path, clock)
    seq = spool.next_seq()
    spool.keep(seq, packs(seq))
    assert Spool(tmp_path, clock).next_seq() == seq + 1


def test_without_a_directory_numbers_begin_at_the_time() -> None:
    assert Spool(None, clock).next_seq() == NOW_MS // 1000 + 1
    assert Spool(None, clock).recover() == []


def test_a_line_cut_off_by_a_kill_is_skipped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, clock)
    seq = spool.next_seq()
    spool.keep(seq, packs(seq))
    path = next(tmp_path.glob("*.jsonl"))
    path.write_text(path.read_text()[:-12])
    assert [p.device for p in Spool(tmp_path, clock).recover()] == ["a"]


def test_recovered_packs_can_be_finished(tmp_path: Path) -> None:
    spool = Spool(tmp_path, clock)
    seq = spool.next_seq()
    spool.keep(seq, packs(seq))
    again = Spool(tmp_path, clock)
    for one in again.recover():
        again.done(one)
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Spool(tmp_path / "file" / "x", clock)
