"""What a cluster needs of the machine: root, Linux, and a few system programs beside those of the local stack."""

import os
import shutil
import sys
from pathlib import Path

from cluster.shell import ClusterError
from local_stack.toolchain import prerequisites
from local_stack.toolchain.prerequisites import Requirement


def _program(name: str, why: str, package: str) -> Requirement:
    return Requirement(name, why, lambda: shutil.which(name) is not None, (package,))


REQUIREMENTS: tuple[Requirement, ...] = (
    _program("ip", "makes the nodes' network", "iproute2"),
    _program("iptables", "kube-proxy's rules, inside the nodes", "iptables"),
    _program("mount", "makes the nodes' file systems", "mount"),
    _program("nsenter", "looks into a node", "util-linux"),
    _program("runc", "starts containers", "runc"),
)


def explain_privilege(uid: int, platform: str) -> str | None:
    """Why this user or system cannot have a cluster; None when it can."""
    if not platform.startswith("linux"):
        return "nodes are Linux namespaces, so a cluster needs Linux; with Docker: make cluster CLUSTER=kind"
    if uid != 0:
        return (
            "a cluster needs root: it makes network devices, mounts and control groups for its nodes\n"
            "  next: sudo make cluster, or with Docker and kind: make cluster CLUSTER=kind\n"
            "  make demo and make test need no root"
        )
    return None


def require_root() -> None:
    """Return when this user and system can have a cluster. Raises ClusterError."""
    if problem := explain_privilege(os.geteuid(), sys.platform):
        raise ClusterError(problem)


def require(assume_yes: bool = False) -> None:
    """Return when everything is there.

    Raises:
        ClusterError: this user or system cannot have a cluster.
        MissingToolsError: a program is missing; the text says how to install it.
    """
    require_root()
    if not Path("/sys/fs/cgroup").is_dir():
        raise ClusterError("/sys/fs/cgroup is not mounted: nodes need control groups")
    prerequisites.require(assume_yes, (*prerequisites.REQUIREMENTS, *REQUIREMENTS))
