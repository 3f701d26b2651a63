"""One room's twin: follow, judge, calibrate. Next: :mod:`physics.watch` sends what comes of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import structlog

from fidelity import metrics
from fidelity.memory import Memory
from fidelity.settings import FidelitySettings
from physics import calibration
from physics.calibration import Calibration
from physics.fidelity import Fidelity, Scorer, Watch
from physics.laws import Floats
from physics.layout import Layout
from physics.live import Book
from physics.metrics import cooling_utilization
from physics.recording import RecordingError
from physics.twin import Moment, Twin, moments
from physics.watch import Result
from racktwin.names import thing_id

FEATURE: Final = "fidelity"
# Ahead by this much the twin is measured against persistence (s).
AHEAD_S: Final = 900.0
_FIRST_SCORED: Final = 4
# Steps of the past that a newly calibrated twin follows first.
_RELIVED: Final = 180
# Without these a room is not followed: share of inlets that must be known.
_LEAST_KNOWN: Final = 0.5


class Room:
    """The twin of one room of one layout."""

    def __init__(self, layout: Layout, settings: FidelitySettings, made: Calibration | None) -> None:
        self.layout, self._settings = layout, settings
        self.calibration = made
        self.steps = 0
        self.memory = Memory(layout, settings.fidelity_every_s, settings.fidelity_memory_h * 3600.0)
        self.watch = Watch(factor=settings.fidelity_worse_factor)
        self.tried_s = 0.0
        self.power: Floats = np.zeros(len(layout.racks))
        self._begin()

    def follow(self, moment: Moment) -> None:
        """Be told a moment; score what was said of it."""
        error = -self.twin.observe(moment)
        self.power = np.where(np.isfinite(moment.power), moment.power, self.power)
        # What it says before it has learnt the room's biases is no measure of it.
        if self.steps >= _FIRST_SCORED:
            self.scorer.step(error)
        while self._due and self._due[0][0] <= moment.time_s + 1.0:
            _at, said, then, power = self._due.popleft()
            self.scorer.ahead(said - moment.inlet, then - moment.inlet)
            self.scorer.power(power, moment.power)
        said = self.twin.forecast([AHEAD_S], keep=False)[0].value
        self._due.append((moment.time_s + AHEAD_S, said, moment.inlet, moment.power))
        self.steps += 1

    def calibrate(self) -> Calibration:
        """Fit the twin to what it remembers, and follow with that from now on.

        Raises:
            RecordingError: there is too little, or a rack without readings.
        """
        start = self.calibration.parameters if self.calibration else None
        past = self.memory.recording()
        made = calibration.calibrate(self.layout, past, start)
        self.calibration = made
        self.watch.calibrated(made.rmse_k)
        self._begin()
        # The new twin learns biases and habits from what it would have followed.
        for moment in moments(past)[-_RELIVED:]:
            self.twin.observe(moment)
        return made

    def _begin(self) -> None:
        parameters = self.calibration.parameters if self.calibration else None
        step_s = self._settings.fidelity_every_s
        self.twin = Twin(self.layout, parameters, step_s=step_s, horizons_s=(AHEAD_S,))
        self.scorer = Scorer(len(self.layout.racks))
        self._due: deque[tuple[float, Floats, Floats, Floats]] = deque()


class FidelityLooker:
    """The rooms that a process follows."""

    def __init__(self, settings: FidelitySettings, clock: Callable[[], int], log: structlog.stdlib.BoundLogger) -> None:
        """``clock`` gives epoch milliseconds."""
        self._settings, self._clock, self._log = settings, clock, log
        self._rooms: dict[tuple[str, str], Room] = {}
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
        """Let the room's twin follow; now and then what that shows."""
        moment = book.moment(layout, now_ms)
        if np.isfinite(moment.inlet).mean() < _LEAST_KNOWN or np.isfinite(moment.power).mean() < _LEAST_KNOWN:
            return []
        room = self._room(site, layout)
        room.memory.add(moment, book, now_ms)
        room.follow(moment)
        self._calibrate_if_due(site, room, now_ms)
        if not room.scorer.ready or room.steps % self._settings.fidelity_publish_every:
            return []
        return self._results(site, room, now_ms)

    def _room(self, site: str, layout: Layout) -> Room:
        key = site, layout.room
        room = self._rooms.get(key)
        if room is None or room.layout != layout:
            made = self._known.get(key)
            fits = made is not None and (made.racks, made.units) == (tuple(layout.rack_ids), tuple(layout.unit_ids))
            room = self._rooms[key] = Room(layout, self._settings, made if fits else None)
            if fits and made is not None:
                room.watch.calibrated(made.rmse_k)
            self._log.info("following", site=site, room=layout.room, racks=len(layout.racks), calibrated=fits)
        return room

    def _calibrate_if_due(self, site: str, room: Room, now_ms: int) -> None:
        now_s, kept = now_ms / 1000.0, room.calibration
        age_h = (now_s - kept.to_s) / 3600.0 if kept is not None else float("inf")
        enough = room.memory.seconds >= self._settings.fidelity_first_calibration_h * 3600.0
        # After a failure not at once again.
        if not enough or age_h < self._settings.fidelity_calibrate_every_h or now_s - room.tried_s < 3600.0:
            return
        room.tried_s = now_s
        try:
            made = room.calibrate()
        except RecordingError as error:
            self._log.warning("not calibrated", site=site, room=room.layout.room, reason=str(error))
            return
        self._known[site, room.layout.room] = made
        metrics.CALIBRATIONS.labels(site, room.layout.room).inc()
        self._log.info("calibrated", site=site, room=made.room, version=made.version, rmse_k=round(made.rmse_k, 3))

    def _results(self, site: str, room: Room, now_ms: int) -> list[Result]:
        layout, made = room.layout, room.calibration
        whole = room.scorer.of_room()
        changed = room.watch.look(whole.rmse)
        metrics.tell(site, layout.room, whole, worse=room.watch.worse)
        if changed:
            tell = self._log.warning if room.watch.worse else self._log.info
            what = (
                "fidelity worsened: calibrate, or look for what changed in the room" if room.watch.worse else "better"
            )
            tell(what, site=site, room=layout.room, rmse_k=_round(whole.rmse), limit_k=_round(room.watch.limit_k))
        when = {"calibratedAt": int(made.to_s * 1000) if made else None}
        parameters = made.as_dict() if made else None
        results = [
            Result(
                thing=thing_id(site, "room", layout.room),
                feature=FEATURE,
                observed_at=now_ms,
                room=layout.room,
                values={**_values(whole), **when, "parameters": parameters},
                twin_only=frozenset({"parameters", "calibratedAt"}),
            )
        ]
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
                    twin_only=frozenset({"parameters", "calibratedAt"}),
                )
            )
            used = cooling_utilization(float(room.power[at]), rack.cooling_capacity_w)
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
        "skill": None if found.skill is None else round(max(found.skill, -1e6), 4),
        "nmbe": _round(found.nmbe),
        "cvrmse": _round(found.cvrmse),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
