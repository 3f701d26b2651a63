"""Following a room: a twin that is told what is measured, judged by it, calibrated from it, and heard only while it can
be trusted. Pure.

:class:`Follower` is what the process `fidelity` keeps of a room. :func:`expectations` has it follow a whole recording:
training learns from exactly what serving will be told. Next: `fidelity` publishes it, `training` learns from it.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics import calibration
from physics.ahead import Beginning
from physics.calibration import Calibration
from physics.fidelity import KEPT, Scorer, Watch, skill
from physics.laws import Floats
from physics.layout import Layout
from physics.memory import Memory
from physics.recording import Recording, RecordingError
from physics.supply import LEAST as HABITS
from physics.twin import Moment, Twin, moments

# How far ahead an expectation is told (s); by the middle one a twin is measured against persistence.
HORIZONS_S: Final = (300.0, 900.0, 1800.0)
AHEAD_S: Final = HORIZONS_S[1]
# Decimals of a temperature that is told.
DECIMALS: Final = 3
_FIRST_SCORED: Final = 4
# Steps of the past that a newly calibrated twin follows first.
_RELIVED: Final = 180
# A room is followed while this share of its inlets and powers is known.
_LEAST_KNOWN: Final = 0.5
# After a calibration that failed, not at once again (s).
_AGAIN_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Terms:
    """How a room is followed: seconds between steps, what is remembered, when it is calibrated, when and by how much of
    the past it is judged; ``ahead_scale`` multiplies :data:`HORIZONS_S`."""

    step_s: float = 60.0
    memory_s: float = 24 * 3600.0
    first_s: float = 3 * 3600.0
    every_s: float = 24 * 3600.0
    judged_every: int = 5
    worse_factor: float = 1.5
    kept: int = KEPT
    ahead_scale: float = 1.0

    @property
    def ahead_s(self) -> float:
        """How far ahead it is measured against persistence (s)."""
        return AHEAD_S * self.ahead_scale

    @property
    def horizons_s(self) -> tuple[float, ...]:
        """How far ahead it is forecast (s)."""
        return tuple(horizon * self.ahead_scale for horizon in HORIZONS_S)


class Foresight:
    """Forecasts :data:`AHEAD_S` ahead of one room, held against what came and against persistence."""

    def __init__(self, terms: Terms | None = None) -> None:
        terms = terms or Terms()
        self._ahead_s = terms.ahead_s
        self._due: deque[tuple[float, Floats, Floats, Floats]] = deque()
        self._errors: deque[tuple[Floats, Floats]] = deque(maxlen=terms.kept)

    def came(self, moment: Moment) -> list[tuple[Floats, Floats, Floats]]:
        """Of each forecast whose time has come: its error and that of persistence (2, N), the power then (N,)."""
        found = []
        while self._due and self._due[0][0] <= moment.time_s + 1.0:
            _at, said, then, power = self._due.popleft()
            found.append((said - moment.inlet, then - moment.inlet, power))
        self._errors.extend((error, still) for error, still, _power in found)
        return found

    def said(self, moment: Moment, expected: Floats) -> None:
        """What is expected (H, 2, N) from this moment on."""
        ahead = expected[HORIZONS_S.index(AHEAD_S)]
        self._due.append((moment.time_s + self._ahead_s, ahead, moment.inlet, moment.power))

    @property
    def misleads(self) -> bool:
        """Whether it was worse than persistence of late."""
        if not self._errors:
            return False
        error, still = (np.array(values) for values in zip(*self._errors, strict=True))
        found = skill(error, still)
        return found is not None and found < 0.0


class Follower:
    """The twin of one room of one layout. Feed it :meth:`follow`, then see :meth:`due` and :meth:`trusted`."""

    def __init__(self, layout: Layout, terms: Terms, made: Calibration | None = None) -> None:
        self.layout, self._terms = layout, terms
        self.calibration = made
        self.steps = 0
        self.memory = Memory(layout, terms.step_s, terms.memory_s)
        self.watch = Watch(factor=terms.worse_factor)
        if made is not None:
            self.watch.calibrated(made.rmse_k)
        # Whether the last step changed the verdict.
        self.turned = False
        self._tried_s = -np.inf
        # From this step on all forecasts that come due were made after the units' habits were learnt.
        self._learnt_at = HABITS + math.ceil(terms.ahead_s / terms.step_s)
        self._begin()

    @staticmethod
    def usable(moment: Moment) -> bool:
        """Whether enough of a room is known to follow it."""
        known = (np.isfinite(moment.inlet).mean(), np.isfinite(moment.power).mean())
        return bool(min(known) >= _LEAST_KNOWN)

    def follow(self, moment: Moment, more: Mapping[str, Floats]) -> None:
        """Be told a moment, and ``more`` of what a calibration needs (see :class:`physics.memory.Memory`)."""
        self.memory.add(moment, more)
        error = -self.twin.observe(moment)
        self._followed += 1
        # What it says before it has learnt the room's biases is no measure of it.
        if self.steps >= _FIRST_SCORED:
            self.scorer.step(error)
        if self._followed == self._learnt_at:
            self.scorer.begin_ahead()
        self.steps += 1
        self.turned = False
        if self.scorer.ready and self.steps % self._terms.judged_every == 0:
            self.turned = self.watch.look(self.scorer.of_room().rmse)

    def due(self, now_s: float) -> bool:
        """Whether it is time to calibrate."""
        kept = self.calibration
        age_s = now_s - kept.to_s if kept is not None else np.inf
        enough = self.memory.seconds >= self._terms.first_s
        return bool(enough and age_s >= self._terms.every_s and now_s - self._tried_s >= _AGAIN_S)

    def calibrate(self, now_s: float) -> Calibration:
        """Fit the twin to what it remembers, and follow with that from now on.

        Raises:
            RecordingError: there is too little, or a rack without readings.
        """
        self._tried_s = now_s
        past = self.memory.recording()
        made = calibration.calibrate(self.layout, past, self.calibration.parameters if self.calibration else None)
        self.calibration = made
        self.watch.calibrated(made.rmse_k)
        self._begin()
        # The new twin learns biases and habits from what it would have followed.
        for moment in moments(past)[-_RELIVED:]:
            self.twin.observe(moment)
            self._followed += 1
        return made

    @property
    def settled(self) -> bool:
        """Whether its fidelity says something of the room: the twin has learnt the units' habits and is calibrated (in
        scaled time, for demonstrations, there is no calibration to wait for), and so it was when it made the forecasts
        that are judged."""
        return self._followed >= self._learnt_at and (self.calibration is not None or self._terms.ahead_scale < 1.0)

    @property
    def trusted(self) -> bool:
        """Whether its expectation is worth telling: it is calibrated, has learnt the units' habits, and errs no more
        than when it was calibrated. (Whether it misleads 15 minutes ahead, its :class:`Foresight` says.)"""
        return self.calibration is not None and self._followed >= HABITS and not self.watch.worse

    def beginning(self) -> Beginning:
        """Where its forecast of now starts from."""
        return self.twin.beginning(self._terms.horizons_s)

    def _begin(self) -> None:
        parameters = self.calibration.parameters if self.calibration else None
        self.twin = Twin(self.layout, parameters, step_s=self._terms.step_s, horizons_s=self._terms.horizons_s)
        self.scorer = Scorer(len(self.layout.racks), self._terms.kept)
        self.foresight = Foresight(self._terms)
        self._followed = 0


def expectations(layout: Layout, measured: Recording, terms: Terms | None = None) -> Floats:
    """What a room's twin would have told at each of K moments, had it followed them: inlets (K, H, 2, N) in °C at
    :data:`HORIZONS_S`, NaN where it would have kept silent.

    It knows of the room what was measured up to each moment. ``measured`` is stepped as :class:`Terms` says.
    """
    terms = terms or Terms()
    follower = Follower(layout, terms)
    told = np.full((len(measured), len(HORIZONS_S), 2, len(layout.racks)), np.nan)
    waiting: list[tuple[int, Moment, bool, Beginning]] = []

    def settle() -> None:
        """Forecasts of one twin at once; then they are judged in the order in which they would have been made."""
        if not waiting:
            return
        values = follower.twin.ahead.expected([begin for *_rest, begin in waiting], HORIZONS_S)
        for (at, moment, trusted, _begin), value in zip(waiting, values, strict=True):
            follower.foresight.came(moment)
            if trusted and not follower.foresight.misleads:
                told[at] = np.round(value, DECIMALS)
            follower.foresight.said(moment, value)
        waiting.clear()

    for at, moment in enumerate(moments(measured)):
        if not follower.usable(moment):
            continue
        follower.follow(moment, {name: getattr(measured, name)[at] for name in Memory.MORE})
        if follower.due(moment.time_s):
            settle()
            # Where it fails, the room is followed as before.
            with contextlib.suppress(RecordingError):
                follower.calibrate(moment.time_s)
        # What an uncalibrated twin expects is told to nobody.
        if follower.calibration is not None:
            waiting.append((at, moment, follower.trusted, follower.beginning()))
    settle()
    return told
