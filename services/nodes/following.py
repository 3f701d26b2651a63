"""Which server follows which node, and what a node's usage is as a server's readings. Pure. Next: `nodes.uplink`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nodes.quantities import Usage

Values = dict[tuple[str, str], float]

# What the metrics of a cluster have not, of what a server's twin can show.
LACKING: Final = ("power", "thermal", "fans", "disk", "network")


@dataclass(frozen=True, slots=True)
class Node:
    """A node's size."""

    cores: float
    memory_bytes: float


@dataclass(frozen=True, slots=True)
class Following:
    """Servers by the node that each follows, and what is wrong with the rest."""

    servers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def following(racks: Iterable[Mapping[str, Any]], nodes: Mapping[str, Node]) -> Following:
    """What the Racks of a site say."""
    found: dict[str, str] = {}
    problems = []
    for rack in sorted(racks, key=lambda rack: str(rack["metadata"]["name"])):
        for server in rack["spec"].get("servers") or ():
            node = server.get("followsNode")
            if not node:
                continue
            where = f"server {server['name']} of rack {rack['metadata']['name']}"
            if node not in nodes:
                problems.append(f"{where}: followsNode: the cluster has no node {node}")
            elif node in found:
                problems.append(f"{where}: followsNode: {node} is followed by server {found[node]} already")
            else:
                found[node] = str(server["name"])
    return Following(found, tuple(problems))


class Rates:
    """Readings from usages; CPU time of a kubelet needs the one before."""

    def __init__(self) -> None:
        self._last: dict[str, Usage] = {}

    def readings(self, name: str, node: Node, usage: Usage) -> Values:
        """What is new of a node; nothing where the same sample comes again, as it does between two of the cluster's own
        measurements."""
        before = self._last.get(name)
        if before is not None and usage.at <= before.at:
            return {}
        self._last[name] = usage
        values: Values = {}
        cores = usage.cpu_cores
        if cores is None and usage.cpu_seconds is not None and before is not None and before.cpu_seconds is not None:
            used = usage.cpu_seconds - before.cpu_seconds
            # A counter that went back began anew with its node.
            cores = used / ((usage.at - before.at) / 1000) if used >= 0 else None
        if cores is not None and node.cores > 0:
            values["cpu", "utilization"] = round(min(100.0, 100 * cores / node.cores), 3)
        if usage.memory_bytes is not None:
            values["memory", "used"] = usage.memory_bytes
            values["memory", "total"] = node.memory_bytes
            if node.memory_bytes > 0:
                values["memory", "utilization"] = round(min(100.0, 100 * usage.memory_bytes / node.memory_bytes), 3)
        return values

    def keep(self, names: Iterable[str]) -> None:
        """Forget nodes that nobody follows."""
        wanted = set(names)
        self._last = {name: usage for name, usage in self._last.items() if name in wanted}
