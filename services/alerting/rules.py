"""What counts as wrong: one function for each rule, from a twin to a finding. Pure.

Each rule has hysteresis: while it fires, a value must come back by a margin before the rule is clear. Limits of the air
are those of the rack's ASHRAE class at its inlets. A rule that cannot judge (nothing measured) says nothing, and what
it said before stands; silence is a rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from physics.ashrae import MAX_RATE_K_15MIN, limits
from racktwin.fleet import Thing
from racktwin.names import ThingId

Severity = Literal["info", "warning", "critical"]
_STALE_MS: Final = 180_000
_RATE_WINDOW_MS: Final = 900_000
_COMMAND_MS: Final = 1_800_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a rule is broken, by what value against what limit; ``text`` says it to people."""

    broken: bool
    value: float
    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """A twin as a rule sees it. ``firing``: the rule fires now. ``past``: inlet temperatures [(epoch ms, °C)] of the
    last quarter of an hour, oldest first."""

    thing: Thing
    now: int
    firing: bool = False
    past: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The thing's name without site and kind."""
        return ThingId.parse(self.thing["thingId"]).name

    def number(self, feature: str, name: str) -> float | None:
        """A property that is a number."""
        value = self.of(feature).get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def text(self, feature: str, name: str) -> str | None:
        """A property that is a text."""
        value = self.of(feature).get(name)
        return value if isinstance(value, str) else None

    def of(self, feature: str) -> Mapping[str, Any]:
        """Properties of a feature; empty when there is none."""
        found = (self.thing.get("features") or {}).get(feature) or {}
        return found.get("properties") or {}

    def inlets(self) -> dict[str, float]:
        """Fresh front temperatures (°C) by place."""
        found = {}
        for feature in self.thing.get("features") or {}:
            place = feature.removeprefix("environment.")
            if place == feature or place.startswith("rear"):
                continue
            value = self.number(feature, "temperature")
            if value is not None and not self.is_stale(feature):
                found[place] = value
        return found

    def is_stale(self, feature: str) -> bool:
        """Whether the feature has fallen silent."""
        observed = self.number(feature, "observedAt")
        old = observed is not None and self.now - observed > _STALE_MS
        return self.text(feature, "quality") == "stale" or old

    def ashrae_class(self) -> str:
        """The class that the rack is held to."""
        return str((self.thing.get("attributes") or {}).get("ashraeClass") or "A2")


Check = Callable[[View], Finding | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``for_s``: how long it must be broken before it fires. ``action``: what to do."""

    name: str
    title: str
    severity: Severity
    kinds: tuple[str, ...]
    for_s: float
    action: str
    check: Check


def _beyond(value: float, low: float, high: float, firing: bool, margin: float) -> tuple[bool, float]:
    """Whether a value is out of a range, and the limit it is nearest to; a firing rule wants it back by the margin."""
    inner = margin if firing else 0.0
    if value > high - inner:
        return True, high
    if value < low + inner:
        return True, low
    return False, high if abs(high - value) < abs(value - low) else low


def _worst(inlets: Mapping[str, float], low: float, high: float) -> tuple[str, float]:
    """The inlet that is farthest out of, or nearest to the edge of, a range."""
    return max(inlets.items(), key=lambda item: max(item[1] - high, low - item[1]))


def _inlet(view: View, *, allowable: bool) -> Finding | None:
    inlets = view.inlets()
    if not inlets:
        return None
    known = limits(view.ashrae_class())
    low, high = (
        (known.allowable_low, known.allowable_high) if allowable else (known.recommended_low, known.recommended_high)
    )
    place, value = _worst(inlets, low, high)
    broken, limit = _beyond(value, low, high, view.firing, 0.5)
    what = "allowable" if allowable else "recommended"
    side = "above" if limit == high else "below"
    return Finding(
        broken,
        value,
        limit,
        f"{view.name}: {place} inlet {value:.1f} °C, {side} the {what} {limit:.0f} °C ({known.name})",
    )


def _inlet_predicted(view: View) -> Finding | None:
    known = limits(view.ashrae_class())
    worst: tuple[str, float, float] | None = None
    for feature in view.thing.get("features") or {}:
        if not feature.startswith("prediction."):
            continue
        value, horizon, expires = (view.number(feature, name) for name in ("value", "horizon", "expiresAt"))
        target = view.text(feature, "target") or ""
        stale = expires is not None and expires < view.now
        if value is None or stale or not target.endswith("/temperature") or (horizon or 0) > 900:
            continue
        if worst is None or value > worst[1]:
            worst = (target.removeprefix("environment.").removesuffix("/temperature"), value, horizon or 900)
    if worst is None:
        return None
    place, value, horizon = worst
    broken, limit = _beyond(value, known.recommended_low - 50, known.recommended_high, view.firing, 0.5)
    text = f"{view.name}: {place} inlet is expected at {value:.1f} °C in {horizon / 60:.0f} min, over {limit:.0f} °C"
    return Finding(broken, value, limit, text)


def _inlet_rate(view: View) -> Finding | None:
    worst: tuple[str, float] | None = None
    for place, points in view.past.items():
        recent = [value for at, value in points if view.now - at <= _RATE_WINDOW_MS]
        if len(recent) < 2:
            continue
        change = max(recent[-1] - min(recent), max(recent) - recent[-1], key=abs)
        if worst is None or change > worst[1]:
            worst = (place, change)
    if worst is None:
        return None
    place, change = worst
    broken, _ = _beyond(change, -1.0, MAX_RATE_K_15MIN, view.firing, 1.0)
    text = f"{view.name}: {place} inlet changed by {change:.1f} K within 15 min (at most {MAX_RATE_K_15MIN:.0f} K)"
    return Finding(broken, change, MAX_RATE_K_15MIN, text)


def _dew_points(view: View) -> Finding | None:
    points = {}
    for place in ("bottom", "top"):
        value = view.number(f"environment.{place}", "dewPoint")
        if value is None or view.is_stale(f"environment.{place}"):
            return None
        points[place] = value
    apart = abs(points["top"] - points["bottom"])
    limit = 2.0
    broken, _ = _beyond(apart, -1.0, limit, view.firing, 1.0)
    text = f"{view.name}: dew points at top and bottom are {apart:.1f} K apart: a sensor is wrong, or water leaks"
    return Finding(broken, apart, limit, text)


def _stale(view: View) -> Finding | None:
    watched = [name for name in view.thing.get("features") or {} if name.startswith("environment.") or name == "air"]
    # A sensor that never reported is being installed, not broken.
    reported = [name for name in watched if view.number(name, "observedAt") is not None]
    if not reported:
        return None
    silent = sorted(name for name in reported if view.is_stale(name))
    ages = [view.now - (view.number(name, "observedAt") or view.now) for name in silent]
    oldest = max(ages, default=0) / 1000
    text = f"{view.name}: no readings of {', '.join(silent) or 'any sensor'} for {oldest / 60:.0f} min"
    return Finding(bool(silent), oldest, _STALE_MS / 1000, text)


def _unit_failed(view: View) -> Finding | None:
    supply, setpoint = view.number("air", "supplyTemperature"), view.number("control", "setpoint")
    airflow = view.number("air", "airflow")
    if supply is None or setpoint is None or view.is_stale("air"):
        return None
    if airflow is not None and airflow <= 0.01:
        return Finding(True, airflow, 0.01, f"{view.name}: moves no air")
    limit = setpoint + 3.0
    broken, _ = _beyond(supply, -99.0, limit, view.firing, 1.0)
    text = f"{view.name}: supplies {supply:.1f} °C where {setpoint:.1f} °C is set: it is at its limit or has failed"
    return Finding(broken, supply, limit, text)


def _unit_refuses(view: View) -> Finding | None:
    last = view.of("control").get("lastCommand")
    if not isinstance(last, Mapping):
        return None
    state, at = str(last.get("state", "")), last.get("at")
    age = view.now - at if isinstance(at, int) else 0
    # The guard's refusals are answers to a person; the unit's own are faults.
    broken = state in ("timed out", "refused by unit") and age < _COMMAND_MS
    return Finding(broken, age / 1000, _COMMAND_MS / 1000, f"{view.name}: its last command {state}")


def _state(feature: str, wrong: str, what: str) -> Check:
    def check(view: View) -> Finding | None:
        state = view.text(feature, "state")
        if state is None:
            return None
        score = view.number(feature, "score") or 0.0
        cause = view.text(feature, "cause") or "no cause named"
        return Finding(state == wrong, score, 1.0, f"{view.name}: {what}: {cause}")

    return check


def _fidelity(view: View) -> Finding | None:
    skill, rmse = view.number("fidelity", "skill"), view.number("fidelity", "rmse")
    if skill is None:
        return None
    broken, _ = _beyond(-skill, -99.0, 0.0, view.firing, 0.1)
    known = f", RMSE {rmse:.2f} K" if rmse is not None else ""
    text = f"{view.name}: the room model is worse than assuming no change (skill {skill:.2f}{known})"
    return Finding(broken, skill, 0.0, text)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "inlet-allowable",
        "Inlet outside the allowable range",
        "critical",
        ("rack",),
        30,
        "Look at the cooling units of the room first; then shed or move load.",
        lambda view: _inlet(view, allowable=True),
    ),
    Rule(
        "inlet-recommended",
        "Inlet outside the recommended range",
        "warning",
        ("rack",),
        120,
        "See what is affected: one rack points to air flow (blanking panels, cables), a row to cooling.",
        lambda view: _inlet(view, allowable=False),
    ),
    Rule(
        "inlet-predicted",
        "Inlet expected to leave the recommended range within 15 minutes",
        "warning",
        ("rack",),
        60,
        "Ask what happens otherwise (What if), and accept or refuse the optimiser's proposal.",
        _inlet_predicted,
    ),
    Rule(
        "inlet-rate",
        "Inlet temperature changes too fast",
        "warning",
        ("rack",),
        0,
        "Check for a cooling unit that stopped or a door that stands open.",
        _inlet_rate,
    ),
    Rule(
        "dew-points-apart",
        "Dew points of top and bottom differ",
        "warning",
        ("rack",),
        300,
        "Compare both sensors with a hand-held one; look for water.",
        _dew_points,
    ),
    Rule(
        "sensor-stale",
        "A sensor has fallen silent",
        "warning",
        ("rack", "cooling"),
        60,
        "Run `racktwin doctor` for the thing: it names the hop where readings stop.",
        _stale,
    ),
    Rule(
        "unit-failed",
        "A cooling unit does not cool",
        "critical",
        ("cooling",),
        60,
        "Check the unit at its panel; run the scenario that fails it to see how long the racks have.",
        _unit_failed,
    ),
    Rule(
        "unit-refuses",
        "A cooling unit does not obey",
        "warning",
        ("cooling",),
        0,
        "See the audit for what was asked; check whether the unit is in local control.",
        _unit_refuses,
    ),
    Rule(
        "maintenance-due",
        "Maintenance is due",
        "warning",
        ("rack", "server", "cooling"),
        60,
        "Plan the work in the window that the maintenance page suggests.",
        _state("maintenance", "due", "maintenance is due"),
    ),
    Rule(
        "anomaly",
        "Unusual behaviour",
        "warning",
        ("rack", "server", "cooling"),
        120,
        "Look at the contributing inputs on the thing's page.",
        _state("anomaly", "anomalous", "behaves unusually"),
    ),
    Rule(
        "fidelity-worse",
        "The room model does not fit the room",
        "info",
        ("rack", "room"),
        600,
        "Recalibrate (`racktwin calibrate`), and look for what changed in the room.",
        _fidelity,
    ),
)
BY_NAME: Final = {rule.name: rule for rule in RULES}
