"""Where a cluster keeps its state: `clusters/<name>` below the home folder, with secrets, certificates and logs.

It is an instance as the local stack's are, in another folder, so that supervision and certificates serve both.
"""

import dataclasses
import fcntl
import ipaddress
import json
import re
import subprocess
from pathlib import Path

from cluster.plan import MAX_INDEX, Plan
from local_stack import paths
from local_stack.instance import Instance, write_private

_NAME = re.compile(r"[a-z][a-z0-9-]{0,20}")
# What a node hides behind file systems of its own; state that lies below would be hidden too.
_HIDDEN = ("/run", "/var/run", "/var/lib", "/var/log")


def clusters_dir() -> Path:
    """All clusters."""
    return paths.home() / "clusters"


@dataclasses.dataclass(frozen=True)
class Place(Instance):
    """A cluster on disk. `port_base` has no meaning: clusters have addresses of their own instead."""

    plan: Plan = dataclasses.field(default_factory=lambda: Plan(0))

    @classmethod
    def open(cls, name: str, nodes: int | None = None) -> "Place":
        """Open the cluster `name`; the first time, choose addresses for it and remember them.

        Raises:
            ValueError: the name or the home folder cannot be used.
            RuntimeError: all addresses are taken.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"cluster name {name!r}: lower-case letters, digits and dashes, at most 21")
        folder = clusters_dir() / name
        if any(folder.is_relative_to(hidden) for hidden in _HIDDEN):
            raise ValueError(f"RACKTWIN_HOME is {paths.home()}: clusters cannot keep state below {', '.join(_HIDDEN)}")
        file = folder / "cluster.json"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            index = known["index"] if known else choose_index(_taken(), host_networks())
            plan = Plan(index, nodes or known.get("nodes") or 2)
            place = cls(name, 0, plan)
            if known != place._description():
                place.keep()
        return place

    def _description(self) -> dict[str, int]:
        return {"index": self.plan.index, "nodes": self.plan.count}

    def keep(self) -> None:
        """Remember the addresses on disk, also after the folder was removed."""
        write_private(self.folder / "cluster.json", json.dumps(self._description()))

    @property
    def folder(self) -> Path:
        """Everything of this cluster."""
        return clusters_dir() / self.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def registry_dir(self) -> Path:
        """Images, shared by all clusters of this home."""
        return clusters_dir() / "images"

    @property
    def volumes_dir(self) -> Path:
        """Persistent volumes."""
        return self.folder / "volumes"

    def node_dir(self, node: str) -> Path:
        """State of a node; created."""
        folder = self.folder / "nodes" / node
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        return folder


def _taken() -> set[int]:
    taken = set()
    for file in clusters_dir().glob("*/cluster.json"):
        taken.add(int(json.loads(file.read_text(encoding="utf-8"))["index"]))
    return taken


def host_networks() -> list[str]:
    """Networks that this machine has routes to, as `ip route` names them."""
    answer = subprocess.run(["ip", "-4", "-json", "route"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return []
    return [str(route["dst"]) for route in json.loads(answer.stdout or "[]") if route["dst"] != "default"]


def choose_index(taken: set[int], networks: list[str]) -> int:
    """The first index that no cluster has and whose addresses lie in no network of the host.

    Raises:
        RuntimeError: there is none.
    """
    routed = [ipaddress.ip_network(network, strict=False) for network in networks]
    for index in range(MAX_INDEX + 1):
        plan = Plan(index)
        wanted = [ipaddress.ip_network(network) for network in (plan.network, plan.pods)]
        if index not in taken and not any(ours.overlaps(theirs) for ours in wanted for theirs in routed):
            return index
    raise RuntimeError("no free addresses for another cluster; remove one that is not needed with `make cluster-clean`")
