"""Loss accounting: follows the sequence numbers of each numbered stream.

A stream is whatever counts: a thing (numbers sent per thing) or a sending device (one number per pack). This module
says per number whether it follows, leaves a gap, fills one, repeats, or starts anew; each hop (ingest, the historian)
publishes its counts per site and class of device, so that the hop that loses is the one where they begin to differ.
Pure; it drops nothing.
"""

from __future__ import annotations

import dataclasses
import enum

# A device that restarts begins again near zero; a number this far back is a restart, not a straggler.
_RESTART_BACK = 1_000
# A first number (0 or 1) counts as a restart only from here on: a transport may repeat the very first ones.
_RESTART_AFTER = 8
# Numbers still missing that are remembered per stream, so that a straggler is told from a repeat.
_MISSING_KEPT = 256


class Verdict(enum.Enum):
    """What one sequence number says about its stream."""

    FIRST = "first"
    NEXT = "next"
    GAP = "gap"
    LATE = "late"
    REPEATED = "repeated"
    RESTARTED = "restarted"


@dataclasses.dataclass(slots=True)
class _Stream:
    last: int
    touched_ms: int
    missing: set[int] | None = None


@dataclasses.dataclass(slots=True)
class SequenceCounts:
    """Totals since the process began. `missing` is what never came so far: opened by gaps, closed by late arrivals."""

    received: int = 0
    gaps: int = 0
    missing: int = 0
    late: int = 0
    repeated: int = 0
    restarted: int = 0


class SequenceTracker:
    """Follows the streams of one site; memory is bounded by the number of live streams (`forget`)."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self.counts = SequenceCounts()

    def __len__(self) -> int:
        """How many streams are followed."""
        return len(self._streams)

    def follows(self, stream: str) -> bool:
        """Whether a stream is followed."""
        return stream in self._streams

    def observe(self, stream: str, seq: int, now_ms: int) -> Verdict:
        """Account for number `seq` of `stream`, seen at `now_ms` (epoch ms)."""
        counts = self.counts
        counts.received += 1
        state = self._streams.get(stream)
        if state is None:
            self._streams[stream] = _Stream(seq, now_ms)
            return Verdict.FIRST
        state.touched_ms = now_ms
        step = seq - state.last
        if step == 1:
            state.last = seq
            return Verdict.NEXT
        if step > 1:
            return self._gap(state, seq, step - 1)
        if state.missing and seq in state.missing:
            state.missing.discard(seq)
            counts.late += 1
            counts.missing -= 1
            return Verdict.LATE
        if -step > (_RESTART_AFTER if seq <= 1 else _RESTART_BACK):
            state.last = seq
            state.missing = None
            counts.restarted += 1
            return Verdict.RESTARTED
        counts.repeated += 1
        return Verdict.REPEATED

    def reset(self) -> None:
        """Begin anew with every stream, and leave the totals as they are: what came meanwhile went elsewhere."""
        self._streams.clear()

    def forget(self, before_ms: int) -> None:
        """Drop the streams untouched since `before_ms` (epoch ms): bounds memory when devices come and go."""
        for stream in [name for name, state in self._streams.items() if state.touched_ms < before_ms]:
            del self._streams[stream]

    def _gap(self, state: _Stream, seq: int, lost: int) -> Verdict:
        self.counts.gaps += 1
        self.counts.missing += lost
        # Of a very long gap only its end is remembered: stragglers are recent.
        first = max(state.last + 1, seq - _MISSING_KEPT)
        missing = state.missing if state.missing is not None else set()
        missing.update(range(first, seq))
        while len(missing) > _MISSING_KEPT:
            missing.discard(min(missing))
        state.missing = missing
        state.last = seq
        return Verdict.GAP
