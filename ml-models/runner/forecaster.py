"""Windows into predictions: who may be predicted now, and what. Pure but for the model's call, which is passed in.

A target is predicted only when its own channel has a good reading that is fresh and newer than the one the last
prediction was based on: a missing or stale input gives no prediction, not a wrong one. Other channels may be missing;
the model was trained for that. Next in the flow: `runner.outbox`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models.definition import Target
from models.windows import IntArray, Snapshot
from runner.intake import Intake, Thing
from runner.predictor import Predictor

# Why a target of a thing got no prediction.
NEVER_SEEN, STALE, NOT_GOOD, NO_NEW_INPUT, NOT_FINITE = "never_seen", "stale", "not_good", "no_new_input", "not_finite"


@dataclass(frozen=True, slots=True)
class Forecast:
    """One prediction of one target of one thing. Times in epoch ms UTC; values in the target's unit."""

    thing: Thing
    target: Target
    value: float
    lo: float
    hi: float
    issued_at: int
    based_on: int


@dataclass(frozen=True)
class Round:
    """What one round of forecasting gave. `batches`: things in each call of the model; `empty`: slots without any
    reading.
    """

    forecasts: list[Forecast]
    skipped: Counter[str]
    batches: list[int]
    empty: list[int]


class Forecaster:
    """Makes predictions from an intake's windows; remembers what each was based on."""

    def __init__(self, predictor: Predictor, intake: Intake, stale_after_ms: int, max_batch: int) -> None:
        self._predictor = predictor
        self._intake = intake
        self._stale_after_ms = stale_after_ms
        self._max_batch = max_batch
        definition = predictor.manifest.definition
        self._targets = definition.targets
        self._channels = np.array(definition.target_channels(), dtype=np.int64)
        # Observation time of the newest input of each target's last prediction, by slot; -1 before the first.
        self._based_on = np.full((64, len(self._targets)), -1, dtype=np.int64)

    def forget(self, slots: Iterable[int]) -> None:
        """These slots belong to nobody now."""
        for slot in slots:
            if slot < len(self._based_on):
                self._based_on[slot] = -1

    def without_prediction(self, slots: IntArray) -> IntArray:
        """Those of these slots that have a target which was never predicted."""
        self._fit(slots)
        return slots[(self._based_on[slots] < 0).any(axis=1)]

    def forecast(self, slots: IntArray, now_ms: int, first_only: bool = False) -> Round:
        """Predict every target of these things that may be predicted now; `first_only`: and that never was before."""
        self._fit(slots)
        result = Round([], Counter(), [], [])
        for start in range(0, len(slots), self._max_batch):
            self._chunk(slots[start : start + self._max_batch], now_ms, first_only, result)
        return result

    def _chunk(self, slots: IntArray, now_ms: int, first_only: bool, result: Round) -> None:
        snapshot = self._intake.windows.snapshot(slots, now_ms)
        result.empty.extend(slots[(snapshot.newest_ms < 0).all(axis=1)].tolist())
        allowed = self._allowed(slots, snapshot, now_ms, result.skipped)
        if first_only:
            allowed &= self._based_on[slots] < 0
        some = allowed.any(axis=1)
        if not some.any():
            return
        slots, allowed = slots[some], allowed[some]
        newest = snapshot.newest_ms[some][:, self._channels]
        value, lo, hi = self._predictor.predict(self._predictor.plan.compute(snapshot.values[some]))
        result.batches.append(len(slots))
        finite = np.isfinite(value) & np.isfinite(lo) & np.isfinite(hi)
        result.skipped[NOT_FINITE] += int(np.count_nonzero(allowed & ~finite))
        made = allowed & finite
        self._based_on[slots] = np.where(made, newest, self._based_on[slots])
        # Python objects from here on: tolist() converts whole arrays at once.
        values, los, his, based = value.tolist(), lo.tolist(), hi.tolist(), newest.tolist()
        for row, column in zip(*(axis.tolist() for axis in np.nonzero(made)), strict=True):
            result.forecasts.append(
                Forecast(
                    thing=self._intake.things[int(slots[row])],
                    target=self._targets[column],
                    value=values[row][column],
                    lo=los[row][column],
                    hi=his[row][column],
                    issued_at=now_ms,
                    based_on=based[row][column],
                )
            )

    def _allowed(
        self, slots: IntArray, snapshot: Snapshot, now_ms: int, skipped: Counter[str]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        newest_ms = snapshot.newest_ms[:, self._channels]
        seen = newest_ms >= 0
        fresh = newest_ms >= now_ms - self._stale_after_ms
        good = ~np.isnan(snapshot.newest[:, self._channels])
        new = newest_ms > self._based_on[slots]
        skipped[NEVER_SEEN] += int(np.count_nonzero(~seen))
        skipped[STALE] += int(np.count_nonzero(seen & ~fresh))
        skipped[NOT_GOOD] += int(np.count_nonzero(seen & fresh & ~good))
        skipped[NO_NEW_INPUT] += int(np.count_nonzero(seen & fresh & good & ~new))
        return np.asarray(seen & fresh & good & new)

    def _fit(self, slots: IntArray) -> None:
        need = int(slots.max()) + 1 if len(slots) else 0
        while need > len(self._based_on):
            self._based_on = np.concatenate([self._based_on, np.full_like(self._based_on, -1)])
