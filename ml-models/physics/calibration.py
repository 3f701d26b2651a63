"""Batch calibration: a room's parameters from its history. Pure.

Multiple shooting: windows of the history, each started from what was measured at its beginning, all run at once as
scenarios of one model that is told the measured power, supply temperatures and flows. What it then says of inlets and
returns is compared with what was measured, by ``scipy.optimize.least_squares`` with a robust loss (soft_l1) and bounds.

The Jacobian is made of one run per room-wide parameter and two for all zones together: a zone's recirculation acts on
its own inlet far more than on others, so each zone's column is its own rows of one run in which all are moved. What a
history says directly is taken directly: a rack's flow from its temperature rise, a unit's offset, capacity and
efficiency. Next: :mod:`physics.twin` follows measurements with the result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import optimize, sparse

from physics import laws, recording
from physics.laws import RHO_CP, Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters, from_dict
from physics.recording import Recording, RecordingError

# Parameters of the whole room with their bounds, by name.
ROOM_WIDE: Final = {
    "flow_per_kw": (0.035, 0.11),
    "flow_idle": (0.25, 0.9),
    "server_time_s": (90.0, 1200.0),
    "aisle_time_s": (6.0, 90.0),
    "local_supply": (0.02, 0.98),
}
# A zone's factor on its recirculation, as a logarithm.
ZONE_BOUNDS: Final = (np.log(0.05), np.log(6.0))
FORMAT: Final = 1
LEAST_S: Final = 3.0 * 3600.0
# How far a parameter is moved for its derivative.
_NUDGE: Final = 0.03
# A zone moves half as little from its prior as a residual of this many kelvin would move it.
_PRIOR_K: Final = 0.05
# Of returns and of temperature rises, against inlets.
_RETURN_WEIGHT: Final = 0.5
_RISE_WEIGHT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Parameters of a room and where they come from. ``rmse_k`` and ``bias_k`` of the windows, over all inlets.

    ``from_s`` and ``to_s`` (epoch seconds) are the range of the history, ``samples`` how many readings were compared.
    """

    room: str
    parameters: Parameters
    rmse_k: float
    bias_k: float
    from_s: float
    to_s: float
    samples: int
    racks: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def version(self) -> str:
        """Short digest of parameters and data range."""
        text = json.dumps([self.parameters.as_dict(), self.from_s, self.to_s], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, see :func:`load`."""
        return {
            "format": FORMAT,
            "version": self.version,
            "room": self.room,
            "from": self.from_s,
            "to": self.to_s,
            "samples": self.samples,
            "rmseK": round(self.rmse_k, 4),
            "biasK": round(self.bias_k, 4),
            "racks": list(self.racks),
            "units": list(self.units),
            "parameters": self.parameters.as_dict(),
        }


def load(data: Mapping[str, Any], layout: Layout | None = None) -> Calibration:
    """A calibration from :meth:`Calibration.as_dict`. With a layout, one of this room alone is taken.

    Raises:
        ValueError: a field is missing, or it is of another room, other racks or units.
    """
    if data.get("format") != FORMAT:
        raise ValueError(f"calibration: format {data.get('format')!r}: expected {FORMAT}")
    try:
        found = Calibration(
            room=str(data["room"]),
            parameters=from_dict(data["parameters"]),
            rmse_k=float(data["rmseK"]),
            bias_k=float(data["biasK"]),
            from_s=float(data["from"]),
            to_s=float(data["to"]),
            samples=int(data["samples"]),
            racks=tuple(data["racks"]),
            units=tuple(data["units"]),
        )
    except KeyError as error:
        raise ValueError(f"calibration: {error.args[0]} is missing") from error
    if layout is not None and (found.racks, found.units) != (tuple(layout.rack_ids), tuple(layout.unit_ids)):
        raise ValueError(f"calibration of room {found.room} is for other racks or cooling units; calibrate anew")
    return found


def calibrate(
    layout: Layout,
    measured: Recording,
    start: Parameters | None = None,
    *,
    windows: int = 24,
    window_s: float = 2700.0,
    settle_s: float = 900.0,
    iterations: int = 6,
) -> Calibration:
    """Fit a room's parameters to what was measured.

    ``windows`` of ``window_s`` are spread over the recording; the first ``settle_s`` of each are not compared.

    Raises:
        RecordingError: there is too little, or racks without readings.
    """
    recording.check(measured, layout, least_s=LEAST_S)
    told = recording.filled(measured, layout)
    prior = _direct(layout, told, start or Parameters())
    shooting = _Shooting(layout, told, prior, windows=windows, window_s=window_s, settle_s=settle_s)
    low, high = shooting.bounds()
    solved = optimize.least_squares(
        shooting.residuals,
        np.clip(shooting.levelled(), low + 1e-6, high - 1e-6),
        jac=shooting.jacobian,
        bounds=(low, high),
        loss="soft_l1",
        f_scale=0.15,
        max_nfev=iterations,
        x_scale="jac",
        tr_solver="lsmr",
    )
    found = shooting.parameters(solved.x)
    error = shooting.errors(solved.x)
    known = np.isfinite(error)
    return Calibration(
        room=layout.room,
        parameters=found,
        rmse_k=float(np.sqrt(np.mean(error[known] ** 2))),
        bias_k=float(np.mean(error[known])),
        from_s=float(told.time_s[0]),
        to_s=float(told.time_s[-1]),
        samples=int(known.sum()),
        racks=tuple(layout.rack_ids),
        units=tuple(layout.unit_ids),
    )


def _direct(layout: Layout, told: Recording, start: Parameters) -> Parameters:
    """What the history says without a fit: flows from temperature rises; offset and efficiency of units."""
    m = len(layout.units)
    changes: dict[str, Any] = {}
    usable_rise = np.isfinite(told.delta_t) & (told.delta_t > 0.5)
    if usable_rise.any(axis=0).all():
        rise = np.nanmedian(np.where(usable_rise, told.delta_t, np.nan), axis=0)
        power = np.median(told.power, axis=0)
        busy = start.busy_share * np.array([rack.power_capacity_w for rack in layout.racks])
        load = np.clip((power / busy - start.idle_share) / (1.0 - start.idle_share), 0.0, 1.0)
        reference = power / (RHO_CP * rise) / (start.flow_idle + (1.0 - start.flow_idle) * load)
        per_kw = reference / (busy / 1000.0)
        changes["flow_per_kw"] = float(np.clip(np.median(per_kw), *ROOM_WIDE["flow_per_kw"]))
        changes["rack_flow"] = np.clip(per_kw / changes["flow_per_kw"], 0.3, 3.0)
    offset = np.zeros(m)
    capacity = np.ones(m)
    rated = np.array([unit.capacity_w for unit in layout.units])
    fans = np.array([unit.fan_power_w for unit in layout.units]) * (told.fan / 100.0) ** start.unit_fan_exponent
    heat = RHO_CP * told.airflow * (told.return_ - told.supply) + fans
    for unit in range(m):
        known = np.isfinite(told.supply[:, unit]) & np.isfinite(told.setpoint[:, unit])
        if known.any():
            offset[unit] = float(np.clip(np.median((told.supply - told.setpoint)[known, unit]), -2.0, 2.0))
        shown = heat[:, unit][np.isfinite(heat[:, unit])]
        if shown.size:
            capacity[unit] = max(1.0, float(np.percentile(shown, 99)) / rated[unit])
    changes["unit_offset_k"], changes["unit_capacity"] = offset, capacity
    drawn = told.unit_power - fans
    usable = np.isfinite(heat) & np.isfinite(drawn) & (heat > 0.05 * rated) & (drawn > 100.0)
    if usable.any():
        plain = np.asarray(laws.chiller_cop(told.supply))
        changes["cop_scale"] = float(np.clip(np.median((heat / (drawn * plain))[usable]), 0.3, 3.0))
    return start.with_(**changes)


class _Shooting:
    """Windows of a recording as scenarios, and the vector of parameters that is fitted to them."""

    def __init__(
        self, layout: Layout, told: Recording, prior: Parameters, *, windows: int, window_s: float, settle_s: float
    ) -> None:
        self._layout, self._prior = layout, prior
        step, k = told.step_s, len(told)
        # A coarse recording is stepped in minutes all the same.
        length = max(4, int(window_s / step))
        count = max(1, min(windows, k // length))
        begins = np.linspace(0, k - length, count).astype(int)
        self._at = begins[:, None] + np.arange(length)[None, :]
        self._step_s = step
        self._skip = min(length - 2, int(settle_s / step))
        self._told = told
        self._n, self._z = len(layout.racks), 2 * len(layout.racks)
        compared = self._at[:, self._skip :]
        self._inlet = told.inlet[compared].reshape(count, -1, self._z)
        others = [told.return_[compared] * _RETURN_WEIGHT, told.delta_t[compared] * _RISE_WEIGHT]
        self._others = np.concatenate(others, axis=2)
        if not np.isfinite(self._inlet).any():
            raise RecordingError(f"room {layout.room}: no inlet temperature in the windows to compare with")
        self._names = list(ROOM_WIDE)
        self._expected = self.start()
        self._cache: dict[bytes, tuple[Floats, Floats]] = {}

    # --- the vector: room-wide parameters as logarithms, then zones' factors as logarithms ---

    def start(self) -> Floats:
        zones = self._prior.zone_recirculation
        factors = np.ones(self._z) if zones is None else zones
        return np.concatenate([np.log([getattr(self._prior, name) for name in self._names]), np.log(factors)])

    def levelled(self, rounds: int = 4) -> Floats:
        """A start from which the fit is short: zones' factors such that the mean rise above the supply is right."""
        vector = self.start()
        supply = float(np.nanmean(self._told.supply))
        for _ in range(rounds):
            error = np.nanmean(self._compare(vector)[0], axis=(0, 1))
            rise = np.maximum(np.nanmean(self._inlet, axis=(0, 1)) + error - supply, 0.05)
            ratio = np.clip((rise - error) / rise, 0.4, 2.5)
            step = np.where(np.isfinite(ratio), np.log(np.maximum(ratio, 0.4)), 0.0)
            zones = vector[len(self._names) :] + step
            vector[len(self._names) :] = np.clip(zones, ZONE_BOUNDS[0] + 1e-6, ZONE_BOUNDS[1] - 1e-6)
        return vector

    def bounds(self) -> tuple[Floats, Floats]:
        room = np.log(np.array([ROOM_WIDE[name] for name in self._names]))
        zones = np.tile(np.array(ZONE_BOUNDS), (self._z, 1))
        both = np.concatenate([room, zones])
        return both[:, 0], both[:, 1]

    def parameters(self, vector: Floats) -> Parameters:
        values = np.exp(vector)
        room = {name: float(values[k]) for k, name in enumerate(self._names)}
        return self._prior.with_(**room, zone_recirculation=values[len(self._names) :])

    # --- residuals ---

    def errors(self, vector: Floats) -> Floats:
        """Model less measured, of inlets (windows, times, Z), K."""
        return self._compare(vector)[0]

    def residuals(self, vector: Floats) -> Floats:
        inlet, others = self._compare(vector)
        prior = _PRIOR_K * (vector - self._expected)
        return np.concatenate([np.nan_to_num(inlet).ravel(), np.nan_to_num(others).ravel(), prior])

    def jacobian(self, vector: Floats) -> sparse.csr_array:
        """Derivatives of the residuals: dense columns of the room-wide parameters, a diagonal of blocks for zones."""
        base_inlet, base_others = self._compare(vector)
        known_inlet, known_others = np.isfinite(base_inlet), np.isfinite(base_others)
        size = base_inlet.size + base_others.size + vector.size
        wide = len(self._names)
        moved = np.tile(vector, (wide + 1, 1))
        moved[np.arange(wide), np.arange(wide)] += _NUDGE
        moved[wide, wide:] += _NUDGE
        inlets, others = self._run([self.parameters(one) for one in moved])
        slopes = np.where(known_inlet, (inlets - self._inlet - base_inlet) / _NUDGE, 0.0)
        other_slopes = np.where(known_others, (others - self._others - base_others) / _NUDGE, 0.0)
        columns: list[Any] = []
        for k in range(wide):
            column = np.zeros(size)
            column[: base_inlet.size] = slopes[k].ravel()
            column[base_inlet.size : base_inlet.size + base_others.size] = other_slopes[k].ravel()
            column[size - vector.size + k] = _PRIOR_K
            columns.append(column)
        slope = slopes[wide]
        rows = np.arange(base_inlet.size)
        zone = np.tile(np.arange(self._z), base_inlet.size // self._z)
        own = sparse.coo_array((slope.ravel(), (rows, zone)), shape=(size, self._z))
        at = size - self._z + np.arange(self._z)
        weights = sparse.coo_array((np.full(self._z, _PRIOR_K), (at, np.arange(self._z))), shape=(size, self._z))
        room = sparse.csr_array(np.stack(columns, axis=1))
        return sparse.csr_array(sparse.hstack([room, own + weights]))

    def _compare(self, vector: Floats) -> tuple[Floats, Floats]:
        key = vector.tobytes()
        if key not in self._cache:
            if len(self._cache) > 2:
                self._cache.clear()
            inlet, others = self._run([self.parameters(vector)])
            self._cache[key] = inlet[0] - self._inlet, others[0] - self._others
        return self._cache[key]

    def _run(self, each: Sequence[Parameters]) -> tuple[Floats, Floats]:
        """Inlets (P, windows, times, Z), returns and rises (P, windows, times, M + N) with each of P parameters: all
        run at once, as scenarios."""
        told, (count, length) = self._told, self._at.shape
        at = np.tile(self._at, (len(each), 1))
        rows = [one for one in each for _ in range(count)]
        model = RoomModel(self._layout, [following(one) for one in rows])
        inputs = model.default_inputs(0.5)
        rated = model.equations.rated_flow
        inlet = np.empty((len(rows), length - self._skip, self._z))
        others = np.empty((len(rows), length - self._skip, model.units + model.racks))

        def tell(k: int) -> None:
            moment = at[:, k]
            inputs.setpoint[...], inputs.fan[...] = told.supply[moment], told.airflow[moment] / rated
            inputs.it_power[...] = np.maximum(told.power[moment], 0.0)

        tell(0)
        inputs.it_power[...] *= 1.0 / (1.0 + np.array([[one.fan_share] for one in rows]) * 0.5)
        state = model.steady(inputs, tolerance_k=1e-3, rounds=60)
        measured = told.inlet[at[:, 0]]
        state.inlet[...] = np.where(np.isfinite(measured), measured, state.inlet)
        for k in range(length):
            if k >= self._skip:
                seen = model.observe(state, inputs)
                inlet[:, k - self._skip] = seen.inlet.reshape(len(rows), self._z)
                others[:, k - self._skip, : model.units] = seen.return_ * _RETURN_WEIGHT
                others[:, k - self._skip, model.units :] = (seen.outlet - seen.inlet).mean(axis=1) * _RISE_WEIGHT
            if k + 1 < length:
                tell(k)
                inputs.it_power[...] = model.it_power(inputs.it_power, state)
                model.advance(state, inputs, self._step_s, 5.0)
        shape = (len(each), count, length - self._skip, -1)
        return inlet.reshape(shape), others.reshape(shape)


def following(parameters: Parameters) -> Parameters:
    """Parameters of a model that is told its supply temperatures: set-points act at once and without limit."""
    return parameters.with_(supply_time_s=2.0, unit_offset_k=None, unit_capacity=None, capacity_exponent=0.0)
