"""What a node's launcher is told: plain data in one JSON file. Written by `cluster.nodes`, read by `launch`."""

import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class NodeProgram:
    """A program on the node, kept running."""

    name: str
    argv: tuple[str, ...]
    log: str
    after: str = ""
    """A file that must exist before it starts."""


@dataclasses.dataclass(frozen=True)
class NodeSpec:
    """Everything a node is made of."""

    name: str
    cgroup: str
    bridge: str
    link: str
    address: str
    """With its prefix length."""
    gateway: str
    routes: tuple[tuple[str, str], ...]
    """(network, next hop)"""
    hidden: tuple[str, ...]
    """Folders of the host that the node covers with empty ones of its own."""
    kernel_settings: tuple[tuple[str, str], ...]
    """(file below /proc/sys, file that is seen in its place)"""
    path: str
    programs: tuple[NodeProgram, ...]

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1)


def load(file: Path) -> NodeSpec:
    """Read what `dump` wrote."""
    data = json.loads(file.read_text(encoding="utf-8"))
    programs = tuple(
        NodeProgram(item["name"], tuple(item["argv"]), item["log"], item["after"]) for item in data.pop("programs")
    )
    pairs = {name: tuple((a, b) for a, b in data.pop(name)) for name in ("routes", "kernel_settings")}
    return NodeSpec(**{**data, **pairs, "hidden": tuple(data["hidden"]), "programs": programs})
