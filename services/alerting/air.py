"""What counts as wrong with the air at a rack's inlets, by its ASHRAE class. Pure. Next: `rules`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerting.view import WINDOW_MS, Finding, View
from physics.ashrae import MAX_RATE_K_15MIN, limits

# By how much dew point (K) and relative humidity (%) must come back before a rule is clear.
_DEW_MARGIN_K: Final = 0.5
_HUMIDITY_MARGIN: Final = 2.0


def beyond(value: float, low: float, high: float, firing: bool, margin: float) -> tuple[bool, float]:
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


def inlet(view: View, *, allowable: bool) -> Finding | None:
    """Temperature against the recommended or the allowable range."""
    inlets = view.inlets()
    if not inlets:
        return None
    known = limits(view.ashrae_class())
    low, high = (
        (known.allowable_low, known.allowable_high) if allowable else (known.recommended_low, known.recommended_high)
    )
    place, value = _worst(inlets, low, high)
    broken, limit = beyond(value, low, high, view.firing, 0.5)
    what = "allowable" if allowable else "recommended"
    side = "above" if limit == high else "below"
    return Finding(
        broken,
        value,
        limit,
        f"{view.name}: {place} inlet {value:.1f} °C, {side} the {what} {limit:.0f} °C ({known.name})",
    )


def moisture(view: View, *, allowable: bool) -> Finding | None:
    """The dew point, and for what is allowable the relative humidity too. What is recommended of the latter depends on
    the air's corrosion, and the bottom of a cold aisle leaves it on many days: that is a state, and no alert."""
    known = limits(view.ashrae_class())
    what = "allowable" if allowable else "recommended"
    worst: tuple[float, Finding] | None = None
    for place, (dew, humidity) in view.moisture().items():
        dews = (
            (known.allowable_dew_low, known.allowable_dew_high)
            if allowable
            else (known.recommended_dew_low, known.recommended_dew_high)
        )
        judged = [("dew point", dew, *dews, _DEW_MARGIN_K, "°C")]
        if allowable:
            range_ = known.allowable_humidity_low, known.allowable_humidity_high
            judged.append(("relative humidity", humidity, *range_, _HUMIDITY_MARGIN, "%"))
        for quantity, value, low, high, margin, unit in judged:
            if value is None:
                continue
            broken, limit = beyond(value, low, high, view.firing, margin)
            side = "above" if limit == high else "below"
            told = f"{place} {quantity} {value:.1f} {unit}, {side} the {what} {limit:.0f} {unit} ({known.name})"
            excess = max(value - high, low - value) / margin
            if worst is None or excess > worst[0]:
                worst = excess, Finding(broken, value, limit, f"{view.name}: {told}")
    return None if worst is None else worst[1]


def inlet_predicted(view: View) -> Finding | None:
    """What models expect within 15 minutes against the recommended range."""
    known = limits(view.ashrae_class())
    worst: tuple[str, float, float] | None = None
    for feature in view.thing.get("features") or {}:
        if not feature.startswith("prediction."):
            continue
        value, horizon = (view.number(feature, name) for name in ("value", "horizon"))
        target = view.text(feature, "target") or ""
        if value is None or view.expired(feature) or not target.endswith("/temperature") or (horizon or 0) > 900:
            continue
        if worst is None or value > worst[1]:
            worst = (target.removeprefix("environment.").removesuffix("/temperature"), value, horizon or 900)
    if worst is None:
        # What was expected is not expected any more, whether or not somebody expects something else.
        return view.over(known.recommended_high, "nothing is expected any more of its inlets")
    place, value, horizon = worst
    broken, limit = beyond(value, known.recommended_low - 50, known.recommended_high, view.firing, 0.5)
    text = f"{view.name}: {place} inlet is expected at {value:.1f} °C in {horizon / 60:.0f} min, over {limit:.0f} °C"
    return Finding(broken, value, limit, text)


def inlet_rate(view: View) -> Finding | None:
    """The change of temperature within 15 minutes."""
    worst: tuple[str, float] | None = None
    for place in view.past:
        recent = view.recent(place)
        if len(recent) < 2:
            continue
        # Between the extremes, as ASHRAE has it: up and down again is one change, not two.
        change = max(recent) - min(recent)
        if worst is None or change > worst[1]:
            worst = (place, change)
    if worst is None:
        return None
    place, change = worst
    broken, _ = beyond(change, -1.0, MAX_RATE_K_15MIN, view.firing, 1.0)
    minutes = WINDOW_MS * view.scale / 60_000
    text = f"{view.name}: {place} inlet changed by {change:.1f} K in {minutes:g} min (at most {MAX_RATE_K_15MIN:.0f} K)"
    return Finding(broken, change, MAX_RATE_K_15MIN, text)


def dew_points(view: View) -> Finding | None:
    """Dew points at top and bottom, which share their air."""
    points = {}
    for place in ("bottom", "top"):
        value = view.number(f"environment.{place}", "dewPoint")
        if value is None or view.is_stale(f"environment.{place}"):
            return None
        points[place] = value
    apart = abs(points["top"] - points["bottom"])
    limit = 2.0
    broken, _ = beyond(apart, -1.0, limit, view.firing, 1.0)
    text = f"{view.name}: dew points at top and bottom are {apart:.1f} K apart: a sensor is wrong, or water leaks"
    return Finding(broken, apart, limit, text)
