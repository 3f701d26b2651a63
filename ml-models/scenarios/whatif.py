"""Runs all cases of a what-if at once: the baseline and each case, with near mass and with air alone. Pure.

One batched model holds them side by side. Next: `findings`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from physics.inputs import check_inputs
from physics.laws import Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters
from physics.state import Inputs, Outputs, State
from scenarios.power import PowerGraph
from scenarios.question import BASELINE, Case, Question
from scenarios.start import Start
from scenarios.timeline import Course, course, new_racks

# Of the run; the model itself steps finer where fans change.
STEP_S: Final = 5.0
SAMPLES: Final = 360


@dataclass(frozen=True)
class Run:
    """What came out, by sample (K), case (C, the baseline first), and rack or unit.

    `inlet` and `air_only` are (K, C, 2, N): with near mass, and with no mass but the air's. `rack_power` (K, C, N);
    `supply`, `return_`, `unit_power`, `unit_airflow` (K, C, M); `room` (K, C). `energy_j` (C, 2): chillers and fans of
    the cooling units; `it_j` (C,).
    """

    layout: Layout
    courses: list[Course]
    time_s: Floats
    inlet: Floats
    air_only: Floats
    outlet: Floats
    rack_power: Floats
    rack_airflow: Floats
    supply: Floats
    return_: Floats
    unit_power: Floats
    unit_airflow: Floats
    room: Floats
    energy_j: Floats
    it_j: Floats
    added: frozenset[int]


def run(
    question: Question, start: Start, *, duration_s: float, note: Callable[[float], None] = lambda _share: None
) -> Run:
    """Compute all cases.

    Raises:
        ScenarioError: a change cannot be.
        ValueError: inputs outside what physics allows; the text names them.
    """
    cases = question.cases(start.layout)
    more = new_racks(cases, start.layout, question.site)
    layout = start.layout.with_racks(*more) if more else start.layout
    known = len(start.layout.racks)
    draws = np.zeros(len(layout.racks))
    first = RoomModel(start.layout, start.parameters)
    observed = first.observe(start.state.copy(), start.inputs)
    draws[:known] = observed.rack_power[0]
    courses = [Course(BASELINE)] + [_course(case, layout, draws, question) for case in cases]
    count = len(courses)
    grown = _grown(start.parameters, known, len(more))
    model = RoomModel(layout, [grown.near_mass_only()] * count + [grown.air_only()] * count, scenarios=2 * count)
    state, inputs, offset = _begin(RoomModel(layout, grown), start, known)
    return _advance(
        model,
        state.repeat(2 * count),
        _repeat(inputs, 2 * count),
        courses=courses,
        duration_s=duration_s,
        offset=offset,
        note=note,
        known=known,
    )


def _course(case: Case, layout: Layout, draws: Floats, question: Question) -> Course:
    graph = PowerGraph.of(question.racks)
    return course(case, layout, draws, graph)


def _grown(parameters: Parameters, known: int, more: int) -> Parameters:
    """Parameters for a room with more racks, which are like the mean of the others."""
    if not more:
        return parameters
    changes: dict[str, Floats] = {}
    if (zones := parameters.zone_recirculation) is not None:
        halves = [np.concatenate([part, np.full(more, part.mean())]) for part in (zones[:known], zones[known:])]
        changes["zone_recirculation"] = np.concatenate(halves)
    for name in ("rack_flow", "rack_time"):
        if (values := getattr(parameters, name)) is not None:
            changes[name] = np.concatenate([values, np.full(more, values.mean())])
    return parameters.with_(**changes)


def _begin(model: RoomModel, start: Start, known: int) -> tuple[State, Inputs, Floats]:
    """State, inputs and offsets of one scenario, with room for racks that are still switched off."""
    if model.racks == known:
        return start.state.copy(), start.inputs.copy(), start.offset
    inputs = model.default_inputs(0.0)
    inputs.it_power[...], inputs.server_fan[...] = 0.0, 0.0
    inputs.it_power[:, :known] = start.inputs.it_power
    inputs.server_fan[:, :known] = start.inputs.server_fan
    inputs.extra_recirculation[:, :known] = start.inputs.extra_recirculation
    for name in ("setpoint", "fan", "capacity", "containment_open", "moisture"):
        getattr(inputs, name)[...] = getattr(start.inputs, name)
    state = model.steady(inputs, tolerance_k=1e-4, rounds=100)
    for name in ("inlet", "server", "cpu"):
        getattr(state, name)[:, :, :known] = getattr(start.state, name)
    state.scalars[...] = start.state.scalars
    state.supply[...], state.available[...], state.fan[...] = (
        start.state.supply, start.state.available, start.state.fan,
    )  # fmt: skip
    model.changed(state)
    model.advance(state, inputs, 120.0, STEP_S)
    offset = np.zeros((2, model.racks))
    offset[:, :known] = start.state.inlet[0] + start.offset - state.inlet[0][:, :known]
    return state, inputs, offset


def _repeat(inputs: Inputs, times: int) -> Inputs:
    """Inputs of one scenario for several."""
    return Inputs(*(np.repeat(getattr(inputs, item.name), times, axis=0) for item in fields(inputs)))


def _advance(
    model: RoomModel,
    state: State,
    inputs: Inputs,
    *,
    courses: list[Course],
    duration_s: float,
    offset: Floats,
    note: Callable[[float], None],
    known: int,
) -> Run:
    count = len(courses)
    sample_s = max(STEP_S, duration_s / SAMPLES)
    samples = round(duration_s / sample_s) + 1
    events = sorted(
        ((at, number, apply) for number, one in enumerate(courses) for at, apply in one.events), key=lambda e: e[:2]
    )
    begin = {name: state.scalar(name).copy() for name in ("chiller_energy", "unit_fan_energy", "it_energy")}
    seen: list[Outputs] = []
    done_s = 0.0
    for k in range(samples):
        target = k * sample_s
        # What happens at the time of a sample is seen from the next one on: the first shows the beginning.
        while events and events[0][0] < target:
            at, number, apply = events.pop(0)
            if at > done_s:
                model.advance(state, inputs, at - done_s, STEP_S)
                done_s = at
            apply(inputs, [number, count + number])
            model.changed(state)
            check_inputs(model, inputs)
        if target > done_s:
            model.advance(state, inputs, target - done_s, STEP_S)
            done_s = target
        seen.append(model.observe(state, inputs))
        note((k + 1) / samples)

    def stacked(name: str, rows: slice = slice(0, count)) -> Floats:
        return np.stack([getattr(one, name)[rows] for one in seen])

    spent = {name: state.scalar(name)[:count] - first[:count] for name, first in begin.items()}
    return Run(
        layout=model.layout,
        courses=courses,
        time_s=np.asarray(np.arange(samples) * sample_s, dtype=np.float64),
        inlet=stacked("inlet") + offset,
        air_only=stacked("inlet", slice(count, 2 * count)) + offset,
        outlet=stacked("outlet") + offset,
        rack_power=stacked("rack_power"),
        rack_airflow=stacked("rack_airflow"),
        supply=stacked("supply"),
        return_=stacked("return_"),
        unit_power=stacked("unit_power"),
        unit_airflow=stacked("unit_airflow"),
        room=stacked("room"),
        energy_j=np.stack([spent["chiller_energy"], spent["unit_fan_energy"]], axis=1),
        it_j=spent["it_energy"],
        added=frozenset(range(known, model.racks)),
    )
