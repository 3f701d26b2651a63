"""The indices of one room from its newest readings. Pure. Next: :mod:`physics.watch` sends them."""

from __future__ import annotations

from typing import Any

import numpy as np

from physics import ashrae, laws, metrics
from physics.layout import Layout
from physics.live import Book
from physics.watch import Result
from racktwin.names import thing_id

FEATURE = "indices"


class IndicesLooker:
    """Room and rack indices of each room it is shown."""

    def __init__(self, carbon_kg_per_kwh: float | None = None, water_l_per_kwh: float | None = None) -> None:
        """Carbon of the electricity (kg/kWh) and water of the heat removed (L/kWh); None where not known."""
        self._carbon, self._water = carbon_kg_per_kwh, water_l_per_kwh

    def rooms(self, site: str, layouts: dict[str, Layout], things: list[dict[str, Any]]) -> None:
        """Nothing is kept of rooms."""

    def look(self, site: str, layout: Layout, book: Book, now_ms: int) -> list[Result]:
        """The room's indices and its racks'; none while no inlet is known."""
        readings, assumed = book.room_readings(layout, now_ms)
        if not np.isfinite(readings.inlets).any():
            return []
        found = metrics.room_indices(readings)
        it_w = float(np.nansum(readings.power_w))
        ratio = found.power_usage_ratio
        heat = book.column(layout.unit_ids, "power", "heatRemoved", now_ms)
        heat_w = float(np.nansum(heat)) if np.isfinite(heat).any() else None
        quality = "estimated" if assumed else "good"
        room = Result(
            thing=thing_id(site, "room", layout.room),
            feature=FEATURE,
            observed_at=now_ms,
            quality=quality,
            room=layout.room,
            values=_rounded(
                {
                    "rciHi": found.rci_hi,
                    "rciLo": found.rci_lo,
                    "n": found.n,
                    "rti": None if found.rti is None or not 0.0 <= found.rti <= 1000.0 else found.rti,
                    "shi": found.shi,
                    "rhi": found.rhi,
                    "powerUsageRatio": ratio,
                    "aclf": found.aclf,
                    "cue": None if ratio is None or self._carbon is None else ratio * self._carbon,
                    "wue": None if heat_w is None or self._water is None else metrics.wue(heat_w * self._water, it_w),
                }
            ),
        )
        return [room, *self._racks(layout, book, now_ms, readings, found.reference_c)]

    def _racks(
        self, layout: Layout, book: Book, now_ms: int, readings: metrics.RoomReadings, reference: float | None
    ) -> list[Result]:
        humidity = book.humidity(layout, now_ms)
        samples = int(np.isfinite(readings.inlets).sum())
        results = []
        for at, rack in enumerate(layout.racks):
            inlets = readings.inlets[:, at]
            known = np.isfinite(inlets)
            if not known.any():
                continue
            limits = readings.limits[at]
            states = ashrae.verdicts(inlets[known], limits)
            wet = known & np.isfinite(humidity[:, at])
            if wet.any():
                states = np.concatenate([states, ashrae.verdicts(inlets[wet], limits, humidity[wet, at])])
            inlet = float(np.mean(inlets[known]))
            power, flow = readings.power_w[at], readings.flow[at]
            rise = float(laws.rack_delta_t(power, flow)) if np.isfinite(power) and flow > 0.0 else None
            over = np.maximum(inlets[known] - limits.recommended_high, 0.0).sum()
            span = limits.allowable_high - limits.recommended_high
            supplied = reference is not None and rise is not None
            shi = beta = None
            if supplied:
                assert reference is not None and rise is not None
                beta = metrics.beta(inlet, inlet + rise, reference)
                shi = metrics.shi(np.array([inlet]), np.array([inlet + rise]), reference)
            values = {
                "shi": shi,
                "beta": None if beta is None else float(np.clip(beta, -10.0, 100.0)),
                "rciHiContribution": float(100.0 * over / (span * samples)),
            }
            results.append(
                Result(
                    thing=rack.id,
                    feature=FEATURE,
                    observed_at=now_ms,
                    room=layout.room,
                    row=rack.row or None,
                    values={
                        **_rounded(values),
                        "ashraeState": ashrae.VERDICTS[int(states.max())],
                        "ashraeClass": limits.name,
                    },
                )
            )
        return results


def _rounded(values: dict[str, float | int | None]) -> dict[str, Any]:
    return {
        name: value if value is None or isinstance(value, int) else round(value, 4) for name, value in values.items()
    }
