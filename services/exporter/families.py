"""Which property of a twin is which metric: names with units as OpenMetrics has them, base units, labels. Pure data.

Series per twin, which is the exporter's cardinality: a rack with two sensors 21 (info, 3 for each sensor and its
prediction, power 4, air 2, index, state 3, age, anomaly), a cooling unit 11, a server 11, a room 6, and one for each
open alert. 10,000 racks are 210,000 series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

_J_PER_KWH: Final = 3.6e6
_PERCENT: Final = 0.01

Type = Literal["gauge", "counter", "stateset", "info"]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: `name` ends with `unit` where it has one; a counter's samples end with _total besides."""

    name: str
    help: str
    unit: str = ""
    type: Type = "gauge"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a family's value is on twins of a kind. `feature` ending with a dot stands for every feature that begins
    so, and the rest becomes the label `place`. The value is multiplied by `factor`, or divided where that is exact
    (percent)."""

    kind: str
    feature: str
    prop: str
    family: Family
    factor: float = 1.0

    def scaled(self, value: float) -> float:
        """The value in the family's unit."""
        return value / 100 if self.factor == _PERCENT else value * self.factor


def _ratio(name: str, text: str) -> Family:
    return Family(f"racktwin_{name}_ratio", text, "ratio")


def _watts(name: str, text: str) -> Family:
    return Family(f"racktwin_{name}_watts", text, "watts")


def _celsius(name: str, text: str) -> Family:
    return Family(f"racktwin_{name}_celsius", text, "celsius")


def _airflow(name: str, text: str) -> Family:
    return Family(f"racktwin_{name}_cubic_meters_per_second", text, "cubic_meters_per_second")


INLET: Final = _celsius("rack_inlet_temperature", "Air at the rack's front, by sensor.")
EXHAUST: Final = _celsius("rack_exhaust_temperature", "Air at the rack's rear, by sensor.")
PREDICTED: Final = _celsius(
    "rack_inlet_temperature_predicted", "Inlet temperature that the model expects, by sensor and horizon (s)."
)
ASHRAE: Final = Family("racktwin_rack_ashrae_state", "Inlet against the ASHRAE class of the rack.", type="stateset")
STATES: Final = ("recommended", "allowable", "out")
INFO: Final[dict[str, Family]] = {
    kind: Family(f"racktwin_{kind}", f"What a {kind} is called elsewhere; 1.", type="info")
    for kind in ("rack", "room", "cooling", "server")
}
AGE: Final[dict[str, Family]] = {
    kind: Family(
        f"racktwin_{kind}_observed_timestamp_seconds", f"Newest observation on the twin of the {kind}.", "seconds"
    )
    for kind in ("rack", "room", "cooling", "server")
}
CAPACITY: Final = _watts("rack_power_capacity", "Power that may be drawn.")
TWINS: Final = Family("racktwin_twins", "Twins that are known, by kind.")
ALERT: Final = Family("racktwin_alert_open", "Alerts that fire now; 1.")

SOURCES: Final[tuple[Source, ...]] = (
    Source("rack", "environment.", "temperature", INLET),
    Source(
        "rack",
        "environment.",
        "relativeHumidity",
        _ratio("rack_inlet_relative_humidity", "Relative humidity at the rack's front, by sensor."),
        _PERCENT,
    ),
    Source(
        "rack",
        "environment.",
        "dewPoint",
        _celsius("rack_inlet_dew_point", "Dew point at the rack's front, by sensor."),
    ),
    Source("rack", "power", "power", _watts("rack_power", "Power of the rack.")),
    Source(
        "rack",
        "power",
        "energy",
        Family("racktwin_rack_energy_joules", "Energy since the meter began.", "joules", "counter"),
        _J_PER_KWH,
    ),
    Source("rack", "power", "utilization", _ratio("rack_power_utilization", "Power as a share of capacity."), _PERCENT),
    Source("rack", "cooling", "airflow", _airflow("rack_airflow", "Air through the rack.")),
    Source(
        "rack",
        "cooling",
        "deltaT",
        Family("racktwin_rack_temperature_rise_kelvin", "Outlet minus inlet temperature.", "kelvin"),
    ),
    Source("rack", "indices", "shi", _ratio("rack_supply_heat_index", "Supply heat index of the rack.")),
    Source("rack", "anomaly", "score", _ratio("rack_anomaly_score", "Anomaly score; 1 is most unusual.")),
    Source("cooling", "air", "supplyTemperature", _celsius("cooling_supply_temperature", "Supply air.")),
    Source("cooling", "air", "returnTemperature", _celsius("cooling_return_temperature", "Return air.")),
    Source("cooling", "air", "airflow", _airflow("cooling_airflow", "Air through the cooling unit.")),
    Source("cooling", "control", "setpoint", _celsius("cooling_setpoint", "Set-point of the supply air.")),
    Source(
        "cooling", "control", "fanSpeed", _ratio("cooling_fan_speed", "Fan speed as a share of full speed."), _PERCENT
    ),
    Source("cooling", "power", "power", _watts("cooling_power", "Power of the cooling unit.")),
    Source("cooling", "power", "heatRemoved", _watts("cooling_heat_removed", "Heat that the cooling unit removes.")),
    Source("cooling", "power", "cop", _ratio("cooling_performance", "Heat removed over power (COP).")),
    Source("cooling", "anomaly", "score", _ratio("cooling_anomaly_score", "Anomaly score; 1 is most unusual.")),
    Source("room", "indices", "rciHi", _ratio("room_rack_cooling_index_high", "RCI high; 1 is ideal."), _PERCENT),
    Source("room", "indices", "rciLo", _ratio("room_rack_cooling_index_low", "RCI low; 1 is ideal."), _PERCENT),
    Source("room", "indices", "rti", _ratio("room_return_temperature_index", "RTI; 1 is balanced."), _PERCENT),
    Source("room", "indices", "powerUsageRatio", _ratio("room_power_usage", "Total power over IT power now; no PUE.")),
    Source("server", "cpu", "utilization", _ratio("server_cpu_utilization", "Processors' time not idle."), _PERCENT),
    Source("server", "memory", "used", Family("racktwin_server_memory_used_bytes", "Memory in use.", "bytes")),
    Source("server", "memory", "total", Family("racktwin_server_memory_total_bytes", "Memory installed.", "bytes")),
    Source("server", "thermal", "cpuTemperature", _celsius("server_cpu_temperature", "Processor temperature.")),
    Source("server", "thermal", "inletTemperature", _celsius("server_inlet_temperature", "Inlet air of the server.")),
    Source("server", "thermal", "exhaustTemperature", _celsius("server_exhaust_temperature", "Exhaust air.")),
    Source("server", "power", "power", _watts("server_power", "Power of the server.")),
    Source(
        "server",
        "fans",
        "fanSpeed",
        Family("racktwin_server_fan_speed_revolutions_per_minute", "Fan speed.", "revolutions_per_minute"),
    ),
    Source("server", "anomaly", "score", _ratio("server_anomaly_score", "Anomaly score; 1 is most unusual.")),
)
