"""Whether a profile is as large as `racktwin size` says for the load that it names. Pure; each finding is one line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from racktwin_cli.size.estimate import Load, Size, estimate

_UNITS: Final = {"Mi": 1 / 1024, "Gi": 1.0, "Ti": 1024.0}
_DITTO: Final = ("policies", "things", "thingsSearch", "connectivity", "gateway")


def gib(quantity: str) -> float:
    """GiB of a Kubernetes quantity such as 640Mi."""
    match = re.fullmatch(r"([\d.]+)(Mi|Gi|Ti)", quantity)
    if match is None:
        raise ValueError(f"{quantity!r}: expected Mi, Gi or Ti")
    return float(match[1]) * _UNITS[match[2]]


def cores(quantity: str) -> float:
    """Cores of a Kubernetes quantity such as 250m."""
    text = str(quantity)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def load_of(size: Mapping[str, Any]) -> Load:
    """The load that a profile names."""
    return Load(
        racks=size["racks"],
        sensors=size["sensors"],
        interval_s=size["intervalSeconds"],
        replication=size["replication"],
        retention_h=size["retentionHours"],
        ditto_cores=size["dittoCores"],
    )


def findings(values: Mapping[str, Any]) -> list[str]:
    """What is too small in a profile, whose values are given with the defaults below them."""
    load = load_of(values["size"])
    size = estimate(load)
    external = values["global"]["external"]
    wrong = _pipeline(values, size)
    if not external["kafka"]["bootstrap"]:
        wrong += _kafka(values["kafka"], load, size)
    if not external["ditto"]["url"]:
        wrong += _ditto(values, load, size)
    if not external["hono"]["mqttHost"] and values["hono"]["mqtt"]["replicas"] < size.hono_adapter_cores:
        wrong.append(f"hono.mqtt.replicas: {size.hono_adapter_cores} needed")
    if not external["influxdb"]["url"]:
        needed = size.influx_raw_gib + size.influx_downsampled_gib
        if gib(values["influxdb"]["persistence"]["size"]) < needed:
            wrong.append(f"influxdb.persistence.size: {needed:.0f}Gi needed")
    return wrong


def _pipeline(values: Mapping[str, Any], size: Size) -> list[str]:
    pipeline = values["pipeline"]
    wrong = [
        f"pipeline.{name}.replicas: {needed} needed"
        for name, needed in (("ingest", size.ingest_replicas), ("historian", size.historian_replicas))
        if pipeline[name]["replicas"] < needed
    ]
    wished = int((pipeline["ingest"]["env"] or {}).get("RACKTWIN_TWIN_INTERVAL_CRITICAL_MS", 1000))
    if wished < math.floor(size.twin_interval_s * 1000 / 100) * 100:
        wrong.append(f"RACKTWIN_TWIN_INTERVAL_CRITICAL_MS: {size.twin_interval_s * 1000:.0f} is what Ditto takes")
    return wrong


def _kafka(kafka: Mapping[str, Any], load: Load, size: Size) -> list[str]:
    wrong = []
    if kafka["replicas"] < load.replication:
        wrong.append(f"kafka.replicas: {load.replication} needed")
    disk = gib(kafka["persistence"]["size"]) * kafka["replicas"]
    if disk < size.kafka_disk_gib:
        wrong.append(f"kafka.persistence.size: {size.kafka_disk_gib / kafka['replicas']:.0f}Gi needed")
    if kafka["heapMb"] / 1024 >= gib(kafka["resources"]["limits"]["memory"]):
        wrong.append("kafka.heapMb: more than the memory limit")
    return wrong


def _ditto(values: Mapping[str, Any], load: Load, size: Size) -> list[str]:
    ditto = values["ditto"]
    parts = [(ditto[name]["replicas"], ditto[name]["resources"]) for name in _DITTO]
    parts.append((1, values["mongodb"]["resources"]))
    wrong = []
    memory = sum(replicas * gib(resources["limits"]["memory"]) for replicas, resources in parts)
    if memory < size.ditto_memory_gib:
        wrong.append(f"ditto and mongodb: {memory:.1f} of {size.ditto_memory_gib:.0f} GiB")
    requested = sum(replicas * cores(resources["requests"]["cpu"]) for replicas, resources in parts)
    # One machine shares its cores; a site must have them.
    if load.replication > 1 and requested < load.ditto_cores:
        wrong.append(f"ditto and mongodb: {requested:.1f} of {load.ditto_cores} cores requested")
    if ditto["throttlePerSecond"] > size.ditto_throttle_per_s:
        wrong.append(f"ditto.throttlePerSecond: {size.ditto_throttle_per_s} is what these cores take")
    return wrong
