"""The features and properties a twin may carry: unit, physical range, cadence, where each is stored.

Pure data, and the one source: ingest validates against it, historian takes measurements from it, the
Thing Models in ``thing-definitions/`` are generated from it. Units are UCUM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

Cadence = Literal["critical", "slow", "event"]
ValueType = Literal["number", "integer", "string", "boolean", "object"]


@dataclass(frozen=True, slots=True)
class Property:
    """One measured or derived quantity.

    ``low`` and ``high`` bound what is physically possible (not what is healthy): outside them a reading is
    refused. ``derived`` properties are computed by us and refused from devices.
    """

    name: str
    unit: str | None
    title: str
    low: float | None = None
    high: float | None = None
    type: ValueType = "number"
    derived: bool = False
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feature:
    """One concern of a thing: a Ditto feature, and a measurement in InfluxDB."""

    name: str
    title: str
    kinds: tuple[str, ...]
    measurement: str
    cadence: Cadence
    properties: tuple[Property, ...]
    # Features that devices may report; the others are written by our own processes.
    reported: bool = True
    # A family stands for every feature whose name begins with ``<name>.``: one per model, one per scenario.
    family: bool = False
    by_name: dict[str, Property] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {p.name: p for p in self.properties})


def _temperature(name: str, title: str, low: float = -40.0, high: float = 125.0) -> Property:
    return Property(name, "Cel", title, low, high)


def _percent(name: str, title: str, high: float = 100.0) -> Property:
    return Property(name, "%", title, 0.0, high)


def _count(name: str, title: str) -> Property:
    return Property(name, "1", title, 0.0, 1e12, type="integer")


_ENVIRONMENT = (
    _temperature("temperature", "Dry-bulb air temperature", -40.0, 85.0),
    Property("relativeHumidity", "%", "Relative humidity", 0.0, 100.0),
    # What air between the bounds above can have: as hot as the air, or near Magnus' -243 °C when almost dry. A narrower
    # range would make Ditto refuse the whole merge of an extreme but valid reading.
    Property("dewPoint", "Cel", "Dew point", -250.0, 85.0, derived=True),
)
_POWER = (
    Property("power", "W", "Active power", 0.0, 1e6),
    Property("energy", "kW.h", "Energy since the meter began", 0.0, 1e9),
    Property("allocatedDraw", "W", "Power allocated to the servers", 0.0, 1e6),
    _percent("utilization", "Power as a share of what is available", 1000.0),
    Property("powerA", "W", "Active power on feed A", 0.0, 1e6),
    Property("powerB", "W", "Active power on feed B", 0.0, 1e6),
    Property("voltageA", "V", "Voltage of feed A", 0.0, 1000.0),
    Property("voltageB", "V", "Voltage of feed B", 0.0, 1000.0),
    Property("currentA", "A", "Current on feed A", 0.0, 10000.0),
    Property("currentB", "A", "Current on feed B", 0.0, 10000.0),
)
_BYTES = 1e18

FEATURES: Final[tuple[Feature, ...]] = (
    *(
        Feature(
            f"environment.{place}",
            f"Air at the rack's {title}",
            ("rack",),
            "environment",
            "critical",
            _ENVIRONMENT,
        )
        for place, title in (
            ("bottom", "front, bottom"),
            ("middle", "front, middle"),
            ("top", "front, top"),
            ("rear-bottom", "rear, bottom"),
            ("rear-middle", "rear, middle"),
            ("rear-top", "rear, top"),
        )
    ),
    Feature("environment", "Air in the room", ("room",), "environment", "critical", _ENVIRONMENT),
    Feature("power", "Electrical power", ("rack", "server", "pdu"), "power", "critical", _POWER),
    Feature(
        "power",
        "Electrical power and cooling effect",
        ("cooling",),
        "power",
        "critical",
        (
            *_POWER,
            Property("heatRemoved", "W", "Heat removed by the cooling unit", 0.0, 1e7),
            Property("cop", "1", "Coefficient of performance", 0.0, 100.0),
        ),
    ),
    Feature(
        "cooling",
        "Airflow and cooling of the rack",
        ("rack",),
        "cooling",
        "critical",
        (
            Property("airflow", "m3/s", "Volume flow through the rack", 0.0, 100.0),
            Property("deltaT", "K", "Outlet minus inlet temperature", -50.0, 100.0),
            Property("supplyFraction", "1", "Share of the inlet air that is supply air", 0.0, 1.0),
            _percent("coolingUtilization", "Heat as a share of the cooling capacity", 1000.0),
        ),
    ),
    Feature(
        "cpu",
        "Processors",
        ("server",),
        "cpu",
        "critical",
        (
            _percent("utilization", "Time not idle"),
            Property("frequency", "Hz", "Current clock frequency", 0.0, 1e11),
            Property("loadAverage", "1", "Load average over one minute", 0.0, 1e6),
        ),
    ),
    Feature(
        "memory",
        "Main memory",
        ("server",),
        "memory",
        "critical",
        (
            Property("used", "By", "Used", 0.0, _BYTES),
            Property("total", "By", "Installed", 0.0, _BYTES),
            _percent("utilization", "Used as a share of installed"),
        ),
    ),
    Feature(
        "disk",
        "Storage",
        ("server",),
        "disk",
        "critical",
        (
            Property("readBytes", "By/s", "Read rate", 0.0, _BYTES),
            Property("writeBytes", "By/s", "Write rate", 0.0, _BYTES),
            _percent("ioTime", "Time with I/O in progress"),
            Property("used", "By", "Used", 0.0, _BYTES),
            Property("total", "By", "Size", 0.0, _BYTES),
            _percent("utilization", "Used as a share of size"),
        ),
    ),
    # One for each disk, ``drive.<name>``; on the twin they stand together in ``drives`` (see `racktwin.drives`). Names
    # are those of smartctl and NVMe's log; the number is ATA's attribute.
    Feature(
        "drive",
        "One disk, as its SMART attributes tell",
        ("server",),
        "smart",
        "slow",
        (
            Property("serial", None, "Serial number", type="string"),
            Property("model", None, "Model", type="string"),
            Property("mediaType", None, "What it stores on", type="string", enum=("HDD", "SSD")),
            Property("health", None, "What it says of itself as a whole", type="string", enum=("passed", "failed")),
            Property("capacity", "By", "Size", 0.0, _BYTES),
            _temperature("temperature", "Temperature of the disk", -40.0, 150.0),
            Property("powerOnHours", "h", "Time it was powered", 0.0, 1e6),
            _count("reallocatedSectors", "Sectors that were reallocated (5)"),
            _count("reportedUncorrectable", "Errors that could not be corrected, as told to the host (187)"),
            _count("commandTimeouts", "Commands that timed out (188)"),
            _count("pendingSectors", "Sectors that wait to be reallocated (197)"),
            _count("offlineUncorrectable", "Sectors that could not be read when it tested itself (198)"),
            _count("mediaErrors", "Errors of the medium (NVMe), or not corrected (SCSI)"),
            _percent("percentageUsed", "Rated writes that are used up; a disk may outlive them", 255.0),
            _percent("availableSpare", "Spare blocks that are left"),
            _percent("availableSpareThreshold", "Spare below which the disk warns"),
            Property("criticalWarning", "1", "NVMe's warnings, a sum of bits", 0.0, 255.0, type="integer"),
        ),
        family=True,
    ),
    Feature(
        "network",
        "Network interfaces",
        ("server",),
        "network",
        "critical",
        (
            Property("rx", "By/s", "Receive rate", 0.0, _BYTES),
            Property("tx", "By/s", "Transmit rate", 0.0, _BYTES),
        ),
    ),
    Feature(
        "thermal",
        "Temperatures inside the server",
        ("server",),
        "thermal",
        "critical",
        (
            _temperature("cpuTemperature", "Processor temperature", -40.0, 150.0),
            _temperature("inletTemperature", "Inlet air temperature"),
            _temperature("exhaustTemperature", "Exhaust air temperature"),
        ),
    ),
    Feature(
        "fans",
        "Fans of the server",
        ("server",),
        "thermal",
        "critical",
        (
            Property("fanSpeed", "{rev}/min", "Rotational speed", 0.0, 1e5),
            _percent("fanSpeedPercent", "Speed as a share of full speed"),
        ),
    ),
    Feature(
        "experiment",
        "A deliberate load on the server",
        ("server",),
        "score",
        "event",
        (
            Property("annotation", None, "What is being tried", type="string"),
            Property("stressor", None, "What makes the load", type="string"),
            _percent("level", "Highest level of the load"),
            Property("startedAt", "ms", "Start, epoch milliseconds UTC", 0.0, 1e15, type="integer"),
            # It stands until the next load ends: one that began after it is running.
            Property("stoppedAt", "ms", "End of the last one, epoch milliseconds UTC", 0.0, 1e15, type="integer"),
        ),
    ),
    Feature(
        "air",
        "Air through the cooling unit",
        ("cooling",),
        "cooling",
        "critical",
        (
            _temperature("supplyTemperature", "Supply air temperature", -40.0, 85.0),
            _temperature("returnTemperature", "Return air temperature", -40.0, 85.0),
            Property("supplyHumidity", "%", "Relative humidity of the supply air", 0.0, 100.0),
            Property("airflow", "m3/s", "Volume flow", 0.0, 1000.0),
        ),
    ),
    Feature(
        "control",
        "Set-points of the cooling unit",
        ("cooling",),
        "cooling",
        "event",
        (
            Property("setpoint", "Cel", "Supply air set-point", 0.0, 50.0),
            _percent("fanSpeed", "Fan speed"),
            Property("mode", None, "Who controls the unit", type="string", enum=("auto", "manual", "mpc")),
        ),
    ),
)

# Properties that every live feature carries beside its own.
COMMON: Final[tuple[Property, ...]] = (
    Property(
        "quality",
        None,
        "How far to trust the values",
        type="string",
        enum=("good", "stale", "estimated", "faulty"),
        derived=True,
    ),
    Property("observedAt", "ms", "Time of the observation, epoch milliseconds UTC", type="integer", derived=True),
)

_BY_KIND: Final[dict[str, dict[str, Feature]]] = {}
for _feature in FEATURES:
    for _kind in () if _feature.family else _feature.kinds:
        _BY_KIND.setdefault(_kind, {})[_feature.name] = _feature

# Sensor names as the Rack resource allows them.
_SENSOR: Final = re.compile(r"^environment\.([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$")
# Disks as their system or their controller names them.
_DRIVE: Final = re.compile(r"^drive\.([A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}))$")
_DRIVES: Final = next(feature for feature in FEATURES if feature.name == "drive")

# Spellings that devices commonly use, per property they mean.
ALIASES: Final[dict[str, str]] = {
    "humidity": "relativeHumidity",
    "rh": "relativeHumidity",
    "temp": "temperature",
    "activePower": "power",
}


def features_of(kind: str) -> dict[str, Feature]:
    """Features that a thing of this kind may carry, by name (empty for a kind without telemetry)."""
    return _BY_KIND.get(kind, {})


def feature_of(kind: str, name: str) -> Feature | None:
    """One feature of a kind, or None. A rack's sensors are named by its owner, ``environment.<sensor>``, and a server's
    disks by the server, ``drive.<disk>``."""
    found = _BY_KIND.get(kind, {}).get(name)
    if found is None and kind == "rack":
        return _named_sensor(name)
    if found is None and kind == "server":
        return _named_drive(name)
    return found


@lru_cache(maxsize=4096)
def _named_sensor(name: str) -> Feature | None:
    match = _SENSOR.fullmatch(name)
    if match is None:
        return None
    return Feature(name, f"Air at the rack's sensor {match[1]}", ("rack",), "environment", "critical", _ENVIRONMENT)


@lru_cache(maxsize=4096)
def _named_drive(name: str) -> Feature | None:
    match = _DRIVE.fullmatch(name)
    return None if match is None else replace(_DRIVES, name=name, title=f"Disk {match[1]}", family=False)


def property_names() -> Iterator[tuple[str, str]]:
    """Every (feature, property) pair that the catalogue lets a device report or us derive from its reports."""
    for feature in FEATURES:
        for prop in feature.properties:
            yield feature.name, prop.name
