"""Online calibration: bias and gain of each zone, as a random walk in a Kalman filter. Pure.

A zone's inlet is ``T_sup + (1 + g) (T_model - T_sup) + b`` with noise: linear in ``b`` and ``g`` for known flows, so a
plain filter of two states a zone is exact; all zones at once. Next: :class:`physics.twin.Twin`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physics.laws import Floats

# Standard deviations: of a sensor (K), and of the walk of bias (K) and gain in a minute.
SENSOR_K: Final = 0.08
BIAS_WALK_K: Final = 0.02
GAIN_WALK: Final = 0.002
# What is believed at first.
_BIAS_K: Final = 0.3
_GAIN: Final = 0.1
# A reading farther off than this many standard deviations is a fault of its sensor, or news that no bias is.
_GATE: Final = 6.0
# Weight of a new step in the correlation of innovations.
_ECHO: Final = 0.2


def expected_inlets(model: Floats, supply: Floats, bias: Floats, gain: Floats) -> Floats:
    """Inlets that the model's mean (°C), given the supply air that reaches them, their bias (K) and gain."""
    return np.asarray(supply + (1.0 + gain) * (model - supply) + bias)


class BiasAndGain:
    """Filters of Z zones. ``bias`` (Z,) K, ``gain`` (Z,) share by which the rise above the supply is larger.

    ``rest`` (Z,) is what a reading was off after its update, and ``persistence`` the share of it that is still there a
    step later: near 0 while errors are noise, near 1 while the room does what the model does not.
    """

    def __init__(self, zones: int) -> None:
        self.bias: Floats = np.zeros(zones)
        self.gain: Floats = np.zeros(zones)
        self._bb: Floats = np.full(zones, _BIAS_K**2)
        self._bg: Floats = np.zeros(zones)
        self._gg: Floats = np.full(zones, _GAIN**2)
        self.rest: Floats = np.zeros(zones)
        self._before: Floats = np.full(zones, np.nan)
        self._power, self._echo = SENSOR_K**2, 0.0

    @property
    def persistence(self) -> float:
        """Correlation of innovations from one step to the next, over all zones and the last few steps."""
        return float(np.clip(self._echo / self._power, 0.0, 0.95))

    def expected(self, model: Floats, supply: Floats) -> Floats:
        """Inlets (Z,) that the model's (Z,) mean, given the temperature of the supply air that reaches them."""
        return expected_inlets(model, supply, self.bias, self.gain)

    def update(self, measured: Floats, model: Floats, supply: Floats, minutes: float) -> Floats:
        """Take readings (Z,), NaN where there are none, ``minutes`` after the last; the innovations (Z,) before."""
        self._bb += BIAS_WALK_K**2 * minutes
        self._gg += GAIN_WALK**2 * minutes
        rise = model - supply
        innovation = measured - self.expected(model, supply)
        # Variance of the innovation, and the gains of the filter.
        with_bias = self._bb + rise * self._bg
        with_gain = self._bg + rise * self._gg
        variance = with_bias + rise * with_gain + SENSOR_K**2
        use = np.isfinite(innovation) & (innovation**2 <= _GATE**2 * variance)
        kb = np.where(use, with_bias / variance, 0.0)
        kg = np.where(use, with_gain / variance, 0.0)
        step = np.where(use, innovation, 0.0)
        self.bias += kb * step
        self.gain = np.clip(self.gain + kg * step, -0.8, 2.0)
        self._bb -= kb * with_bias
        self._bg -= kb * with_gain
        self._gg -= kg * with_gain
        self.rest = np.where(np.isfinite(innovation), innovation - kb * step - kg * step * rise, 0.0)
        both = innovation * self._before
        known = np.isfinite(both)
        if known.any():
            self._power += _ECHO * (float(np.mean(innovation[known] ** 2)) - self._power)
            self._echo += _ECHO * (float(np.mean(both[known])) - self._echo)
        self._before = innovation
        # A gated zone learns slowly all the same: what stays off is real.
        far = np.isfinite(innovation) & ~use
        self._bb += np.where(far, _BIAS_K**2, 0.0)
        return np.asarray(innovation)
