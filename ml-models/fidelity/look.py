"""One room's twin: follow, judge, calibrate. Next: :mod:`physics.watch` sends what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import structlog

from fidelity import metrics
from fidelity.settings import FidelitySettings
from physics import calibration
from physics.calibration import Calibration
from physics.fidelity import Fidelity
from physics.follow import DECIMALS, HORIZONS_S, Follower, Terms
from physics.laws import Floats
from physics.layout import Layout
from physics.live import Book
from physics.metrics import cooling_utilization
from physics.recording import RecordingError
from physics.watch import Result
from racktwin.names import thing_id

FEATURE: Final = "fidelity"
# What racks' inlets are expected to be: for models that learn what physics leaves over.
EXPECTATION: Final = "expectation"
_TWIN_ONLY: Final = frozenset({"parameters", "calibratedAt", "state"})


class FidelityLooker:
    """The rooms that a process follows."""

    def __init__(self, settings: FidelitySettings, clock: Callable[[], int], log: structlog.stdlib.BoundLogger) -> None:
        """``clock`` gives epoch milliseconds."""
        self._settings, self._clock, self._log = settings, clock, log
        self._terms = Terms(
            step_s=settings.fidelity_every_s,
            memory_s=settings.fidelity_memory_h * 3600.0,
            first_s=settings.fidelity_first_calibration_h * 3600.0,
            every_s=settings.fidelity_calibrate_every_h * 3600.0,
            judged_every=settings.fidelity_publish_every,
            worse_factor=settings.fidelity_worse_factor,
            kept=settings.fidelity_kept_steps,
            ahead_scale=settings.fidelity_time_scale,
        )
        self._rooms: dict[tuple[str, str], Follower] = {}
        self._known: dict[tuple[str, str], Calibration] = {}

    def rooms(self, site: str, layouts: dict[str, Layout], things: list[dict[str, Any]]) -> None:
        """Take calibrations from the rooms' twins, where an earlier run left them."""
        by_thing = {thing["thingId"]: thing for thing in things}
        for room, layout in layouts.items():
            if (site, room) not in self._known:
                made = self._stored(by_thing.get(thing_id(site, "room", room), {}), layout)
                if made is not None:
                    self._known[site, room] = made
        for key in [key for key in self._rooms if key[0] == site and key[1] not in layouts]:
            del self._rooms[key]

    def look(self, site: str, layout: Layout, book: Book, now_ms: int) -> list[Result]:
        """Let the room's twin follow; what it expects now, and now and then how far to trust it."""
        moment = book.moment(layout, now_ms)
        if not Follower.usable(moment):
            return []
        room = self._room(site, layout)
        room.follow(moment, book.beside(layout, now_ms))
        for error, still, power in room.foresight.came(moment):
            room.scorer.ahead(error, still)
            room.scorer.power(power, moment.power)
        # Before a calibration, which begins anew.
        if room.turned:
            self._tell_turn(site, room)
        self._calibrate_if_due(site, room, now_ms)
        expected = room.twin.ahead.expected([room.beginning()], self._terms.horizons_s)[0]
        room.foresight.said(moment, expected)
        # Of other horizons than models know, nothing is told to them.
        heard = room.trusted and not room.foresight.misleads and self._settings.fidelity_time_scale == 1.0
        told = self._expected(room, expected, now_ms) if heard else []
        early = not room.scorer.ready or room.steps < self._settings.fidelity_first_step
        if early or room.steps % self._settings.fidelity_publish_every:
            return told
        return [*self._results(site, room, now_ms), *told]

    def _room(self, site: str, layout: Layout) -> Follower:
        key = site, layout.room
        room = self._rooms.get(key)
        if room is None or room.layout != layout:
            made = self._known.get(key)
            fits = made is not None and (made.racks, made.units) == (tuple(layout.rack_ids), tuple(layout.unit_ids))
            room = self._rooms[key] = Follower(layout, self._terms, made if fits else None)
            self._log.info("following", site=site, room=layout.room, racks=len(layout.racks), calibrated=fits)
        return room

    def _calibrate_if_due(self, site: str, room: Follower, now_ms: int) -> None:
        if not room.due(now_ms / 1000.0):
            return
        try:
            made = room.calibrate(now_ms / 1000.0)
        except RecordingError as error:
            self._log.warning("not calibrated", site=site, room=room.layout.room, reason=str(error))
            return
        self._known[site, room.layout.room] = made
        metrics.CALIBRATIONS.labels(site, room.layout.room).inc()
        self._log.info("calibrated", site=site, room=made.room, version=made.version, rmse_k=round(made.rmse_k, 3))

    def _expected(self, room: Follower, expected: Floats, now_ms: int) -> list[Result]:
        """What each rack's inlets are expected to be. Into history and to who models, not onto twins: there stands
        what a model makes of it."""
        names = [f"{place}{horizon:.0f}" for horizon in HORIZONS_S for place in ("bottom", "top")]
        # (H, 2, N) -> (N, H * 2), as the names are.
        values = np.round(expected, DECIMALS).reshape(len(names), -1).T.tolist()
        return [
            Result(
                thing=rack.id,
                feature=EXPECTATION,
                observed_at=now_ms,
                room=room.layout.room,
                row=rack.row or None,
                values=dict(zip(names, own, strict=True)),
                on_twin=False,
            )
            for rack, own in zip(room.layout.racks, values, strict=True)
        ]

    def _tell_turn(self, site: str, room: Follower) -> None:
        worse = room.watch.worse
        tell = self._log.warning if worse else self._log.info
        what = "fidelity worsened: calibrate, or look for what changed in the room" if worse else "better"
        rmse_k = room.scorer.of_room().rmse
        tell(what, site=site, room=room.layout.room, rmse_k=_round(rmse_k), limit_k=_round(room.watch.limit_k))

    def _results(self, site: str, room: Follower, now_ms: int) -> list[Result]:
        layout, made = room.layout, room.calibration
        whole = room.scorer.of_room()
        metrics.tell(site, layout.room, whole, worse=room.watch.worse)
        when: dict[str, Any] = {
            "calibratedAt": int(made.to_s * 1000) if made else None,
            "state": "settled" if room.settled else "learning",
        }
        parameters = made.as_dict() if made else None
        results = [
            Result(
                thing=thing_id(site, "room", layout.room),
                feature=FEATURE,
                observed_at=now_ms,
                room=layout.room,
                values={**_values(whole), **when, "parameters": parameters},
                twin_only=_TWIN_ONLY,
            )
        ]
        power = room.twin.power
        captured = room.twin.supply_fraction().mean(axis=0)
        for at, rack in enumerate(layout.racks):
            own = {"bias": [round(float(v), 4) for v in room.twin.bias[:, at]]}
            own |= {"gain": [round(float(v), 4) for v in room.twin.gain[:, at]]}
            results.append(
                Result(
                    thing=rack.id,
                    feature=FEATURE,
                    observed_at=now_ms,
                    room=layout.room,
                    row=rack.row or None,
                    values={**_values(room.scorer.of_rack(at)), **when, "parameters": own},
                    twin_only=_TWIN_ONLY,
                )
            )
            used = cooling_utilization(float(power[at]), rack.cooling_capacity_w)
            results.append(
                Result(
                    thing=rack.id,
                    feature="cooling",
                    observed_at=now_ms,
                    quality="estimated",
                    room=layout.room,
                    row=rack.row or None,
                    values={"supplyFraction": round(float(captured[at]), 4), "coolingUtilization": _round(used)},
                    stamped=False,
                )
            )
        return results

    def _stored(self, thing: Mapping[str, Any], layout: Layout) -> Calibration | None:
        properties = ((thing.get("features") or {}).get(FEATURE) or {}).get("properties") or {}
        data = properties.get("parameters")
        if not isinstance(data, Mapping) or "format" not in data:
            return None
        try:
            return calibration.load(data, layout)
        except ValueError as error:
            self._log.info("stored calibration not taken", room=layout.room, reason=str(error))
            return None


def _values(found: Fidelity) -> dict[str, Any]:
    return {
        "rmse": _round(found.rmse),
        "bias": _round(found.bias),
        "forecastRmse": _round(found.forecast_rmse),
        "skill": None if found.skill is None else round(max(found.skill, -1e6), 4),
        "nmbe": _round(found.nmbe),
        "cvrmse": _round(found.cvrmse),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
