"""Lives of cooling units and servers in steps of an hour: what wears, what only looks so, and what became of it.

A life of a year and a half is too long for the simulated room, so a unit stands by itself here, under the same laws
(`physics.laws`, constants as `physics.hidden` draws them and units as `physics.layout.assumed` places them, sensors as
`physics.hidden.Nature` has them): air by fan speed, return air by heat and air, power by coefficient of performance at
the supply temperature and by the fans' third power. Loads have days, weeks and moves; set-points and speeds are
changed; condensers have seasons; sensors drift and jump; collectors miss hours and days. Most units are well. A part
that wears loses a quarter of what it did within two weeks to a year and a half, straight or ever faster, and is mended
some time after; some break at once. Deterministic by seed. Next: `models.maintenance.train`, `.evaluate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.maintenance.features import DAYS, HOURS, LIMIT_LOSS, Past
from models.windows import IntArray
from physics.hidden import Nature, draw
from physics.laws import RHO_CP, chiller_cop
from physics.layout import assumed

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

# What is true of a part on a day: well; wears but lasts; is to be told; not judged (just mended).
WELL, WEARS, TELL, UNSURE = 0, 1, 2, -1
TELL_H: Final = 90 * 24.0
_DAY_H: Final = 24
_RESTS_D: Final = 3


@dataclass(frozen=True)
class Course:
    """How often parts wear and break; shares of things, and times in days."""

    wears: float = 0.3
    breaks: float = 0.03
    life_d: tuple[float, float] = (14.0, 540.0)
    days: int = 540
    units: int = 6
    servers: int = 24


USUAL: Final = Course()
# To learn from: the same, but more goes wrong.
RICH: Final = Course(wears=0.6, breaks=0.08)


@dataclass(frozen=True)
class Truth:
    """Of one part of N things on each day: what is true, hours until it has lost `LIMIT_LOSS` (NaN where it does not
    wear), and the number of the episode (0 for none); each [N, days]."""

    state: npt.NDArray[np.int8]
    left_h: Floats32
    episode: npt.NDArray[np.int16]
    broke: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lives:
    """Things of one kind of one site. `hours` by channel [N, hours], `days` [N, days]; truth by part."""

    kind: str
    hours: dict[str, Floats32]
    days: dict[str, Floats32]
    truth: dict[str, Truth]

    @property
    def things(self) -> int:
        """How many."""
        return int(next(iter(self.hours.values())).shape[0])

    @property
    def length(self) -> int:
        """Days."""
        return int(next(iter(self.days.values())).shape[1])

    def past(self, day: int, known_d: IntArray | None = None, lacking: Mapping[str, Any] | None = None) -> Past:
        """What is known of all things at the end of a day (a number from the beginning); of each no more than its
        `known_d` days, and not the channels in which `lacking` is true."""
        days, hours = {}, {}
        known = np.full(self.things, DAYS) if known_d is None else np.minimum(known_d, DAYS)
        for name in self.days:
            days[name] = _window(self.days[name], day + 1, DAYS, known)
            hours[name] = _window(self.hours[name], (day + 1) * _DAY_H, HOURS, known * _DAY_H)
            if lacking is not None:
                days[name][lacking[name]] = np.nan
                hours[name][lacking[name]] = np.nan
        return Past(days, hours, np.zeros(self.things, dtype=np.int64))


def _window(series: Floats32, end: int, length: int, known: IntArray) -> Floats:
    found = np.full((len(series), length), np.nan)
    taken = min(end, length)
    found[:, length - taken :] = series[:, end - taken : end]
    found[np.arange(length)[None, :] < (length - known)[:, None]] = np.nan
    return found


def cooling(seed: int, course: Course = USUAL) -> Lives:
    """The cooling units of a site."""
    rng = np.random.default_rng([seed, 881])
    count, hours = course.units, course.days * _DAY_H
    at = np.arange(hours, dtype=float)
    place = assumed(f"site-{seed}", [(f"rack-{k}", "row", 0.6 * k, 8000.0) for k in range(4)])
    each = [draw(place, 50_000_000 + seed * 100 + k) for k in range(count)]
    unit = place.units[0]
    nature = Nature()
    truth, sound = {}, {}
    for part in ("air", "refrigeration"):
        sound[part], truth[part] = _worn(rng, count, course)
    load = _load(rng, count, at)
    setpoint = rng.uniform(16.0, 24.0) + _moves(rng, count, hours, 90.0, (-2.0, 2.0))
    supply = setpoint + rng.normal(0.0, 0.25, (count, 1)) + _wander(rng, count, hours, 0.1, 24.0)
    speed = np.clip(rng.uniform(0.55, 0.95) + _moves(rng, count, hours, 75.0, (-0.15, 0.15)), 0.35, 1.0)
    if rng.random() < 0.5:
        speed = np.clip(speed * (0.7 + 0.5 * load), 0.35, 1.0)
    heat = unit.capacity_w * rng.uniform(0.45, 0.8) * load
    # A filter's air goes with the speed nearly in proportion.
    airflow = unit.airflow_m3s * speed ** rng.uniform(0.97, 1.03, (count, 1)) * sound["air"]
    fans_w = unit.fan_power_w * (speed * sound["air"]) ** 3
    back = supply + (heat - fans_w) / (RHO_CP * airflow)
    season = 1.0 - rng.uniform(0.0, 0.05) * np.cos(2.0 * np.pi * (at / 8766.0 - rng.random()))[None, :]
    scale = np.array([one.cop_scale for one in each])[:, None]
    efficiency = sound["refrigeration"] * season * np.exp(_wander(rng, count, hours, 0.006, 96.0))
    power = heat / chiller_cop(supply, scale * efficiency) + fans_w
    shown = {
        "airflow": airflow * _sensor(rng, count, hours, nature.flow_noise, steps=True, drift=0.01),
        "supply": supply + _shift(rng, count, hours, 0.1),
        "back": back + _shift(rng, count, hours, 0.1),
        "speed": 100.0 * speed,
        "power": power * _sensor(rng, count, hours, nature.power_noise, steps=False, drift=0.003),
    }
    return _gathered("cooling", _gaps(rng, shown), truth)


def servers(seed: int, course: Course = USUAL) -> Lives:
    """Servers of a site: their fans."""
    rng = np.random.default_rng([seed, 882])
    count, hours = course.servers, course.days * _DAY_H
    at = np.arange(hours, dtype=float)
    sound, truth = _worn(rng, count, course)
    load = _load(rng, count, at)
    asked = np.clip(
        rng.uniform(20.0, 55.0, (count, 1)) * load + _moves(rng, count, hours, 120.0, (-6.0, 6.0)), 8.0, 100.0
    )
    # Turns are nearly proportional to what is asked.
    rest = rng.uniform(0.0, 0.12, (count, 1))
    turns = rng.uniform(60.0, 200.0, (count, 1)) * (asked * (1.0 - rest) + 100.0 * rest) * sound
    changed = np.exp(_moves(rng, count, hours, 2000.0, (-0.12, 0.12)))
    shown = {"turns": turns * changed * _sensor(rng, count, hours, 0.01, steps=False, drift=0.003), "asked": asked}
    return _gathered("server", _gaps(rng, shown), {"fan": truth})


def site(seed: int, course: Course = USUAL) -> tuple[Lives, Lives]:
    """Both kinds of things of a site."""
    return cooling(seed, course), servers(seed, course)


def _worn(rng: np.random.Generator, count: int, course: Course) -> tuple[Floats, Truth]:
    """What each of N parts still does, by hour [N, hours], and what is true of it by day."""
    hours = course.days * _DAY_H
    sound = np.ones((count, hours))
    state = np.full((count, course.days), WELL, dtype=np.int8)
    left = np.full((count, course.days), np.nan, dtype=np.float32)
    episode = np.zeros((count, course.days), dtype=np.int16)
    broke = np.zeros((count, course.days), dtype=bool)
    for k in range(count):
        number, bad = 0, rng.random() < course.wears
        # Some begin worn; what is well at first stays so for a while.
        at = rng.uniform(-300.0, course.days) if bad else np.inf
        while at < course.days:
            number += 1
            life = float(np.exp(rng.uniform(*np.log(course.life_d))))
            bend = rng.uniform(0.8, 2.0)
            mended = at + life * rng.uniform(1.02, 1.25) ** (1.0 / bend)
            _wear(sound[k], at, life, bend, mended)
            _tell(state[k], left[k], episode[k], number, (at, at + life, mended))
            at = mended + rng.exponential(400.0)
        if rng.random() < course.breaks:
            number += 1
            begin = rng.uniform(20.0, course.days - 10.0)
            end = begin + rng.uniform(5.0, 40.0)
            sound[k, _hour(begin, hours) : _hour(end, hours)] *= 1.0 - rng.uniform(0.1, 0.45)
            days = slice(int(begin) + 1, min(int(end), course.days))
            state[k, days], left[k, days], episode[k, days], broke[k, days] = TELL, np.nan, number, True
            state[k, int(end) : int(end) + _RESTS_D] = UNSURE
            state[k, int(begin)] = UNSURE
    return sound, Truth(state, left, episode, broke)


def _hour(day: float, hours: int) -> int:
    return int(np.clip(day * _DAY_H, 0, hours))


def _wear(sound: Floats, begin: float, life: float, bend: float, mended: float) -> None:
    first, last = _hour(begin, len(sound)), _hour(mended, len(sound))
    age = np.maximum(np.arange(first, last) / _DAY_H - begin, 0.0)
    sound[first:last] *= np.maximum(1.0 - LIMIT_LOSS * (age / life) ** bend, 0.3)


def _tell(state: Any, left: Any, episode: Any, number: int, times: tuple[float, float, float]) -> None:
    begin, limit, mended = times
    days = np.arange(len(state))
    # A day is judged at its end.
    end = days + 1.0
    mine = (end > begin) & (end <= mended)
    left[mine] = np.maximum(limit - end[mine], 0.0) * _DAY_H
    state[mine] = np.where(left[mine] <= TELL_H, TELL, WEARS)
    episode[mine] = number
    after = (end > mended) & (end <= mended + _RESTS_D)
    state[after] = UNSURE


def _load(rng: np.random.Generator, count: int, at: Floats) -> Floats:
    """Shares about 1: days, weeks, noise, work that moves in and out, a slow growth."""
    day = rng.uniform(0.02, 0.15) * np.cos(2.0 * np.pi * (at - 15.0) / 24.0)
    week = rng.uniform(0.0, 0.08) * ((at // 24) % 7 >= 5)
    grows = rng.uniform(-0.15, 0.25) * at / 8766.0
    own = _wander(rng, count, len(at), 0.05, 30.0) + _moves(rng, count, len(at), 60.0, (-0.12, 0.12))
    return np.asarray(np.clip(1.0 + day - week + grows + own, 0.35, 1.6))


def _wander(rng: np.random.Generator, count: int, hours: int, deviation: float, time_h: float) -> Floats:
    """An Ornstein-Uhlenbeck process by hour, linear between steps of a few hours."""
    step = 6
    keep = np.exp(-step / time_h)
    coarse = np.empty((count, hours // step + 2))
    coarse[:, 0] = rng.normal(0.0, deviation, count)
    push = rng.normal(0.0, deviation * np.sqrt(1.0 - keep * keep), coarse.shape)
    for n in range(1, coarse.shape[1]):
        coarse[:, n] = keep * coarse[:, n - 1] + push[:, n]
    at = np.arange(hours) / step
    low = at.astype(int)
    return np.asarray(coarse[:, low] + (at - low) * (coarse[:, low + 1] - coarse[:, low]))


def _moves(rng: np.random.Generator, count: int, hours: int, every_d: float, size: tuple[float, float]) -> Floats:
    """Changes that last, as somebody makes them: on average one each `every_d` days."""
    found = np.zeros((count, hours))
    for k in range(count):
        for _ in range(rng.poisson(hours / _DAY_H / every_d)):
            at = int(rng.integers(hours))
            # Mostly back again some time.
            until = hours if rng.random() < 0.4 else min(hours, at + int(rng.exponential(20.0) * _DAY_H))
            found[k, at:until] += rng.uniform(*size)
    return found


def _shift(rng: np.random.Generator, count: int, hours: int, deviation: float) -> Floats:
    """How far a thermometer is off: for ever, and drifting."""
    drift = rng.normal(0.0, deviation, (count, 1)) * np.arange(hours)[None, :] / 8766.0
    return np.asarray(rng.normal(0.0, deviation, (count, 1)) + drift + rng.normal(0.0, 0.01, (count, hours)))


def _sensor(rng: np.random.Generator, count: int, hours: int, noise: float, *, steps: bool, drift: float) -> Floats:
    """What a sensor shows of what is there: noise of an hour's mean, drift, and jumps after somebody touched it."""
    slow = rng.normal(0.0, drift, (count, 1)) * np.arange(hours)[None, :] / 8766.0
    found = (
        slow + rng.normal(0.0, max(0.3 * noise, 1e-4), (count, hours)) + _wander(rng, count, hours, 0.2 * noise, 12.0)
    )
    if steps:
        found = found + _moves(rng, count, hours, 500.0, (-0.15, 0.15))
    return np.asarray(np.exp(found))


def _gaps(rng: np.random.Generator, shown: dict[str, Floats]) -> dict[str, Floats]:
    """Hours that nobody recorded, and days on which a collector was away."""
    count, hours = next(iter(shown.values())).shape
    missing = rng.random((count, hours)) < 0.01
    for _ in range(rng.poisson(hours / _DAY_H / 120.0)):
        at = int(rng.integers(hours))
        missing[:, at : at + int(rng.exponential(30.0)) + 1] = True
    return {name: np.where(missing, np.nan, values) for name, values in shown.items()}


def _gathered(kind: str, shown: dict[str, Floats], truth: dict[str, Truth]) -> Lives:
    hours = {name: values.astype(np.float32) for name, values in shown.items()}
    days = {}
    for name, values in hours.items():
        by_day = values.reshape(len(values), -1, _DAY_H)
        count = np.isfinite(by_day).sum(axis=2)
        total = np.nansum(by_day, axis=2, dtype=np.float64)
        days[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return Lives(kind, hours, days, truth)
