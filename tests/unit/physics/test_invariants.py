"""What must hold in any room, whatever its parameters: mass, energy, signs, steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.physics.conftest import room

from bench.physics_rooms import step_dependence
from physics.laws import RHO_CP
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters


def fractions(model: RoomModel, flow_share: float, fan: float, extra: float) -> np.ndarray:
    inputs = model.default_inputs(flow_share)
    inputs.fan[...] = fan
    inputs.extra_recirculation[...] = extra
    state = model.steady(inputs)
    model.advance(state, inputs, 10.0)
    assert state.network is not None
    return np.asarray(state.network.mix.toarray())


@settings(max_examples=20, deadline=None)
@given(
    load=st.floats(0.0, 1.0),
    fan=st.floats(0.0, 1.0),
    extra=st.floats(0.0, 0.6),
    units=st.integers(1, 5),
    containment=st.sampled_from(["none", "cold", "hot"]),
    starvation=st.floats(0.0, 0.5),
    local=st.floats(0.0, 1.0),
)
# Air that hardly moves is no air: a unit's fan at next to nothing.
@example(load=0.0, fan=1e-12, extra=0.0, units=1, containment="none", starvation=0.0, local=1.0)
def test_fractions_are_shares_of_one(
    load: float, fan: float, extra: float, units: int, containment: str, starvation: float, local: float
) -> None:
    parameters = Parameters(starvation=starvation, local_supply=local, local_return=local)
    model = RoomModel(room(units=units, containment=containment), parameters)
    mix = fractions(model, load, fan, extra)
    assert mix.min() >= 0.0
    assert mix.sum(axis=1) == pytest.approx(np.ones(mix.shape[0]), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(load=st.floats(0.0, 1.0), fan=st.floats(0.01, 1.0), extra=st.floats(0.0, 0.6))
def test_every_outlet_gives_no_more_air_than_it_has(load: float, fan: float, extra: float) -> None:
    model = RoomModel(room())
    inputs = model.default_inputs(load)
    inputs.fan[...] = fan
    inputs.extra_recirculation[...] = extra
    state = model.steady(inputs)
    model.advance(state, inputs, 10.0)
    network = state.network
    assert network is not None
    z = model.zones
    mix = network.mix.toarray()
    flows = np.concatenate([network.flow[0], network.unit_flow[0]])
    taken = (mix * flows[:, None]).sum(axis=0)
    given_by_racks = taken[:z] + network.to_room[0]
    assert given_by_racks == pytest.approx(network.flow[0], rel=1e-9)
    # Air that units supply is breathed, directly or through the plenum, or bypasses.
    supplied = taken[z : z + model.units] + taken[z + model.units] * network.plenum[0] + network.bypass[0]
    assert supplied == pytest.approx(network.unit_flow[0], rel=1e-6, abs=1e-9)
    room_in = network.to_room.sum() + network.bypass.sum()
    assert taken[-1] == pytest.approx(room_in, rel=1e-9)


@pytest.mark.parametrize("setpoint", [14.0, 20.0, 27.0])
@pytest.mark.parametrize("load", [0.05, 0.5, 1.0])
def test_energy_balances_over_the_grid_and_through_a_failure(hall: Layout, setpoint: float, load: float) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(load)
    inputs.setpoint[...] = setpoint
    state = model.steady(inputs)
    before = model.stored_energy(state)
    model.advance(state, inputs, 600.0)
    inputs.capacity[0, 0] = 0.0
    inputs.it_power[0] *= 1.1
    model.advance(state, inputs, 1200.0, 5.0)
    put_in = model.energy_put_in(state)
    residual = put_in - state.scalar("heat_removed") - (model.stored_energy(state) - before)
    assert abs(residual / put_in).max() < 1e-9


def test_a_settled_room_removes_what_it_takes_in(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.7)
    seen = model.observe(model.steady(inputs), inputs)
    taken_in = seen.it_power + seen.unit_fan_power.sum(axis=1)
    assert seen.heat_removed.sum(axis=1) == pytest.approx(taken_in, rel=1e-6)


def test_outlet_is_inlet_plus_power_over_flow_when_settled(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.6)
    state = model.steady(inputs)
    seen = model.observe(state, inputs)
    rise = (seen.outlet - seen.inlet).sum(axis=1)
    assert state.network is not None
    flow = state.network.flow.reshape(1, 2, -1)
    power = seen.rack_power[:, None] * 0.5
    assert rise == pytest.approx((power / (RHO_CP * flow)).sum(axis=1), rel=1e-6)


def test_tangs_matrix_gives_the_same_steady_inlets(hall: Layout) -> None:
    """``t_in = t_sup + D p`` with ``D = (K - A^T K)^-1 - K^-1`` (Tang, Gupta, Varsamopoulos 2008), the room air and the
    units' returns eliminated: an independent, dense way to the steady state."""
    model = RoomModel(hall)
    inputs = model.default_inputs(0.6)
    state = model.steady(inputs)
    network = state.network
    if network is None:
        model.advance(state, inputs, 1.0)
        network = state.network
    assert network is not None
    z, m = model.zones, model.units
    mix = network.mix.toarray()
    to_racks, from_units = mix[:z, :z], mix[:z, z : z + m] + np.outer(mix[:z, z + m], network.plenum[0])
    with_room = mix[:z, z + m + 1]
    share = network.to_room[0] / (network.to_room.sum() + network.bypass.sum())
    bypass = network.bypass[0] / (network.to_room.sum() + network.bypass.sum())
    a = to_racks + np.outer(with_room, share)
    supply = (from_units + np.outer(with_room, bypass)) @ state.supply[0]
    power = model.equations.zone_power(inputs, network.flow)[0]
    k = RHO_CP * network.flow[0]
    inlet = np.linalg.solve(np.eye(z) - a, supply + a @ (power / k))
    assert state.inlet.reshape(-1) == pytest.approx(inlet, abs=1e-4)


def test_one_second_and_five_second_steps_agree(hall: Layout) -> None:
    assert step_dependence(hall) < 0.05


def test_temperatures_keep_their_order(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.5)
    state = model.steady(inputs)
    for _ in range(20):
        model.advance(state, inputs, 30.0)
        seen = model.observe(state, inputs)
        assert (seen.outlet >= seen.inlet).all()
        assert seen.inlet.min() >= seen.supply.min() - 1e-9
        assert (seen.return_ >= seen.supply).all()


def test_more_air_makes_processors_cooler(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.6)
    slow = model.observe(model.steady(inputs), inputs)
    inputs.server_fan[...] = 1.4
    fast = model.observe(model.steady(inputs), inputs)
    assert (fast.cpu < slow.cpu).all()


def test_what_racks_lack_is_recirculation_and_what_units_spare_is_bypass(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.8)
    rich = model.observe(model.steady(inputs), inputs)
    inputs.fan[...] = 0.3
    poor = model.observe(model.steady(inputs), inputs)
    spread = (rich.return_ - rich.supply).mean() / (rich.outlet - rich.inlet).mean()
    starved = (poor.return_ - poor.supply).mean() / (poor.outlet - poor.inlet).mean()
    assert spread < 1.0 < starved
    assert (poor.supply_fraction < rich.supply_fraction).all()
    assert poor.inlet[:, 1].mean() - poor.inlet[:, 0].mean() > 0.5


def test_containment_keeps_hot_air_out(hall: Layout) -> None:
    opened, closed = RoomModel(hall), RoomModel(room(containment="cold"))
    inputs = opened.default_inputs(0.6)
    warm, cool = opened.steady(inputs), closed.steady(inputs)
    assert (cool.inlet[:, 1] < warm.inlet[:, 1] - 0.3).all()
    inputs.containment_open[...] = 1.0
    assert closed.steady(inputs).inlet == pytest.approx(warm.inlet, abs=1e-3)


def test_a_unit_never_removes_more_than_it_can(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(1.0)
    state = model.steady(inputs)
    inputs.capacity[...] = 0.4
    for _ in range(30):
        model.advance(state, inputs, 20.0)
        seen = model.observe(state, inputs)
        limit = model.equations.limit(state)
        assert (seen.heat_removed <= limit * 1.02 + 1.0).all()
    assert seen.saturated.all()


def test_without_cooling_air_alone_heats_faster_than_with_mass(hall: Layout) -> None:
    base = Parameters()
    model = RoomModel(hall, [base.air_only(), base.near_mass_only(), base])
    inputs = model.default_inputs(0.6)
    state = model.steady(inputs)
    start = state.inlet.max(axis=(1, 2)).copy()
    inputs.capacity[...], inputs.fan[...] = 0.0, 0.0
    model.changed(state)
    model.advance(state, inputs, 240.0)
    rise = state.inlet.max(axis=(1, 2)) - start
    assert rise[0] > rise[1] > rise[2] > 1.0


def test_moisture_is_one_for_the_room_and_a_leak_raises_it(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.5)
    state = model.steady(inputs)
    dry = model.observe(state, inputs).dew_point[0]
    inputs.moisture[...] = 0.002
    model.advance(state, inputs, 3600.0, 5.0)
    assert model.observe(state, inputs).dew_point[0] > dry + 0.5


def test_scenarios_do_not_feel_each_other(hall: Layout) -> None:
    alone, together = RoomModel(hall), RoomModel(hall, scenarios=3)
    one, three = alone.default_inputs(0.5), together.default_inputs(0.5)
    single, batch = alone.steady(one), together.steady(three)
    three.capacity[1, 0], three.capacity[2, 1] = 0.0, 0.0
    alone.advance(single, one, 300.0)
    together.advance(batch, three, 300.0)
    assert batch.inlet[0] == pytest.approx(single.inlet[0], abs=1e-6)
    assert batch.inlet[1].max() > batch.inlet[0].max() + 1.0


def test_equal_runs_are_equal(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.5)
    first = model.run(model.steady(inputs), inputs, 600.0)
    second = model.run(model.steady(inputs), inputs, 600.0)
    assert np.array_equal(first.inlet, second.inlet)
    assert first.inlet.shape == (11, 1, 2, 10)


def test_a_copy_goes_its_own_way(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs(0.5)
    state = model.steady(inputs)
    model.advance(state, inputs, 7.0)
    other = state.copy()
    model.advance(state, inputs, 60.0)
    model.advance(other, inputs, 60.0)
    assert np.array_equal(state.inlet, other.inlet)
    inputs.it_power *= 2.0
    model.advance(other, inputs, 600.0)
    assert not np.allclose(state.inlet, other.inlet)


@pytest.mark.parametrize(("seconds", "step"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0)])
def test_refuses_to_stand_still(hall: Layout, seconds: float, step: float) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs()
    with pytest.raises(ValueError, match="more than 0"):
        model.advance(model.steady(inputs), inputs, seconds, step)
