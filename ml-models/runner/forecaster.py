"""Windows into predictions: who may be predicted now, and what. Pure but for the model's call, which is passed in.

A target is predicted only when its own channel has a good reading that is fresh and newer than the one the last
prediction was based on: a missing or stale input gives no prediction, not a wrong one. Other channels may be missing,
and an optional one that is stale counts as missing; the model was trained for that. When a thing's turn has come is
here too: the first good reading at or after its time brings its prediction, so that it is based on what was read just
now. Next in the flow: `runner.outbox`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.windows import FUTURE_TOLERANCE_MS, FloatArray, IntArray, Snapshot
from runner.intake import Intake, Thing
from runner.predictor import Predictor

# Why a target of a thing got no prediction.
NEVER_SEEN, STALE, NOT_GOOD, NO_NEW_INPUT, NOT_FINITE = "never_seen", "stale", "not_good", "no_new_input", "not_finite"
TOO_SHORT = "too_short"
# Golden ratio: slots numbered one after another fall evenly into the interval.
_GOLDEN = 0.618033988749895

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Made:
    """What one call of the model gave for N things.

    `made`: bool [N, targets]; `outputs`: the graph's, each [N, columns]; `based_on`: int64 [N, targets], observation
    time of each target's newest input; `inputs`: what the graph was given, [N, inputs]. Times in epoch ms UTC.
    """

    things: list[Thing]
    made: BoolArray
    outputs: tuple[FloatArray, ...]
    based_on: IntArray
    inputs: FloatArray
    issued_at: int


@dataclass(frozen=True)
class Round:
    """What one round of forecasting gave."""

    made: list[Made]
    skipped: Counter[str]

    @property
    def things(self) -> int:
        """How many things got a prediction."""
        return sum(len(part.things) for part in self.made)


class Forecaster:
    """Makes predictions from an intake's windows; remembers when and what each was based on. Times in ms."""

    def __init__(
        self, predictor: Predictor, intake: Intake, stale_after_ms: int, interval_ms: int, max_batch: int
    ) -> None:
        self._intake = intake
        self._stale_after_ms = stale_after_ms
        self._interval_ms = interval_ms
        self._max_batch = max_batch
        self.use(predictor)
        # By slot: observation time of the newest input of each target's last prediction, when the next is due, and
        # when the last was made; -1 before the first.
        self._based_on = np.full((64, len(self._channels)), -1, dtype=np.int64)
        self._due = np.full(64, -1, dtype=np.int64)
        self._issued = np.full(64, -1, dtype=np.int64)

    def use(self, predictor: Predictor) -> None:
        """Predict with this model from now on; its channels and targets must be those of the one before."""
        self._predictor = predictor
        definition = predictor.manifest.definition
        self._channels = np.array(definition.target_channels(), dtype=np.int64)
        # In cells, as windows count time.
        self._least_past = -(-definition.least_past_s // definition.resolution_s)

    def forget(self, slots: Iterable[int]) -> None:
        """These slots belong to nobody now."""
        for slot in slots:
            if slot < len(self._due):
                self._based_on[slot] = self._due[slot] = self._issued[slot] = -1

    def due(self, slots: IntArray, now_ms: int, waited_ms: int = 0) -> IntArray:
        """Those of these slots whose time came so long ago, or that were never predicted."""
        self._fit(slots)
        # A clock set back must not silence anybody for longer than an interval.
        late = self._due[slots] > now_ms + 2 * self._interval_ms
        return slots[(self._due[slots] <= now_ms - waited_ms) | (self._due[slots] < 0) | late]

    def never(self, slots: IntArray) -> BoolArray:
        """Which of these slots were never predicted."""
        self._fit(slots)
        return np.asarray(self._due[slots] < 0)

    def overdue(self, slots: IntArray, now_ms: int) -> IntArray:
        """Those that have been due for a whole interval: no reading came that they could be predicted from."""
        self._fit(slots)
        return slots[self._due[slots] + self._interval_ms <= now_ms]

    def expired(self, slots: IntArray, now_ms: int, expiry_ms: int, most: int) -> IntArray:
        """Those whose last prediction has expired, the longest ago first, at most so many; they are told once."""
        self._fit(slots)
        gone = slots[(self._issued[slots] >= 0) & (self._issued[slots] + expiry_ms < now_ms)]
        gone = gone[np.argsort(self._issued[gone], kind="stable")][:most]
        self._issued[gone] = -1
        return gone

    def forecast(self, slots: IntArray, now_ms: int) -> Round:
        """Predict every target of these things that may be predicted now."""
        self._fit(slots)
        result = Round([], Counter())
        for start in range(0, len(slots), self._max_batch):
            self._chunk(slots[start : start + self._max_batch], now_ms, result)
        return result

    def reasons(self, slots: IntArray, now_ms: int) -> Counter[str]:
        """Why these things are not predicted, counted by target."""
        skipped: Counter[str] = Counter()
        for start in range(0, len(slots), self._max_batch):
            part = slots[start : start + self._max_batch]
            self._fit(part)
            self._allowed(part, self._intake.windows.snapshot(part, now_ms), now_ms, skipped)
        return skipped

    def _chunk(self, slots: IntArray, now_ms: int, result: Round) -> None:
        snapshot = self._intake.windows.snapshot(slots, now_ms)
        allowed = self._allowed(slots, snapshot, now_ms, result.skipped)
        some = allowed.any(axis=1)
        if not some.any():
            return
        slots, allowed = slots[some], allowed[some]
        newest = snapshot.newest_ms[some][:, self._channels]
        inputs = self._predictor.plan.compute(snapshot.values[some], snapshot.optional[some])
        outputs = self._predictor.predict(inputs)
        made = allowed & self._predictor.finite(outputs)
        result.skipped[NOT_FINITE] += int(np.count_nonzero(allowed & ~made))
        self._based_on[slots] = np.where(made, newest, self._based_on[slots])
        predicted = slots[made.any(axis=1)]
        self._due[predicted] = self._next(predicted, now_ms)
        self._issued[predicted] = now_ms
        things = self._intake.things
        result.made.append(Made([things[slot] for slot in slots.tolist()], made, outputs, newest, inputs, now_ms))

    def _next(self, slots: IntArray, now_ms: int) -> IntArray:
        """The next time of each: an interval after the last, and at least half of one from now.

        What a reading came late is given back up to half an interval, so a thing whose readings are as far apart as the
        interval is predicted from each of them, however they jitter. The first times are spread over an interval by
        slot, so that merges are too: that first gap may be short or long by half.
        """
        interval = self._interval_ms
        before = self._due[slots]
        phase = ((slots * _GOLDEN) % 1.0 * interval).astype(np.int64)
        after = now_ms + interval // 2
        spread = after - (after - phase) % interval + interval
        kept = np.maximum(before, now_ms - interval // 2) + interval
        # One beyond now was set by a clock that has been set back.
        return np.where((before >= 0) & (before <= now_ms), kept, spread)

    def _allowed(self, slots: IntArray, snapshot: Snapshot, now_ms: int, skipped: Counter[str]) -> BoolArray:
        newest_ms = snapshot.newest_ms[:, self._channels]
        seen = newest_ms >= 0
        fresh = newest_ms >= now_ms - self._stale_after_ms
        good = ~np.isnan(snapshot.newest[:, self._channels])
        based_on = self._based_on[slots]
        # A clock that was set back: what it was based on has not happened yet.
        new = (newest_ms > based_on) | (based_on > now_ms + FUTURE_TOLERANCE_MS)
        skipped[NEVER_SEEN] += int(np.count_nonzero(~seen))
        skipped[STALE] += int(np.count_nonzero(seen & ~fresh))
        skipped[NOT_GOOD] += int(np.count_nonzero(seen & fresh & ~good))
        skipped[NO_NEW_INPUT] += int(np.count_nonzero(seen & fresh & good & ~new))
        allowed = np.asarray(seen & fresh & good & new)
        if self._least_past:
            usable = ~np.isnan(snapshot.values[:, self._channels])
            # Of a window without anything usable the first cell counts; it is not allowed anyway.
            long = usable.shape[2] - np.argmax(usable, axis=2) >= self._least_past
            skipped[TOO_SHORT] += int(np.count_nonzero(allowed & ~long))
            allowed &= long
        return allowed

    def _fit(self, slots: IntArray) -> None:
        need = int(slots.max()) + 1 if len(slots) else 0
        while need > len(self._due):
            self._based_on = np.concatenate([self._based_on, np.full_like(self._based_on, -1)])
            self._due = np.concatenate([self._due, np.full_like(self._due, -1)])
            self._issued = np.concatenate([self._issued, np.full_like(self._issued, -1)])
