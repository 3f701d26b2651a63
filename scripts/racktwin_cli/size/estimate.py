"""Load -> size: readings per second, replicas, partitions, twin intervals, disk. Pure arithmetic.

Every result grows, or stays, when the load does (tested). Next: `racktwin_cli.size.command` prints it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from racktwin_cli.size import figures as f

GIB: Final = float(1 << 30)
_DAY_S: Final = 86_400
# Rates of the downsampled copies and how long each is kept: mean, lowest and highest of each value.
_AGGREGATES: Final = 3
# Partitions are raised and never lowered, so there are enough for this many times the replicas of today.
_GROWTH: Final = 2


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be carried. A sensor is one feature of a rack and gives one reading an interval."""

    racks: int
    sensors: int = 4
    interval_s: float = 1.0
    servers: int = 0
    server_features: int = 6
    server_interval_s: float = 1.0
    values: int = 3
    """Values in one reading; temperature and humidity give a dew point as well."""
    targets: int = 2
    """Predictions per rack and round."""
    prediction_interval_s: float = 10.0
    twin_interval_s: float = 1.0
    http: bool = False
    message_readings: int = 0
    """Readings in one device message; 0: all that a rack or server has at one time."""
    ditto_cores: int = 4
    retention_h: float = 24.0
    raw_days: float = 7.0
    minute_days: float = 90.0
    quarter_days: float = 5 * 365.0
    busy: float = 0.6
    """Share of a core, or of a part's measured rate, that is planned for."""
    replication: int = 3


@dataclass(frozen=True, slots=True)
class Size:
    """What carries it. Rates are per second; memory and disk in GiB."""

    readings_per_s: float
    values_per_s: float
    predictions_per_s: float
    messages_per_s: float
    ingest_replicas: int
    historian_replicas: int
    runner_replicas: int
    partitions: int
    hono_adapter_cores: int
    gateway_connections: int
    merges_wanted_per_s: float
    ditto_merges_per_s: float
    ditto_cores_for_interval: int
    twin_interval_s: float
    prediction_interval_s: float
    ditto_throttle_per_s: int
    ditto_memory_gib: float
    hono_memory_gib: float
    kafka_memory_gib: float
    kafka_disk_gib: float
    influx_lines_per_s: float
    influx_clients: int
    influx_series: int
    influx_raw_gib: float
    influx_downsampled_gib: float


def estimate(load: Load) -> Size:
    """The size for a load.

    Raises:
        ValueError: a number of the load is not one that can be carried (zero interval, no racks …).
    """
    _check(load)
    rack_readings = load.racks * load.sensors / load.interval_s
    servers = load.racks * load.servers
    server_readings = servers * load.server_features / load.server_interval_s
    readings = rack_readings + server_readings
    predictions = load.racks * load.targets / load.prediction_interval_s
    lines = readings + predictions

    ingest = _replicas(readings * f.INGEST_CPU.value / 1e6, load.busy)
    historian = _replicas(lines * f.HISTORIAN_CPU.value / 1e6, load.busy)
    runner = 0
    if load.targets:
        busy_cores = predictions / f.RUNNER_PREDICTIONS.value + readings * f.RUNNER_READING_CPU.value / 1e6
        runner = _replicas(busy_cores, load.busy)

    if load.message_readings:
        messages = readings / load.message_readings
    else:
        messages = load.racks / load.interval_s + servers / load.server_interval_s
    per_core = f.HONO_HTTP.value if load.http else f.HONO_MQTT.value

    twins = load.racks / max(load.twin_interval_s, load.interval_s)
    twins += servers / max(load.twin_interval_s, load.server_interval_s)
    # One merge per thing and round carries all of its predictions.
    wanted = twins + (load.racks / load.prediction_interval_s if load.targets else 0.0)
    takes = f.DITTO_MERGES.value * load.ditto_cores * load.busy
    wider = max(1.0, wanted / takes)

    series = load.racks * load.sensors * load.values + servers * load.server_features * load.values
    values = readings * load.values + predictions * 5
    copies = _DAY_S * (load.minute_days / 60 + load.quarter_days / 900) * _AGGREGATES * series
    value_bytes = f.INFLUX_VALUE_BYTES.value
    # Telemetry in and readings out are the two topics at full rate.
    stored = 2 * readings * f.RECORD_BYTES.value * load.retention_h * 3600 * load.replication
    return Size(
        readings_per_s=readings,
        values_per_s=values,
        predictions_per_s=predictions,
        messages_per_s=messages,
        ingest_replicas=ingest,
        historian_replicas=historian,
        runner_replicas=runner,
        partitions=max(3, _GROWTH * max(ingest, historian, runner)),
        hono_adapter_cores=_replicas(messages / per_core, load.busy),
        gateway_connections=_replicas(messages / f.HONO_CONNECTION.value, load.busy),
        merges_wanted_per_s=wanted,
        ditto_merges_per_s=takes,
        ditto_cores_for_interval=_replicas(wanted / f.DITTO_MERGES.value, load.busy),
        twin_interval_s=load.twin_interval_s * wider,
        prediction_interval_s=load.prediction_interval_s * wider,
        ditto_throttle_per_s=math.floor(takes),
        ditto_memory_gib=f.DITTO_MEMORY.value * math.ceil(load.ditto_cores / 4),
        hono_memory_gib=f.HONO_MEMORY.value,
        kafka_memory_gib=f.KAFKA_MEMORY.value * load.replication,
        kafka_disk_gib=stored / GIB,
        influx_lines_per_s=lines,
        influx_clients=_replicas(lines / f.INFLUX_LINES.value, load.busy),
        influx_series=series,
        influx_raw_gib=values * value_bytes * _DAY_S * load.raw_days / GIB,
        influx_downsampled_gib=copies * value_bytes / GIB,
    )


def _replicas(busy_cores: float, share: float) -> int:
    """How many take a load of that many whole cores (or clients), each at `share` of what it can."""
    # A hair over a whole number comes from binary fractions, not from load.
    return max(1, math.ceil(busy_cores / share - 1e-9))


def _check(load: Load) -> None:
    for name in ("racks", "sensors", "ditto_cores", "values", "replication", "server_features"):
        if getattr(load, name) < 1:
            raise ValueError(f"{name}: expected at least 1")
    for name in ("interval_s", "server_interval_s", "prediction_interval_s", "twin_interval_s"):
        if not getattr(load, name) > 0:
            raise ValueError(f"{name}: expected more than 0 seconds")
    for name in ("servers", "targets", "message_readings", "retention_h", "raw_days", "minute_days", "quarter_days"):
        if getattr(load, name) < 0:
            raise ValueError(f"{name}: expected at least 0")
    if not 0 < load.busy <= 1:
        raise ValueError("busy: expected more than 0 and at most 1")
