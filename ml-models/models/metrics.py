"""How good a forecast is: error, skill against persistence, coverage of its interval. Pure.

Skill is 1 - MSE / MSE of persistence ("it stays as it is"): 1 perfect, 0 no better than persistence, negative worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Score:
    """Scores over `count` forecasts, in the target's unit (K for temperatures); `width` is the mean of hi - lo."""

    count: int
    mae: float
    rmse: float
    bias: float
    mae_persistence: float
    rmse_persistence: float
    skill: float
    coverage: float
    width: float

    def rounded(self, digits: int = 4) -> dict[str, float | int]:
        """As plain numbers for a manifest."""
        return {k: v if isinstance(v, int) else round(v, digits) for k, v in asdict(self).items()}


def score(truth: Array, value: Array, lo: Array, hi: Array, persistence: Array) -> Score:
    """Score forecasts (arrays of equal shape); where truth, forecast or persistence is NaN the element is left out.

    Raises:
        ValueError: nothing is left to score.
    """
    known = np.isfinite(truth) & np.isfinite(value) & np.isfinite(persistence)
    if not known.any():
        raise ValueError("no forecast has both a value and a truth")
    truth, value, lo, hi, persistence = (a[known].astype(np.float64) for a in (truth, value, lo, hi, persistence))
    error, naive = value - truth, persistence - truth
    mse, mse_naive = float(np.mean(error**2)), float(np.mean(naive**2))
    return Score(
        count=int(known.sum()),
        mae=float(np.mean(np.abs(error))),
        rmse=mse**0.5,
        bias=float(np.mean(error)),
        mae_persistence=float(np.mean(np.abs(naive))),
        rmse_persistence=mse_naive**0.5,
        skill=1.0 - mse / mse_naive if mse_naive > 0 else float("nan"),
        coverage=float(np.mean((truth >= lo) & (truth <= hi))),
        width=float(np.mean(hi - lo)),
    )


def skill_against(scores: Mapping[str, float | int], other: Mapping[str, float | int]) -> float:
    """Skill of forecasts against others than persistence, 1 - MSE / MSE of those; both scored on the same forecasts.

    NaN where the others made no error.
    """
    return round(1.0 - (scores["rmse"] / other["rmse"]) ** 2, 4) if other["rmse"] > 0 else float("nan")


def conformal_factor(scores: Array, coverage: float) -> float:
    """The split-conformal quantile: the smallest q such that a fraction `coverage` of new scores lies below it.

    `scores` are |error| / predicted spread on rows that took no part in fitting. Order statistic ceil((n+1) coverage),
    after Vovk et al. and Lei et al. 2018 (distribution-free predictive inference for regression).

    Raises:
        ValueError: too few scores for this coverage.
    """
    usable = np.sort(np.asarray(scores, dtype=np.float64)[np.isfinite(scores)])
    rank = int(np.ceil((len(usable) + 1) * coverage))
    if rank > len(usable) or rank < 1:
        raise ValueError(f"{len(usable)} calibration rows are too few for a coverage of {coverage}")
    return float(usable[rank - 1])
