"""Where air begins to lack: what the model says, what measured inlets teach, and that fans settle there."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.optimiser.halls import hall, seen_of

from optimiser.air import Demand, Enough
from optimiser.controller import Controller, Tuning
from optimiser.response import Operation, respond
from physics.model import RoomModel
from physics.parameters import Parameters
from physics.plant import Plant


def test_what_racks_ask_for_is_the_models() -> None:
    layout = hall()
    model = RoomModel(layout, Parameters())
    inputs = model.default_inputs(0.5)
    state = model.steady(inputs)
    asked, slope = Demand(layout, Parameters()).asked(state.inlet.reshape(-1), inputs.it_power[0])
    model.observe(state, inputs)
    network = state.network
    assert network is not None
    assert asked == pytest.approx(float(((1.0 - network.recirculation) * network.flow).sum()), rel=1e-6)
    assert (slope >= 0.0).all()


def test_inlets_rise_where_air_lacks() -> None:
    layout = hall()
    inputs = RoomModel(layout, Parameters()).default_inputs(0.6)
    at = Operation(inputs.setpoint[0], np.full(2, 0.5), inputs.capacity[0], inputs.it_power[0])
    response = respond(layout, Parameters(), at)
    # Slopes are those of enough air, and what lacks has one of its own.
    assert (response.at.fan > 0.5).all() and response.enough == 1.0
    assert response.starved.mean() > 5.0
    assert abs(response.per_fan.sum(axis=1).mean()) < 0.2 * response.starved.mean()


def test_the_true_point_is_learned_from_inlets() -> None:
    rng = np.random.default_rng(3)
    enough = Enough()
    for share in rng.uniform(0.94, 1.12, 60):
        enough.add(share, 0.8 + 30.0 * max(0.0, 1.06 - share) + rng.normal(0.0, 0.1), 30.0)
    assert abs(enough.at - 1.06) < 0.01
    ample = Enough()
    for share in rng.uniform(1.1, 1.3, 60):
        ample.add(share, 0.8 + rng.normal(0.0, 0.1), 30.0)
    # It lies no higher than where air was seen not to lack.
    assert 0.9 < ample.at < 1.1


def test_fans_settle() -> None:
    plant = Plant(hall(), 4, start_s=1.8e9)
    tuning = Tuning(interval_s=600.0, rci_target=96.0, server_fans=False)
    controller = Controller(plant.layout, None, tuning)
    fans = []
    for _ in range(72):
        decision = controller.decide(seen_of(plant))
        for unit, setpoint, fan in zip(plant.layout.unit_ids, decision.setpoint, decision.fan, strict=True):
            plant.set_control(unit, setpoint=float(setpoint), fan=100.0 * float(fan))
        fans.append(float(decision.fan.mean()))
        plant.step(600.0)
    # With one tangent they swung by 0.2 and more.
    assert np.std(fans[30:]) < 0.04
