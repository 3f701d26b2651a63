"""A small hall for tests of the optimiser, as layout, as a plant's readings, and as twins."""

from __future__ import annotations

from typing import Any

import numpy as np

from optimiser.controller import Seen
from physics.layout import Layout, RackPlace, UnitPlace
from physics.plant import Plant

NOW = 1_800_000_000_000
SITE = "racktwin.t"


def hall(racks: int = 12, setpoint: float = 19.0) -> Layout:
    """Two rows around a cold aisle, two units."""
    half = racks // 2
    places = [
        RackPlace(
            id=f"{SITE}:rack-r{n}", x=2.0 + 0.6 * (n % half), y=1.8 + 1.2 * (n // half),
            yaw_deg=90.0 if n < half else -90.0, row=f"r{n // half}", power_capacity_w=8000.0,
        )
        for n in range(racks)
    ]  # fmt: skip
    units = [
        UnitPlace(
            id=f"{SITE}:cooling-c{k}", x=0.6 if k == 0 else 4.0 + 0.6 * half, y=2.4, capacity_w=60_000.0,
            airflow_m3s=4.0, fan_power_w=2_500.0, setpoint_c=setpoint, fan_percent=85.0,
        )
        for k in range(2)
    ]  # fmt: skip
    return Layout("hall", 4.6 + 0.6 * half, 5.0, 3.0, tuple(places), tuple(units))


def seen_of(plant: Plant, **changes: Any) -> Seen:
    """What is measured in a plant now."""
    readings = plant.read()
    known: dict[str, Any] = {
        "time_s": plant.time_s,
        "inlet": np.stack([readings.bottom_temperature[0], readings.top_temperature[0]]),
        "power": readings.power[0],
        "setpoint": readings.setpoint[0],
        "fan": readings.fan[0] / 100.0,
        "capacity": np.ones(len(plant.layout.units)),
        "unit_flow": readings.unit_airflow[0],
    }
    return Seen(**{**known, **changes})


def things_of(plant: Plant, now: int = NOW, **optimisation: Any) -> list[dict[str, Any]]:
    """The plant as twins show it."""
    readings, layout = plant.read(), plant.layout
    room: dict[str, Any] = {
        "thingId": f"{SITE}:room-hall",
        "attributes": {"location": "hall", "width": layout.width_m, "depth": layout.depth_m, "height": 3.0},
        "features": {"optimisation": optimisation},
    }
    things = [room]
    for n, rack in enumerate(layout.racks):
        columns = {"bottom": readings.bottom_temperature, "top": readings.top_temperature}
        features: dict[str, Any] = {
            f"environment.{place}": {"properties": {"temperature": float(column[0, n]), "observedAt": now}}
            for place, column in columns.items()
        }
        features["power"] = {"properties": {"power": float(readings.power[0, n]), "observedAt": now}}
        attributes = {
            "location": "hall", "row": rack.row, "position": {"x": rack.x, "y": rack.y, "yawDeg": rack.yaw_deg},
            "availablePower": rack.power_capacity_w, "ashraeClass": "A2",
        }  # fmt: skip
        things.append({"thingId": rack.id, "attributes": attributes, "features": features})
    for m, unit in enumerate(layout.units):
        air = {
            "supplyTemperature": float(readings.supply[0, m]), "returnTemperature": float(readings.return_[0, m]),
            "airflow": float(readings.unit_airflow[0, m]), "observedAt": now,
        }  # fmt: skip
        control = {
            "setpoint": float(readings.setpoint[0, m]), "fanSpeed": float(readings.fan[0, m]), "mode": "mpc",
            "observedAt": now,
        }  # fmt: skip
        attributes = {
            "location": "hall", "position": {"x": unit.x, "y": unit.y}, "capacity": unit.capacity_w,
            "ratedAirflow": unit.airflow_m3s, "fanPower": unit.fan_power_w,
        }  # fmt: skip
        features = {"air": {"properties": air}, "control": {"properties": control}}
        things.append({"thingId": unit.id, "attributes": attributes, "features": features})
    return things
