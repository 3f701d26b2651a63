"""Whether the room's cooling units move as much air as its racks ask for, and where that point really lies. Pure.

As long as units give enough, their fan speeds hardly matter to inlets; below that point racks breathe their own warm
air, and inlets rise by a third of a kelvin for each percent that lacks. One tangent cannot tell both: with it fans are
slowed until inlets jump, and sped up until nothing more is gained, for ever. So what lacks is a quantity of its own.
The model says where the point lies within some percent; measured inlets say it better, once it has been crossed.
Next: :mod:`optimiser.controller`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from physics.laws import Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters
from physics.state import State

# How far from the model's the true point may lie, as a share, and its standard deviation beforehand.
FARTHEST: Final = 0.16
_USUAL: Final = 0.05
_GRID: Final = np.linspace(1.0 - FARTHEST, 1.0 + FARTHEST, 65)
# What an average over all inlets is off by for other reasons (K), and how many looks are remembered.
_NOISE_K: Final = 0.25
_KEPT: Final = 144
_FORGET: Final = 0.98


class Demand:
    """How much supply air (m3/s) the racks of a room ask for, and how much its units offer."""

    def __init__(self, layout: Layout, parameters: Parameters) -> None:
        self._model = RoomModel(layout, parameters)
        self._inputs = self._model.default_inputs(0.5)
        self._state = State(1, self._model.racks, self._model.units)
        e = self._model.equations
        own = 1.0 - e.recirculation(self._inputs)[0]
        self._own = own
        self._per_k = own * e.half_reference[0] * float(e.flow_per_k[0, 0])
        self._threshold = float(e.fan_threshold[0, 0])
        self.offered_full: Floats = (1.0 - float(e.leakage[0, 0])) * e.rated_flow

    def asked(self, inlet: Floats, it_power: Floats) -> tuple[float, Floats]:
        """Air asked for (m3/s) at these inlets (2N,) and this power (N,), and its slope with each inlet (m3/s/K)."""
        self._state.vector[0, : inlet.size] = inlet
        self._inputs.it_power[0] = it_power
        flow = self._model.equations.flows(self._state, self._inputs)[0]
        return float((self._own * flow).sum()), np.where(inlet > self._threshold, self._per_k, 0.0)


class Enough:
    """Where offered air is enough in truth, as a share of where the model says so: learned from measured inlets."""

    def __init__(self) -> None:
        self.at = 1.0
        self._past: deque[tuple[float, float]] = deque(maxlen=_KEPT)

    def add(self, offered_share: float, error_k: float, per_share: float) -> None:
        """A look: offered air over air asked for, by how much all inlets together are above what they are with enough
        (K), and by how much they rise per share that lacks (K)."""
        self._past.append((offered_share, error_k))
        if per_share <= 1.0:
            # Where a lack does not show there is nothing to learn.
            return
        share, error = np.array(self._past).T
        weight = _FORGET ** np.arange(len(share) - 1, -1, -1)
        lack = per_share * np.maximum(_GRID[:, None] - share, 0.0)
        left = error - lack
        left = left - (left * weight).sum(axis=1, keepdims=True) / weight.sum()
        cost = (weight * (left / _NOISE_K) ** 2).sum(axis=1) + ((_GRID - 1.0) / _USUAL) ** 2
        likely = np.exp(-0.5 * (cost - cost.min()))
        self.at = float((_GRID * likely).sum() / likely.sum())

    def shift(self, change_k: float) -> None:
        """The model's inlets were found anew and are warmer by this much on average."""
        self._past = deque(((share, error - change_k) for share, error in self._past), maxlen=_KEPT)
