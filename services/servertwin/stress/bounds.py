"""What a load may take on this machine: the lesser of what is asked for and what the limits leave. Pure.

Next: :mod:`servertwin.stress.crew`, which starts workers with these bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from servertwin.config import Kind, Limits, Stress
from servertwin.failures import Failure


@dataclass(frozen=True, slots=True)
class Machine:
    """What bounds depend on; bytes, and numbers of the cores that may be used."""

    cores: tuple[int, ...]
    memory_total: int
    disk_free: int


@dataclass(frozen=True, slots=True)
class Load:
    """One stressor: its level (%), how long (s), and, for processors, on how many cores (all when None)."""

    kind: Kind
    level: float
    duration: float
    cores: int | None = None


def checked(load: Load, limits: Limits) -> Load:
    """The load itself.

    Raises:
        Failure: it is more than the limits allow.
    """
    if not 0 < load.level <= limits.level:
        raise Failure(
            f"level {load.level:g} % of {load.kind}: expected above 0 and up to {limits.level:g}",
            "ask for less, or raise stress.limits.level in config.yaml",
        )
    if not 0 < load.duration <= limits.duration:
        raise Failure(
            f"duration {load.duration:g} s: expected above 0 and up to {limits.duration:g}",
            "ask for less, or raise stress.limits.duration in config.yaml",
        )
    return load


def orders(load: Load, settings: Stress, machine: Machine, folder: str) -> list[dict[str, Any]]:
    """What each worker is told: one for each core, or one for all.

    Raises:
        Failure: the load is more than the limits allow, or the machine cannot bear it.
    """
    limits = settings.limits
    checked(load, limits)
    share = load.level / 100.0
    common: dict[str, Any] = {"kind": load.kind, "duration": load.duration, "niceness": settings.niceness}
    if load.kind == "cpu":
        cores = machine.cores if load.cores is None else machine.cores[: load.cores]
        if load.cores is not None and load.cores > len(machine.cores):
            raise Failure(f"cores {load.cores}: this machine lets us use {len(machine.cores)}", "ask for fewer --cores")
        return [{**common, "share": share, "core": core} for core in cores]
    if load.kind == "memory":
        reserve = max(limits.reserve, math.ceil(machine.memory_total * limits.reserve_share / 100.0))
        wanted = int(machine.memory_total * share)
        if limits.memory is not None:
            wanted = min(wanted, limits.memory)
        return [{**common, "bytes": wanted, "reserve": reserve}]
    if load.kind == "disk":
        file_bytes = min(limits.disk_file, limits.disk_budget, machine.disk_free - limits.disk_reserve)
        if file_bytes < 1 << 20:
            raise Failure(
                f"disk: {machine.disk_free >> 20} MiB are free and {limits.disk_reserve >> 20} stay free",
                "name another stress.folder in config.yaml, or lower stress.limits.diskReserve",
            )
        return [
            {
                **common, "rate": settings.disk_rate * share, "file": file_bytes, "budget": limits.disk_budget,
                "reserve": limits.disk_reserve, "folder": folder,
            }
        ]  # fmt: skip
    return [{**common, "rate": settings.network_rate * share}]
