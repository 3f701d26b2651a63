"""Indices against worked examples, and where they are not defined."""

from __future__ import annotations

import numpy as np
import pytest

from physics import ashrae, laws, metrics
from physics.metrics import RoomReadings

A1, A2, H1 = (ashrae.limits(name) for name in ("A1", "A2", "H1"))


def test_herrlins_worked_example() -> None:
    index = metrics.rci(np.array([25.0, 26.0, 28.0, 29.0]), A1)
    assert index is not None
    assert (index.hi, index.lo, index.n) == (pytest.approx(85.0), 100.0, 4)


def test_rci_low_and_samples_that_are_missing() -> None:
    index = metrics.rci(np.array([16.5, 20.0, np.nan]), A1)
    assert index is not None
    assert index.lo == pytest.approx(100.0 * (1.0 - 1.5 / (3.0 * 2)))
    assert index.n == 2
    assert metrics.rci(np.array([np.nan]), A1) is None


def test_each_inlet_is_judged_by_its_own_class() -> None:
    index = metrics.rci(np.array([24.0, 24.0]), [A2, H1])
    assert index is not None
    assert index.hi == pytest.approx(100.0 * (1.0 - (2.0 / 3.0) / 2))
    with pytest.raises(ValueError, match="one for each inlet"):
        metrics.rci(np.array([1.0]), [A2, A2])


def test_rti_says_bypass_or_recirculation() -> None:
    assert metrics.rti(30.0, 20.0, 10.0) == pytest.approx(100.0)
    assert metrics.rti(28.0, 20.0, 10.0) == pytest.approx(80.0)
    assert metrics.rti(33.0, 20.0, 10.0) == pytest.approx(130.0)
    assert metrics.rti(30.0, 20.0, None) is None


def test_equipment_delta_t_is_weighted_by_flow() -> None:
    # 10 kW at 10 K and 5 kW at 20 K: 15 kW over 1.25 units of flow.
    assert metrics.equipment_delta_t(np.array([10e3, 5e3]), np.array([10.0, 20.0])) == pytest.approx(12.0)


def test_shi_rhi_and_beta_are_one_thing() -> None:
    shi = metrics.shi(np.array([20.0]), np.array([32.0]), 18.0)
    beta = metrics.beta(20.0, 32.0, 18.0)
    assert shi == pytest.approx(2.0 / 14.0)
    assert beta == pytest.approx(2.0 / 12.0)
    assert beta is not None
    assert shi == pytest.approx(beta / (1.0 + beta))
    assert metrics.shi(np.array([18.0]), np.array([18.0]), 18.0) is None
    assert metrics.beta(20.0, 20.0, 18.0) is None


def test_rack_delta_t_of_the_literature() -> None:
    assert float(laws.rack_delta_t(np.array(10e3), np.array(0.8))) == pytest.approx(10.45, abs=0.01)
    assert pytest.approx(0.2454, abs=1e-4) == 520.0 / laws.CFM


def test_cop_of_the_literature() -> None:
    assert float(laws.chiller_cop(np.array(18.0))) == pytest.approx(2.68, abs=0.01)
    assert float(laws.chiller_cop(np.array(25.0))) == pytest.approx(4.73, abs=0.01)


def test_dew_point_of_the_literature_and_back() -> None:
    assert float(laws.dew_point(24.0, 50.0)) == pytest.approx(12.9, abs=0.05)
    assert float(laws.dew_point_of_ratio(laws.humidity_ratio(12.9))) == pytest.approx(12.9)
    # Heating at constant moisture moves the humidity, never the dew point.
    assert float(laws.dew_point(30.0, laws.relative_humidity(30.0, 12.9))) == pytest.approx(12.9)


def test_fans_and_processors_follow_the_laws() -> None:
    flow, reference = np.array([0.5, 2.0]), np.array([1.0, 1.0])
    assert laws.fan_power(flow, np.array([80.0, 80.0]), reference) == pytest.approx([10.0, 640.0])
    assert laws.cpu_resistance(flow, reference, 0.1) == pytest.approx([0.1 * 0.5**-0.8, 0.1 * 2.0**-0.8])
    power = laws.server_power(np.array([0.0, 0.5, 1.0]), np.array(100.0), np.array(300.0))
    assert power == pytest.approx([100.0, 100.0 + 200.0 * (1.0 - 0.5**1.4), 300.0])
    assert float(laws.conversion_loss(np.array(900.0), 0.9, 9.0)) == pytest.approx(1010.0)


def test_energy_ratios_need_energy() -> None:
    assert metrics.power_usage_ratio(150e3, 100e3) == pytest.approx(1.5)
    assert metrics.power_usage_ratio(1.0, 0.0) is None
    assert metrics.pue(1.4e6, 1e6, 8759.0) is None, "PUE is a year's energy"
    assert metrics.pue(1.4e6, 1e6, 8760.0) == pytest.approx(1.4)
    assert metrics.cue(380.0, 1000.0) == pytest.approx(0.38)
    assert metrics.wue(1800.0, 1000.0) == pytest.approx(1.8)
    assert metrics.aclf(300.0, 1000.0) == pytest.approx(0.3)
    assert metrics.cooling_utilization(6000.0, 8000.0) == pytest.approx(75.0)
    assert metrics.cooling_utilization(6000.0, None) is None
    assert metrics.airflow_efficiency(500.0, 1000.0 / laws.CFM) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "temperature", "humidity", "verdict"),
    [
        ("A2", 24.0, 45.0, "recommended"),
        ("A2", 28.0, 45.0, "allowable"),
        ("A2", 36.0, 30.0, "out"),
        ("A1", 33.0, 30.0, "out"),
        ("A4", 44.0, 20.0, "allowable"),
        ("H1", 23.0, 45.0, "allowable"),
        ("H1", 26.0, 45.0, "out"),
        ("A2", 24.0, 70.0, "allowable"),
        ("A2", 24.0, 95.0, "out"),
        ("A2", 22.0, 5.0, "out"),
        ("A2", 30.0, 9.0, "allowable"),
        ("A2", 24.0, None, "recommended"),
        ("A2", 27.0, None, "recommended"),
        ("A2", 17.9, None, "allowable"),
    ],
)
def test_states_of_classes(name: str, temperature: float, humidity: float | None, verdict: str) -> None:
    assert ashrae.verdict(temperature, ashrae.limits(name), humidity) == verdict


def test_limits_name_their_edition_and_an_unknown_class_is_refused() -> None:
    assert "2021" in ashrae.limits("H1").edition
    assert (H1.recommended_high, H1.allowable_high) == (22.0, 25.0)
    with pytest.raises(ValueError, match="A9"):
        ashrae.limits("A9")


def readings(**changes: object) -> RoomReadings:
    values = {
        "inlets": np.array([[20.0, 20.0], [22.0, 22.0]]),
        "limits": [A2, A2],
        "power_w": np.array([5e3, 5e3]),
        "flow": np.array([0.4, 0.4]),
        "supply_c": np.array([18.0, 20.0]),
        "return_c": np.array([27.0, 29.0]),
        "unit_flow": np.array([1.0, 1.0]),
        "unit_power_w": np.array([1500.0, 1500.0]),
    }
    return RoomReadings(**(values | changes))  # type: ignore[arg-type]


def test_all_indices_of_a_room() -> None:
    found = metrics.room_indices(readings())
    rise = 5e3 / (laws.RHO_CP * 0.4)
    assert found.n == 4
    assert found.reference_c == 19.0
    assert found.rti == pytest.approx(100.0 * 9.0 / rise)
    assert found.shi == pytest.approx(2.0 / (2.0 + rise))
    assert found.rhi == pytest.approx(1.0 - 2.0 / (2.0 + rise))
    assert found.power_usage_ratio == pytest.approx(1.3)
    assert found.aclf == pytest.approx(0.3)


def test_what_is_not_known_is_absent() -> None:
    unknown = np.array([np.nan, np.nan])
    found = metrics.room_indices(readings(supply_c=unknown, return_c=unknown, unit_power_w=unknown))
    assert found.rci_hi == 100.0
    assert (found.rti, found.shi, found.rhi, found.power_usage_ratio, found.aclf) == (None,) * 5
