"""What counts as wrong: one function for each rule, from a twin to a finding. Pure.

Each rule has hysteresis: while it fires, a value must come back by a margin before the rule is clear. Limits of the air
are those of the rack's ASHRAE class at its inlets. A rule that cannot judge (nothing measured) says nothing, and what
it said before stands; silence is a rule of its own. What models say is not measured: once it has expired or was
withdrawn, what rested on it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from alerting import air
from alerting.air import beyond
from alerting.view import STALE_MS, WINDOW_MS, Finding, View

Severity = Literal["info", "warning", "critical"]
# How long a command that went wrong is talked about; multiplied by the view's scale (ms).
_COMMAND_MS: Final = 1_800_000
# Days before a certificate's end that somebody must know: renewal comes 40 days before, so it has failed for days.
_CERTIFICATE_DAYS: Final = 30.0
# Score of the sensors' model from which a fault is sure enough to send somebody, and how far it must come back. What
# the fault left in the hour that the model looks back to keeps the score of many a sound sensor above 0.6.
_SENSOR_FAULT: Final = 0.75
_SENSOR_MARGIN: Final = 0.05
# Error of a room's model, 15 minutes ahead, that is more than inlet sensors differ by among themselves (K).
_MISFIT_K: Final = 0.3
_MISFIT_MARGIN_K: Final = 0.05


Check = Callable[[View], Finding | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``for_s``: how long it must be broken before it fires; ``clear_s``: how long well before it is over,
    where a verdict has no margin of its own and may waver. ``action``: what to do."""

    name: str
    title: str
    severity: Severity
    kinds: tuple[str, ...]
    for_s: float
    action: str
    check: Check
    clear_s: float = 0.0


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
    return Finding(bool(silent), oldest, STALE_MS * view.scale / 1000, text)


def _unit_failed(view: View) -> Finding | None:
    supply, setpoint = view.number("air", "supplyTemperature"), view.number("control", "setpoint")
    airflow = view.number("air", "airflow")
    if supply is None or setpoint is None or view.is_stale("air"):
        return None
    if airflow is not None and airflow <= 0.01:
        return Finding(True, airflow, 0.01, f"{view.name}: moves no air")
    limit = setpoint + 3.0
    broken, _ = beyond(supply, -99.0, limit, view.firing, 1.0)
    text = f"{view.name}: supplies {supply:.1f} °C where {setpoint:.1f} °C is set: it is at its limit or has failed"
    return Finding(broken, supply, limit, text)


def _unit_refuses(view: View) -> Finding | None:
    last = view.of("control").get("lastCommand")
    if not isinstance(last, Mapping):
        return None
    state, at = str(last.get("state", "")), last.get("at")
    age = view.now - at if isinstance(at, int) else 0
    # The guard's refusals are answers to a person and name a rule of its own; the unit's are faults.
    by_unit = state == "refused" and last.get("rule") == "device"
    limit = _COMMAND_MS * view.scale
    broken = (by_unit or state == "timed out") and age < limit
    what = "was refused by the unit" if by_unit else "had no answer" if state == "timed out" else f"is {state}"
    detail = f" ({last['detail']})" if last.get("detail") else ""
    return Finding(broken, age / 1000, limit / 1000, f"{view.name}: its last command {what}{detail}")


def _state(feature: str, wrong: str, what: str) -> Check:
    def check(view: View) -> Finding | None:
        state = view.text(feature, "state")
        if state is None or view.expired(feature):
            return view.over(1.0, "nobody says any more how it is")
        score = view.number(feature, "score") or 0.0
        cause = view.text(feature, "cause") or "no cause named"
        return Finding(state == wrong, score, 1.0, f"{view.name}: {what}: {cause}")

    return check


def _sensing(view: View) -> Finding | None:
    """What the sensors' model finds: the likeliest fault, and what most of that rests on."""
    score = view.number("sensing", "score")
    if score is None or view.expired("sensing"):
        return view.over(_SENSOR_FAULT, "nobody says any more how its sensors are")
    broken, limit = beyond(score, -1.0, _SENSOR_FAULT, view.firing, _SENSOR_MARGIN)
    cause = view.text("sensing", "cause") or "its sensors go together again"
    inputs = (view.of("sensing").get("evidence") or {}).get("inputs") or {}
    most = sorted(inputs, key=lambda name: -inputs[name])[:2]
    rests = f" (seen by {', '.join(most)})" if broken and most else ""
    return Finding(broken, score, limit, f"{view.name}: {cause}{rests}")


def _fidelity(view: View) -> Finding | None:
    skill, error = view.number("fidelity", "skill"), view.number("fidelity", "forecastRmse")
    if skill is None or error is None:
        return None
    if view.text("fidelity", "state") != "settled":
        return Finding(False, skill, 0.0, f"{view.name}: the room model is learning the room")
    worse, _ = beyond(-skill, -99.0, 0.0, view.firing, 0.1)
    # In a calm room nothing beats assuming no change, and it does not matter.
    matters, _ = beyond(error, -99.0, _MISFIT_K, view.firing, _MISFIT_MARGIN_K)
    text = f"{view.name}: the room model errs by {error:.2f} K and is worse than assuming no change (skill {skill:.2f})"
    return Finding(worse and matters, skill, 0.0, text)


def _model(view: View) -> Finding | None:
    """The worst of the models that serve the site."""
    worst: tuple[bool, float, str] | None = None
    for feature in view.thing.get("features") or {}:
        state = view.text(feature, "state") if feature.startswith("model.") else None
        if state is None:
            continue
        bad, skill = state in ("drifting", "paused"), view.number(feature, "skill") or 0.0
        if worst is None or (bad, -skill) > (worst[0], -worst[1]):
            why = view.text(feature, "reason") or "nobody says why"
            reason = why if bad else "its predictions hold"
            worst = bad, skill, f"model {feature.removeprefix('model.')} is {state}: {reason}"
    return None if worst is None else Finding(worst[0], worst[1], 0.0, worst[2])


def _readings_lost(view: View) -> Finding | None:
    grown = {}
    for process in view.missing():
        recent = view.recent(process)
        if len(recent) > 1:
            # What a straggler fills within the window was not lost; a restarted process begins at none.
            grown[process] = recent[-1] - min(recent)
    if not grown:
        return None
    where, count = max(grown.items(), key=lambda item: (item[1], item[0]))
    known = ", ".join(f"{process} {lost:.0f}" for process, lost in sorted(grown.items()) if lost > 0)
    minutes = WINDOW_MS * view.scale / 60_000
    text = f"{count:.0f} numbers of devices' messages missing within {minutes:.0f} min (at {known or where})"
    return Finding(count > 0, count, 0.0, text)


def _certificates(view: View) -> Finding | None:
    left = view.number("certificates", "daysLeft")
    if left is None:
        return None
    broken, _ = beyond(-left, -1e9, -_CERTIFICATE_DAYS, view.firing, 1.0)
    where = view.text("certificates", "first") or "?"
    ends = f"ends in {left:.0f} days" if left >= 0 else f"ended {-left:.0f} days ago"
    return Finding(broken, left, _CERTIFICATE_DAYS, f"the certificate of {where} {ends}")


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "inlet-allowable",
        "Inlet outside the allowable range",
        "critical",
        ("rack",),
        30,
        "Look at the cooling units of the room first; then shed or move load.",
        lambda view: air.inlet(view, allowable=True),
    ),
    Rule(
        "inlet-recommended",
        "Inlet outside the recommended range",
        "warning",
        ("rack",),
        120,
        "See what is affected: one rack points to air flow (blanking panels, cables), a row to cooling.",
        lambda view: air.inlet(view, allowable=False),
    ),
    Rule(
        "inlet-predicted",
        "Inlet expected to leave the recommended range within 15 minutes",
        "warning",
        ("rack",),
        60,
        "Ask what happens otherwise (What if), and accept or refuse the optimiser's proposal.",
        air.inlet_predicted,
    ),
    Rule(
        "inlet-rate",
        "Inlet temperature changes too fast",
        "warning",
        ("rack",),
        0,
        "Check for a cooling unit that stopped or a door that stands open.",
        air.inlet_rate,
    ),
    Rule(
        "moisture-allowable",
        "Air outside the allowable moisture",
        "warning",
        ("rack",),
        300,
        "Too moist: look for water, and at what lets outside air in. Too dry: look at the humidifier.",
        lambda view: air.moisture(view, allowable=True),
    ),
    Rule(
        "moisture-recommended",
        "Air outside the recommended moisture",
        "info",
        ("rack",),
        600,
        "Compare with the other racks: all of a room point to outside air or the humidifier, one to its sensor.",
        lambda view: air.moisture(view, allowable=False),
    ),
    Rule(
        "dew-points-apart",
        "Dew points of top and bottom differ",
        "warning",
        ("rack",),
        300,
        "Compare both sensors with a hand-held one; look for water.",
        air.dew_points,
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
        "sensor-faulty",
        "A sensor cannot be believed",
        "warning",
        ("rack", "server", "cooling"),
        300,
        "Compare both sensors with a hand-held one; recalibrate or replace the wrong one. Until then believe neither "
        "its values nor what is predicted from them. The alert may stay for an hour and ten minutes after: the model "
        "looks back for an hour, and must find nothing for ten minutes.",
        _sensing,
        clear_s=600,
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
        clear_s=600,
    ),
    Rule(
        "anomaly",
        "Unusual behaviour",
        "warning",
        ("rack", "server", "cooling"),
        120,
        "Look at the contributing inputs on the thing's page.",
        _state("anomaly", "anomalous", "behaves unusually"),
        clear_s=600,
    ),
    Rule(
        "fidelity-worse",
        "The room model does not fit the room",
        "info",
        ("rack", "room"),
        600,
        "Look for what changed in the room (panels, units, racks): the room model recalibrates itself once it has seen "
        "the new room for some hours.",
        _fidelity,
    ),
    Rule(
        "model-drifting",
        "A model drifts, or is paused",
        "warning",
        ("site",),
        120,
        "Look at the page Models; train anew "
        '(`kubectl annotate twinmodel NAME racktwin.io/train="$(date)" --overwrite`), '
        "or roll back (`racktwin models rollback`).",
        _model,
        clear_s=1800,
    ),
    Rule(
        "readings-lost",
        "Readings of devices are missing",
        "warning",
        ("site",),
        60,
        "The page Pipeline health shows the hop; `racktwin doctor` for one thing says why.",
        _readings_lost,
    ),
    Rule(
        "certificates",
        "A certificate ends soon",
        "critical",
        ("site",),
        0,
        "See why it was not renewed: the CronJob `<release>-certificates`, or your issuer.",
        _certificates,
    ),
)
BY_NAME: Final = {rule.name: rule for rule in RULES}
