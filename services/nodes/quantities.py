"""Kubernetes quantities as numbers, and Prometheus text as samples. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_QUANTITY: Final = re.compile(r"^([+-]?[0-9]*\.?[0-9]+)([a-zA-Z]*)$")
_EXPONENT: Final = re.compile(r"^[+-]?[0-9]*\.?[0-9]+[eE][+-]?[0-9]+$")
_SUFFIXES: Final = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def quantity(text: str) -> float:
    """A quantity such as 250m, 16Gi, 1e3.

    Raises:
        ValueError: it is none.
    """
    if _EXPONENT.match(text):
        return float(text)
    match = _QUANTITY.match(text)
    if match is None or match[2] not in _SUFFIXES:
        raise ValueError(f"quantity {text!r}: expected a number with n, u, m, k, M, G, Ki, Mi, Gi, ...")
    return float(match[1]) * _SUFFIXES[match[2]]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was measured of a node. `cpu_cores` is a rate; `cpu_seconds` a counter of which two make one. Time in epoch
    milliseconds."""

    at: int
    cpu_cores: float | None = None
    cpu_seconds: float | None = None
    memory_bytes: float | None = None


def resource_metrics(text: str, now_ms: int) -> Usage:
    """A kubelet's /metrics/resource: the node's own CPU time and working set.

    Raises:
        ValueError: it is no text of Prometheus', or has neither.
    """
    found: dict[str, tuple[float, int]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in {"node_cpu_usage_seconds_total", "node_memory_working_set_bytes"}:
                at = now_ms if sample.timestamp is None else round(float(sample.timestamp) * 1000)
                if math.isfinite(sample.value):
                    found[sample.name] = (float(sample.value), at)
    cpu, memory = found.get("node_cpu_usage_seconds_total"), found.get("node_memory_working_set_bytes")
    if cpu is None and memory is None:
        raise ValueError("neither node_cpu_usage_seconds_total nor node_memory_working_set_bytes")
    return Usage(
        at=(cpu or memory or (0, now_ms))[1],
        cpu_seconds=cpu[0] if cpu else None,
        memory_bytes=memory[0] if memory else None,
    )
