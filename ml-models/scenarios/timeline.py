"""Changes of a case, checked against the room and turned into what acts on the model, in order of time. Pure.

A change is refused with its name where it cannot be: a rack or unit that is not there, a set-point outside the unit's
limits, more load moved than there is. Nothing is computed before all are checked. Next: `whatif`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physics.laws import Floats
from physics.layout import Layout, LayoutError, RackPlace
from physics.state import Inputs
from racktwin.names import thing_id
from scenarios.power import PowerGraph
from scenarios.question import Case, ScenarioError, short

Json = Mapping[str, Any]
Apply = Callable[[Inputs, list[int]], None]
"""Changes inputs of the given scenarios (rows)."""


@dataclass
class Course:
    """One case: what happens when (s, in order), which racks are dark from when on, and notes for the result."""

    name: str
    events: list[tuple[float, Apply]] = field(default_factory=list)
    dark: dict[int, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def new_racks(cases: list[Case], layout: Layout, site: str) -> list[RackPlace]:
    """The racks that the cases add, each once.

    Raises:
        ScenarioError: one is there already, or two cases place one name differently.
    """
    found: dict[str, RackPlace] = {}
    for case in cases:
        for change in case.changes:
            asked = change.get("rack")
            if asked is None:
                continue
            place, power = asked["position"], float(asked["powerW"])
            rack = RackPlace(
                id=thing_id(site, "rack", str(asked["name"])),
                x=float(place["xM"]),
                y=float(place["yM"]),
                z=float(place.get("zM") or 0.0),
                yaw_deg=float(place.get("yawDeg") or 0.0),
                row=str(asked.get("row") or "new"),
                power_capacity_w=float(asked.get("availablePowerW") or 1.25 * power),
                ashrae_class=layout.racks[0].ashrae_class,
            )
            if rack.id in layout.rack_ids:
                raise ScenarioError(
                    f"case {case.name}: rack {asked['name']} is in the room already; give it another name"
                )
            if not (0.0 <= rack.x <= layout.width_m and 0.0 <= rack.y <= layout.depth_m):
                raise ScenarioError(
                    f"case {case.name}: rack {asked['name']} at ({rack.x:g}, {rack.y:g}) m stands outside room "
                    f"{layout.room} of {layout.width_m:g} x {layout.depth_m:g} m"
                )
            if found.setdefault(rack.id, rack) != rack:
                raise ScenarioError(f"rack {asked['name']}: two cases place it differently; give it two names")
    return list(found.values())


def course(case: Case, layout: Layout, draws: Floats, graph: PowerGraph) -> Course:
    """The events of a case.

    Args:
        case: what happens.
        layout: the room, with the racks that any case adds.
        draws: what each rack draws at the base time (N,), W.
        graph: its power graph, used up by this case.

    Raises:
        ScenarioError: a change cannot be; the text names case and change.
    """
    made = Course(case.name)
    load = draws.copy()
    for change in sorted(case.changes, key=lambda change: float(change.get("atS") or 0.0)):
        at = float(change.get("atS") or 0.0)
        try:
            made.events.append((at, _event(change, at, layout, _Electric(load, graph), made)))
        except (LayoutError, ValueError) as error:
            raise ScenarioError(f"case {case.name}: {error}") from error
    return made


@dataclass
class _Electric:
    """What each rack draws (N,) and what it hangs on, as the case goes on."""

    load: Floats
    graph: PowerGraph


def _event(change: Json, at: float, layout: Layout, electric: _Electric, made: Course) -> Apply:
    load = electric.load
    if (unit := change.get("coolingUnit")) is not None:
        return _unit(unit, layout)
    if (asked := change.get("load")) is not None:
        return _load(asked, layout, load, made)
    if (move := change.get("move")) is not None:
        return _move(move, layout, load)
    if (rack := change.get("rack")) is not None:
        index = layout.rack_index(str(rack["name"]))
        load[index] += float(rack["powerW"])
        return _rack_on(index, float(rack["powerW"]))
    if (containment := change.get("containment")) is not None:
        if layout.containment == "none":
            raise ValueError(f"containment: room {layout.room} has none that could be opened")
        return _containment(float(containment["openPercent"]) / 100.0)
    if (feed := change.get("feed")) is not None:
        return _feed(feed, at, layout, electric, made)
    raise ValueError(f"change {dict(change)!r}: nothing that is known")


def _unit(asked: Json, layout: Layout) -> Apply:
    index = layout.unit_index(str(asked["name"]))
    unit = layout.units[index]
    setpoint, fan = asked.get("setpointC"), asked.get("fanPercent")
    capacity = 0.0 if asked.get("fails") else asked.get("capacityPercent")
    if setpoint is not None and not unit.setpoint_min_c <= setpoint <= unit.setpoint_max_c:
        raise ValueError(
            f"cooling unit {asked['name']}: setpointC {setpoint:g}: its limits are {unit.setpoint_min_c:g} to "
            f"{unit.setpoint_max_c:g}"
        )
    if fan is not None and not unit.fan_min <= fan <= unit.fan_max:
        raise ValueError(
            f"cooling unit {asked['name']}: fanPercent {fan:g}: its limits are {unit.fan_min:g} to {unit.fan_max:g}"
        )
    if setpoint is None and fan is None and capacity is None:
        raise ValueError(
            f"cooling unit {asked['name']}: nothing is changed; say fails, capacityPercent, setpointC, fanPercent"
        )

    def apply(inputs: Inputs, rows: list[int]) -> None:
        if capacity is not None:
            inputs.capacity[rows, index] = float(capacity) / 100.0
        if asked.get("fails"):
            inputs.fan[rows, index] = 0.0
        if setpoint is not None:
            inputs.setpoint[rows, index] = float(setpoint)
        if fan is not None:
            inputs.fan[rows, index] = float(fan) / 100.0

    return apply


def _load(asked: Json, layout: Layout, load: Floats, made: Course) -> Apply:
    named = asked.get("racks") or []
    racks = [layout.rack_index(str(name)) for name in named] or [at for at, watts in enumerate(load) if watts > 0.0]
    add_w, percent, cap = asked.get("addW"), asked.get("addPercent"), asked.get("capW")
    before = load[racks].copy()
    load[racks] = _changed(load[racks], add_w, percent, cap)
    over = [short(layout.racks[r].id) for r in racks if load[r] > layout.racks[r].power_capacity_w]
    if over:
        made.notes.append(f"{len(over)} rack(s) draw more than they may: {', '.join(over[:5])}")
    # Fans of servers are not in the model's IT power, so the change and not the total is applied.
    share = load[racks] / np.maximum(before, 1.0)

    def apply(inputs: Inputs, rows: list[int]) -> None:
        here = np.ix_(rows, racks)
        if add_w is not None:
            inputs.it_power[here] = np.maximum(inputs.it_power[here] + float(add_w), 0.0)
        else:
            inputs.it_power[here] = inputs.it_power[here] * share

    return apply


def _changed(load: Floats, add_w: float | None, percent: float | None, cap: float | None) -> Floats:
    if add_w is not None:
        return np.maximum(load + add_w, 0.0)
    if percent is not None:
        return np.asarray(load * (1.0 + percent / 100.0))
    return np.asarray(np.minimum(load, float(cap or 0.0)))


def _move(asked: Json, layout: Layout, load: Floats) -> Apply:
    source, target = layout.rack_index(str(asked["from"])), layout.rack_index(str(asked["to"]))
    if source == target:
        raise ValueError(f"move: from and to are both {asked['from']}")
    watts = float(load[source] if asked.get("powerW") is None else asked["powerW"])
    if watts > load[source] + 1e-6:
        raise ValueError(f"move: {asked['from']} draws {load[source]:.0f} W, so {watts:.0f} W cannot leave it")
    share = watts / max(float(load[source]), 1.0)
    load[source] -= watts
    load[target] += watts

    def apply(inputs: Inputs, rows: list[int]) -> None:
        moved = inputs.it_power[rows, source] * share
        inputs.it_power[rows, source] -= moved
        inputs.it_power[rows, target] += moved

    return apply


def _rack_on(index: int, watts: float) -> Apply:
    def apply(inputs: Inputs, rows: list[int]) -> None:
        inputs.it_power[rows, index] = watts
        inputs.server_fan[rows, index] = 1.0

    return apply


def _containment(opened: float) -> Apply:
    def apply(inputs: Inputs, rows: list[int]) -> None:
        inputs.containment_open[rows] = opened

    return apply


def _feed(asked: Json, at: float, layout: Layout, electric: _Electric, made: Course) -> Apply:
    load, graph = electric.load, electric.graph
    if asked.get("pdu"):
        graph.lose_pdu(str(asked["pdu"]))
    else:
        graph.lose_feed(str(asked["rack"]), str(asked["feed"]))
    draws = {short(rack.id): float(watts) for rack, watts in zip(layout.racks, load, strict=True)}
    loss = graph.state(draws)
    dark = [layout.rack_index(rack) for rack in loss.dark]
    for index in dark:
        made.dark.setdefault(index, at)
        load[index] = 0.0
    if loss.dark:
        made.notes.append(f"dark: {_some(loss.dark)}")
    if loss.single:
        made.notes.append(f"on their last feed: {_some(loss.single)}")
    for rack, name, watts, rated in loss.overloaded:
        made.notes.append(f"feed {name} of {rack} carries {watts:.0f} W, rated {rated:.0f} W: its breaker may trip")

    def apply(inputs: Inputs, rows: list[int]) -> None:
        if dark:
            inputs.it_power[np.ix_(rows, dark)] = 0.0
            inputs.server_fan[np.ix_(rows, dark)] = 0.0

    return apply


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"{', '.join(names[:6])}{more}"
