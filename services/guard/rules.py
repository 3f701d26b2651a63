"""Whether a wish may reach the unit: the rules, each a pure function, in the order in which they are told.

A rule answers None, or a refusal that names it, says why in words, and by how much. What asks for more cooling is
never held back by pace or plausibility of the room being too hot; what asks for less must pass everything. Next:
:mod:`guard.ledger`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from guard.case import EPSILON, Case, Refusal, Verdict
from guard.state import FRESH_MS, failed
from racktwin.commands import DEFAULT_VALIDITY_MS, Wish, fault_of

# Outside this range a set-point needs a person's confirmation, whatever the unit's own limits are (°C).
USUAL_LOW_C: Final = 14.0
USUAL_HIGH_C: Final = 27.0
# Wishes dated further ahead than this are refused: their clock is wrong, and so would be their age (ms).
CLOCK_SKEW_MS: Final = 60_000
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def decide(case: Case) -> Verdict:
    """The first refusal, else whether a second person is needed, else approved."""
    fault = fault_of(case.wish.values) or _id_fault(case.wish.id)
    if fault:
        return Verdict("refused", Refusal("format", fault))
    for rule in RULES:
        refusal = rule(case)
        if refusal is not None:
            return Verdict("refused", refusal, less=case.less)
    waiting = _second_person(case)
    if waiting is not None:
        return Verdict("awaiting approval", waiting, less=case.less)
    return Verdict(
        "approved",
        less=case.less,
        setpoint_up_k=max(0.0, case.change("setpoint") or 0.0),
        fan_down=max(0.0, -(case.change("fanSpeed") or 0.0)),
    )


def unknown_age() -> Refusal:
    """Of a wish without a date that was there before the guard: it may be of last week."""
    return Refusal("age-unknown", "the wish bears no date and nobody saw it being made; make it again")


def _id_fault(command: str) -> str:
    # Hono's MQTT topics carry the id: a slash in it would break them.
    if _ID.fullmatch(command):
        return ""
    return f"request id {command[:80]!r}: expected letters, digits, '.', '_' and '-', at most 64"


def _expired(case: Case) -> Refusal | None:
    request, now = case.wish.request, case.now
    if request.at is not None and request.at - now > CLOCK_SKEW_MS:
        return Refusal("clock", "the wish is dated in the future", (request.at - now) / 1000)
    until = valid_until(case.wish, now)
    if until <= now:
        return Refusal("expired", "the wish is too old", (now - until) / 1000)
    return None


def valid_until(wish: Wish, now: int) -> int:
    """Until when the wish holds (epoch ms)."""
    request = wish.request
    if request.valid_until is not None:
        return request.valid_until
    return (request.at if request.at is not None else now) + DEFAULT_VALIDITY_MS


def _limits(case: Case) -> Refusal | None:
    limits, values = case.unit.limits, case.wish.values
    for name, low, high, unit in (
        ("setpoint", limits.setpoint_min, limits.setpoint_max, "°C"),
        ("fanSpeed", limits.fan_min, limits.fan_max, "%"),
    ):
        value = values.get(name)
        if isinstance(value, int | float):
            beyond = max(low - value, value - high)
            if beyond > EPSILON:
                text = f"{name} {value:g} {unit}: the unit allows {low:g} to {high:g} {unit}"
                return Refusal(f"{name}-limit", text, round(beyond, 3))
    return None


def _maintenance(case: Case) -> Refusal | None:
    for window in case.unit.limits.maintenance:
        if window.start <= case.now < window.end:
            reason = f": {window.reason}" if window.reason else ""
            return Refusal("maintenance", f"somebody works at the unit{reason}", (window.end - case.now) / 1000)
    return None


def _rate(case: Case) -> Refusal | None:
    recent = [past for past in case.past if past.thing == case.unit.thing and case.now - past.at < 60_000]
    allowed = case.policy.per_unit_per_min if case.less else case.policy.any_per_unit_per_min
    counted = [past for past in recent if past.less] if case.less else recent
    if len(counted) >= allowed:
        text = f"{len(counted)} commands to the unit within a minute; {allowed} are allowed"
        return Refusal("rate-limit", text, len(counted) - allowed + 1.0)
    return None


def _optimiser(case: Case) -> Refusal | None:
    request, room = case.wish.request, case.room
    if request.origin != "optimiser" or not request.instance:
        return None
    stale = case.policy.optimiser_stale_ms
    age = None if room.optimiser_at is None else case.now - room.optimiser_at
    if age is None or age > stale:
        # Its report on the room is its heartbeat; without one nobody can tell whether it is still there.
        return Refusal(
            "optimiser-stale",
            "the room's twin shows no present report of the optimiser",
            None if age is None else (age - stale) / 1000,
        )
    if room.optimiser_instance and room.optimiser_instance != request.instance:
        text = f"{room.optimiser_instance} controls this room, {request.instance} asks"
        return Refusal("one-optimiser", text)
    return None


def _data(case: Case) -> Refusal | None:
    if not case.less:
        return None
    if case.unit.observed_at is None or case.now - case.unit.observed_at > FRESH_MS:
        age = None if case.unit.observed_at is None else (case.now - case.unit.observed_at - FRESH_MS) / 1000
        return Refusal("stale-data", "the unit's own report is missing or too old to lessen its cooling", age)
    known = {inlet.rack for inlet in case.room.fresh_inlets(case.now)}
    share = len(known) / case.room.racks if case.room.racks else 0.0
    if share < case.policy.racks_known:
        text = f"the inlets of {len(known)} of {case.room.racks} racks are known; cooling is lessened in sight alone"
        return Refusal("stale-data", text, round(case.policy.racks_known - share, 3))
    return None


def _memory(case: Case) -> Refusal | None:
    """Pace and interlock rest on what was let through before; while that is not known, it may have been anything."""
    if not (case.less and case.forgotten):
        return None
    why, until = case.forgotten
    text = f"what was let through in the last hour is not known ({why}); nothing is lessened until it is, or until"
    text += f" {datetime.fromtimestamp(until / 1000, UTC):%H:%M} UTC"
    return Refusal("past-unknown", text, (until - case.now) / 1000)


def _confirmation(case: Case) -> Refusal | None:
    value = case.wish.values.get("setpoint")
    if case.confirmed or not isinstance(value, int | float):
        return None
    outside = max(USUAL_LOW_C - value, value - USUAL_HIGH_C)
    if outside > EPSILON:
        text = f"set-point {value:g} °C: outside {USUAL_LOW_C:g} to {USUAL_HIGH_C:g} °C a person must confirm it"
        return Refusal("confirm-range", text, round(outside, 3))
    step = case.change("setpoint")
    if step is None:
        return Refusal("confirm-step", "the present set-point is not known, so a person must confirm the new one")
    beyond = abs(step) - case.unit.limits.step_k
    if beyond > EPSILON:
        text = f"a step of {abs(step):.2g} K: above {case.unit.limits.step_k:g} K a person must confirm it"
        return Refusal("confirm-step", text, round(beyond, 3))
    return None


def _slew(case: Case) -> Refusal | None:
    """Many small steps must not add up to a large one: what is taken off grows back at the unit's own rate."""
    if case.confirmed or not case.less:
        return None
    limits = case.unit.limits
    mine = [past for past in case.past if past.thing == case.unit.thing]
    for name, wished, burst, per_min, taken in (
        ("setpoint", case.change("setpoint"), limits.step_k, limits.setpoint_k_per_min, "setpoint_up_k"),
        ("fanSpeed", -(case.change("fanSpeed") or 0.0), case.policy.fan_burst_percent, limits.fan_percent_per_min,
         "fan_down"),
    ):  # fmt: skip
        if wished is None or wished <= EPSILON:
            continue
        left, last = burst, None
        for past in mine:
            left = burst if last is None else min(burst, left + (past.at - last) / 60_000 * per_min)
            amount: float | None = getattr(past, taken)
            left, last = left - (burst if amount is None else amount), past.at
        if last is not None:
            left = min(burst, left + (case.now - last) / 60_000 * per_min)
        if wished > left + 1e-3:
            unit = "K" if name == "setpoint" else "%"
            text = (
                f"{name}: {wished:.2g} {unit} less cooling, of which {max(0.0, left):.2g} {unit} are free now; "
                f"{per_min:g} {unit} a minute become free again"
            )
            return Refusal("slew", text, round(wished - left, 3))
    return None


def _interlock(case: Case) -> Refusal | None:
    if not case.less:
        return None
    others = {thing: unit for thing, unit in case.room.units.items() if thing != case.unit.thing}
    broken = {thing: why for thing, unit in case.room.units.items() if (why := failed(unit, case.now))}
    if not broken:
        return None
    lessened = {
        past.thing
        for past in case.past
        if past.thing in others and past.less and case.now - past.at < case.policy.interlock_ms
    }
    if lessened:
        which, why = next(iter(sorted(broken.items())))
        text = (
            f"{_name(which)} has failed ({why}) and {', '.join(sorted(map(_name, lessened)))} was lessened already: "
            "only one unit at a time"
        )
        return Refusal("interlock", text, float(len(lessened)))
    return None


def _too_hot(case: Case) -> Refusal | None:
    """While an inlet is beyond its class nothing is lessened, whatever a forecast says of its part in that."""
    if not case.less:
        return None
    over = [(inlet.temperature - inlet.limits.allowable_high, inlet) for inlet in case.room.fresh_inlets(case.now)]
    beyond, inlet = max(over, key=lambda each: each[0], default=(0.0, None))
    if inlet is None or beyond <= 0.0:
        return None
    text = (
        f"{_name(inlet.rack)} {inlet.place} is at {inlet.temperature:.1f} °C; its class allows "
        f"{inlet.limits.allowable_high:g} °C, and cooling is not lessened until it is back"
    )
    return Refusal("too-hot", text, round(beyond, 3))


def _plausibility(case: Case) -> Refusal | None:
    wished = {name: float(value) for name, value in case.wish.values.items() if not isinstance(value, str)}
    if not wished:
        return None
    # Twice the measured error of the model: an inlet that is off by more is rare.
    margin = case.policy.margin_k + 2.0 * (case.room.infidelity_k or 0.0)
    worst: tuple[float, str] | None = None
    for one in case.outlook(case.room, case.unit.thing, wished):
        for beyond, worse, what, value, limit in (
            (one.peak + margin - one.allowable_high, one.peak - one.peak_without, "reach", one.peak,
             one.allowable_high),
            (one.allowable_low - one.low + margin, one.low_without - one.low, "fall to", one.low, one.allowable_low),
        ):  # fmt: skip
            # What is beyond its limit anyway, and gets no worse by this, is no reason against it.
            if beyond > 0 and worse > 0.02 and (worst is None or beyond > worst[0]):
                worst = (
                    beyond,
                    (
                        f"{_name(one.rack)} {one.place} would {what} {value:.1f} °C (margin {margin:.1f} K); "
                        f"its class allows {limit:g} °C"
                    ),
                )
    return None if worst is None else Refusal("plausibility", worst[1], round(worst[0], 3))


def _second_person(case: Case) -> Refusal | None:
    """Who asked and who approves are those that were signed in: see :mod:`guard.people`."""
    request = case.wish.request
    if not case.unit.limits.second_approver or request.origin == "guard":
        return None
    if not request.approved_by:
        return Refusal("second-approver", "a second person must approve it, signed in as somebody else")
    if request.approved_by == request.who or not request.who:
        return Refusal("second-approver", f"{request.approved_by} asked for it; another person must approve it")
    return None


def _name(thing: str) -> str:
    return thing.partition(":")[2] or thing


RULES: Final[tuple[Callable[[Case], Refusal | None], ...]] = (
    _expired,
    _limits,
    _maintenance,
    _rate,
    _optimiser,
    _data,
    _memory,
    _confirmation,
    _slew,
    _interlock,
    _too_hot,
    _plausibility,
)
