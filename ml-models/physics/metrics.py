"""Thermal and energy indices of a room, over arrays. Pure; each names its source, and what it does not say.

None is returned where an index is not defined (no heat, no sample, no energy): absent is absent, never 0. Next:
:mod:`indices` computes them live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.ashrae import Limits
from physics.laws import CFM, Floats, rack_delta_t

# Below these an index would be noise over noise.
_LEAST_W: Final = 50.0
_LEAST_K: Final = 0.2
HOURS_PER_YEAR: Final = 8760.0


@dataclass(frozen=True, slots=True)
class CoolingIndex:
    """Rack cooling index in %: 100 is ideal, 96 and more good, 91 to 95 acceptable, 90 and less poor.

    ``n`` is the number of inlet samples behind it, without which it cannot be compared.
    """

    hi: float
    lo: float
    n: int


def rci(inlets: Floats, limits: Limits | Sequence[Limits]) -> CoolingIndex | None:
    """Rack cooling index over n inlet samples (°C), with limits of all or of each.

    ``RCI_HI = [1 - sum_{T > Tmax_rec} (T - Tmax_rec) / ((Tmax_all - Tmax_rec) n)] 100 %``, and the same below.
    Herrlin, ASHRAE Trans. 111(2), 2005. Four A1 inlets of 25, 26, 28 and 29 °C: RCI_HI = 85 %.
    """
    t = np.asarray(inlets, dtype=float).ravel()
    each = [limits] * t.size if isinstance(limits, Limits) else list(limits)
    if len(each) != t.size:
        raise ValueError(f"limits: expected {t.size}, one for each inlet, found {len(each)}")
    known = np.isfinite(t)
    if not known.any():
        return None
    high = np.array([one.recommended_high for one in each])
    low = np.array([one.recommended_low for one in each])
    span_high = np.array([one.allowable_high for one in each]) - high
    span_low = low - np.array([one.allowable_low for one in each])
    over = (np.maximum(t - high, 0.0) / span_high)[known].sum()
    under = (np.maximum(low - t, 0.0) / span_low)[known].sum()
    n = int(known.sum())
    return CoolingIndex(hi=float(100.0 * (1.0 - over / n)), lo=float(100.0 * (1.0 - under / n)), n=n)


def equipment_delta_t(power_w: Floats, delta_t: Floats) -> float | None:
    """Rise through the equipment (K), weighted by air flow: ``sum P / sum (P / dT)``."""
    p, d = np.asarray(power_w, dtype=float).ravel(), np.asarray(delta_t, dtype=float).ravel()
    usable = np.isfinite(p) & np.isfinite(d) & (d > _LEAST_K) & (p > 0.0)
    return float(p[usable].sum() / (p[usable] / d[usable]).sum()) if usable.any() else None


def rti(return_c: float, supply_c: float, equipment_k: float | None) -> float | None:
    """Return temperature index (%), ``(T_return - T_supply) / dT_equipment``: above 100 recirculation, below bypass.

    Herrlin, ASHRAE Trans. 114, 2008.
    """
    if equipment_k is None or equipment_k < _LEAST_K:
        return None
    return 100.0 * (return_c - supply_c) / equipment_k


def shi(inlets: Floats, outlets: Floats, reference_c: float, flows: Floats | None = None) -> float | None:
    """Supply heat index, heat taken up before the inlets over all: ``sum V (T_in - T_ref) / sum V (T_out - T_ref)``.

    Sharma, Bash, Patel, AIAA 2002-3091. ``flows`` equal when left out. RHI is 1 - SHI.
    """
    t_in, t_out = np.asarray(inlets, dtype=float).ravel(), np.asarray(outlets, dtype=float).ravel()
    weight = np.ones_like(t_in) if flows is None else np.asarray(flows, dtype=float).ravel()
    known = np.isfinite(t_in) & np.isfinite(t_out)
    total = float((weight * (t_out - reference_c))[known].sum()) if known.any() else 0.0
    if total < _LEAST_K:
        return None
    return float(np.clip((weight * (t_in - reference_c))[known].sum() / total, 0.0, 1.0))


def beta(inlet_c: float, outlet_c: float, reference_c: float) -> float | None:
    """Recirculation index ``(T_in - T_ref) / (T_out - T_in)``; 0 none, 1 a rack that heats itself. SHI is b / (1 + b).

    Schmidt, Cruz, Iyengar, IBM J. R&D 49(4/5), 2005 (first 2004).
    """
    return None if outlet_c - inlet_c < _LEAST_K else (inlet_c - reference_c) / (outlet_c - inlet_c)


def cooling_utilization(power_w: float, cooling_capacity_w: float | None) -> float | None:
    """Heat as a share of the cooling capacity (%); None where none is stated."""
    return None if not cooling_capacity_w else 100.0 * power_w / cooling_capacity_w


def power_usage_ratio(total_w: float, it_w: float) -> float | None:
    """All power over IT power at this moment. Not PUE, which is a year's energy (ISO/IEC 30134-2)."""
    return None if it_w < _LEAST_W else total_w / it_w


def pue(total_kwh: float, it_kwh: float, hours: float) -> float | None:
    """Power usage effectiveness, ISO/IEC 30134-2: energy over energy, of at least a year; None before."""
    return None if hours < HOURS_PER_YEAR or it_kwh <= 0.0 else total_kwh / it_kwh


def aclf(cooling_kwh: float, it_kwh: float) -> float | None:
    """Air-conditioning load factor: energy of cooling over energy of IT."""
    return None if it_kwh <= 0.0 else cooling_kwh / it_kwh


def cue(carbon_kg: float, it_kwh: float) -> float | None:
    """Carbon usage effectiveness (kg CO2 per kWh of IT), ISO/IEC 30134-8."""
    return None if it_kwh <= 0.0 else carbon_kg / it_kwh


def wue(water_l: float, it_kwh: float) -> float | None:
    """Water usage effectiveness (litres per kWh of IT), ISO/IEC 30134-9."""
    return None if it_kwh <= 0.0 else water_l / it_kwh


def airflow_efficiency(fan_w: float, flow_m3s: float) -> float | None:
    """Fan power per air flow (W/cfm); LBNL calls 0.5 better practice."""
    return None if flow_m3s <= 0.0 else fan_w / (flow_m3s * CFM)


@dataclass(frozen=True, slots=True)
class RoomReadings:
    """What a room's indices are made of. NaN where nothing is known.

    ``inlets`` (K, N) °C at K heights, ``limits`` of each rack; ``power_w`` (N,) W, ``flow`` (N,) m3/s; ``supply_c``,
    ``return_c``, ``unit_flow`` and ``unit_power_w`` (M,); ``other_w`` is what else the room draws (lights, losses).
    """

    inlets: Floats
    limits: Sequence[Limits]
    power_w: Floats
    flow: Floats
    supply_c: Floats
    return_c: Floats
    unit_flow: Floats
    unit_power_w: Floats
    other_w: float = 0.0


@dataclass(frozen=True, slots=True)
class RoomIndices:
    """Indices of a room; None where not defined. ``reference_c`` is the supply temperature they refer to."""

    rci_hi: float | None
    rci_lo: float | None
    n: int
    rti: float | None
    shi: float | None
    rhi: float | None
    power_usage_ratio: float | None
    aclf: float | None
    reference_c: float | None
    equipment_delta_t: float | None


def room_indices(r: RoomReadings) -> RoomIndices:
    """All indices of a room at one moment. The supply is the units' mean by their flow."""
    heights = r.inlets.shape[0]
    index = rci(r.inlets, [one for _ in range(heights) for one in r.limits])
    supply, back = _weighted(r.supply_c, r.unit_flow), _weighted(r.return_c, r.unit_flow)
    mean_inlet = _mean_inlet(r.inlets)
    delta_t = np.where(r.flow > 0.0, rack_delta_t(r.power_w, np.where(r.flow > 0.0, r.flow, np.nan)), np.nan)
    equipment = equipment_delta_t(r.power_w, delta_t)
    heat_index = None if supply is None else shi(mean_inlet, mean_inlet + delta_t, supply, r.flow)
    it = float(np.nansum(r.power_w))
    cooling = float(np.nansum(r.unit_power_w)) if np.isfinite(r.unit_power_w).any() else None
    return RoomIndices(
        rci_hi=index.hi if index else None,
        rci_lo=index.lo if index else None,
        n=index.n if index else 0,
        rti=None if supply is None or back is None else rti(back, supply, equipment),
        shi=heat_index,
        rhi=None if heat_index is None else 1.0 - heat_index,
        power_usage_ratio=None if cooling is None else power_usage_ratio(it + cooling + r.other_w, it),
        aclf=None if cooling is None else aclf(cooling, it),
        reference_c=supply,
        equipment_delta_t=equipment,
    )


def _mean_inlet(inlets: Floats) -> Floats:
    known = np.isfinite(inlets)
    count = known.sum(axis=0)
    total = np.where(known, inlets, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _weighted(values: Floats, weights: Floats) -> float | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    weight = np.where(known & np.isfinite(weights), weights, 0.0)
    if weight.sum() <= 0.0:
        weight = known.astype(float)
    return float((np.where(known, values, 0.0) * weight).sum() / weight.sum())
