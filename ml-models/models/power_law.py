"""The bar that forecasts of power are held to: a law of three parameters, fitted to each window, plus a bias. Pure.

The law is ``P = idle + span (2u - u^r)`` (Fan, Weber, Barroso, "Power provisioning for a warehouse-sized computer",
ISCA 2007), u the utilisation, or, for a rack, whose utilisation nobody tells, its power as a share of the window's
largest. Fitted by least squares to what the window holds; the bias is what the law last missed. Nobody knows the load
ahead, so there are three ways to use the law (:data:`WAYS`). The bar is the one that does best on the very rows that
the model is judged on: it is chosen by one who knows more than a forecaster can. So is the rate of the return to the
window's mean that is told beside it, without any law: where loads forget themselves, there is little else to foresee.

Next: `models.rack_power.evaluate` and `models.server_power.evaluate`; training says it in the card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.definition import Definition
from models.metrics import skill_against
from models.samples import Samples
from models.windows import FloatArray

Floats = npt.NDArray[np.float64]

# How the load ahead is had: it stays as it is; it is the window's mean; the law says what power follows a load one
# horizon later, so that the present one is all it needs.
WAYS: Final = ("held", "mean", "lagged")
EXPONENTS: Final = (1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0)
_LEAST_PAIRS: Final = 20
# Below this span of utilisation the constants cannot be told apart, and the law is a line.
_SPAN: Final = 0.1


@dataclass(frozen=True)
class Law:
    """The law of N windows: powers in W (N,), exponent (N,)."""

    idle: Floats
    span: Floats
    exponent: Floats

    def __call__(self, load: Floats) -> Floats:
        """Power (W) at a utilisation 0..1, (N,)."""
        return np.asarray(self.idle + self.span * (2.0 * load - load**self.exponent))


def fit(load: Floats, power: Floats) -> Law:
    """Fit N laws to utilisation 0..1 and power (W), both (N, cells), NaN where there is none. Where there is too little
    to tell, the law is the mean."""
    known = np.isfinite(load) & np.isfinite(power)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, power, 0.0).sum(axis=1) / count
    u = np.where(known, np.clip(load, 1e-6, 1.0), 1.0)
    p = np.where(known, power - mean[:, None], 0.0)
    log_u = np.log(u)
    spread = np.where(known, u, -np.inf).max(axis=1) - np.where(known, u, np.inf).min(axis=1)
    best = np.full(len(u), np.inf)
    span, middle, exponent = np.zeros(len(u)), np.zeros(len(u)), np.ones(len(u))
    for r in EXPONENTS:
        f = np.where(known, 2.0 * u - np.exp(r * log_u), 0.0)
        f_mean = f.sum(axis=1) / count
        f = np.where(known, f - f_mean[:, None], 0.0)
        moved = (f * f).sum(axis=1)
        # More work never takes less power.
        slope = np.maximum((f * p).sum(axis=1) / np.maximum(moved, 1e-12), 0.0)
        left = ((p - slope[:, None] * f) ** 2).sum(axis=1)
        better = (left < best) & ((r == 1.0) | (spread >= _SPAN)) & (moved > 1e-9)
        best[better], span[better], middle[better], exponent[better] = left[better], slope[better], f_mean[better], r
    span[known.sum(axis=1) < _LEAST_PAIRS] = 0.0
    return Law(mean - span * middle, span, exponent)


def forecasts(load: FloatArray, power: FloatArray, ahead: list[int]) -> FloatArray:
    """What each way says of windows (N, cells) of utilisation 0..1 and power (W): (N, horizons, ways), NaN where there
    is no power. `ahead`: the horizons, in cells."""
    u, p = load.astype(np.float64), power.astype(np.float64)
    last = _newest(p, np.isfinite(p))
    out = np.empty((len(u), len(ahead), len(WAYS)))
    law = fit(u, p)
    now, bias = _bias(law, u, p, last)
    known = np.isfinite(u)
    mean = np.where(known, u, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    out[:, :, 0] = (law(now) + bias)[:, None]
    out[:, :, 1] = (law(np.where(known.any(axis=1), mean, now)) + bias)[:, None]
    for column, cells in enumerate(ahead):
        before, after = u[:, :-cells], p[:, cells:]
        lagged = fit(before, after)
        # What it missed is known of the present: from the load one horizon ago.
        _, missed = _bias(lagged, before, after, last)
        out[:, column, 2] = lagged(now) + missed
    out[~np.isfinite(last)] = np.nan
    return out.astype(np.float32)


def shares(power: FloatArray) -> FloatArray:
    """A window's power as a share of its largest, (N, cells): what a rack has for a utilisation."""
    most = np.where(np.isfinite(power), power, 0.0).max(axis=1)
    return np.asarray(power / np.maximum(most, 1.0)[:, None], dtype=np.float32)


def compare(definition: Definition, value: FloatArray, test: Samples, mean_column: int) -> dict[str, Any]:
    """A model's forecasts `value` beside the bar at its own horizon, on the same rows. Of the bar: the `way` that did
    best, its `rmse` (W), its `skill` against persistence, and the `lead`, the model's skill against it (negative where
    the bar is better); the same of the return to the mean (`returns`); and all `ways`. `mean_column`: the input with
    the window's mean power. Empty where no row can be judged.
    """
    column = [output.horizon_s for output in definition.outputs()].index(definition.horizon_s)
    rows = test.usable[:, column] & np.isfinite(test.inputs[:, mean_column])
    rows &= np.isfinite(test.rivals[:, column, :]).all(axis=1) & np.isfinite(value[:, column])
    if not rows.any():
        return {}
    truth, last = (array[rows, column].astype(np.float64) for array in (test.truth, test.persistence))
    towards, change = test.inputs[rows, mean_column] - last, truth - last
    rate = float(np.clip(np.dot(towards, change) / max(np.dot(towards, towards), 1e-9), 0.0, 1.0))
    forecasts = {way: test.rivals[rows, column, number] for number, way in enumerate(WAYS)}
    naive, own = _rmse(last, truth), _rmse(value[rows, column], truth)

    def judged(forecast: Any) -> dict[str, float]:
        its = _rmse(forecast, truth)
        return {
            "rmse": round(its["rmse"], 2), "skill": skill_against(its, naive), "lead": skill_against(own, its),
        }  # fmt: skip

    ways = {way: judged(forecast) for way, forecast in forecasts.items()}
    best = min(ways, key=lambda way: ways[way]["rmse"])
    returns = judged(last + rate * towards)
    return {"count": int(rows.sum()), "way": best, **ways[best], "returns": returns, "ways": ways}


def _rmse(forecast: Any, truth: Floats) -> dict[str, float]:
    return {"rmse": float(np.sqrt(np.mean((forecast - truth) ** 2)))}


def _newest(values: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """The newest known value of each row, NaN where there is none."""
    at = values.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    return np.where(known.any(axis=1), values[np.arange(len(values)), at], np.nan)


def _bias(law: Law, load: Floats, power: Floats, last: Floats) -> tuple[Floats, Floats]:
    """The newest load, and what the law last missed; where no moment has both, the mean of the law's load is taken."""
    both = np.isfinite(load) & np.isfinite(power)
    at, then = _newest(load, both), _newest(power, both)
    known = np.isfinite(at)
    now = _newest(load, np.isfinite(load))
    middle = np.where(np.isfinite(now), now, 0.5)
    missed = np.where(known, then - law(np.where(known, at, 0.5)), last - law(middle))
    return middle, missed
