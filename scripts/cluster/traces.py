"""What a cluster could leave behind on its host: mounts, network devices, routes, firewall rules, control groups,
kernel settings. A snapshot before and one after must not differ.
"""

import dataclasses
import json
import os
import re
from pathlib import Path

from cluster.node import cgroups
from cluster.node.config import KERNEL_SETTINGS
from cluster.shell import try_run

_SETTINGS = (
    *KERNEL_SETTINGS,
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
)
# Counters and comments with the time of day.
_VOLATILE = re.compile(r"^#|\[\d+:\d+\]")


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The host as it is: kind -> things of it."""

    things: dict[str, list[str]]

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(self.things, indent=1)

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """From what `dump` gave."""
        return cls(json.loads(text))


def _lines(*argv: str) -> list[str]:
    return sorted(line.strip() for line in try_run(argv).splitlines() if line.strip() and not _VOLATILE.search(line))


def _mounts() -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return sorted(line.split()[4] for line in lines)


def _groups() -> list[str]:
    return sorted(
        str(group)
        for hierarchy in cgroups.hierarchies()
        for group in hierarchy.iterdir()
        if group.is_dir() and group.name.startswith(("racktwin-", "kubepods", "k8s"))
    )


def _settings() -> list[str]:
    found = []
    for name in _SETTINGS:
        file = Path("/proc/sys") / name
        if file.exists():
            found.append(f"{name}={file.read_text(encoding='utf-8').strip()}")
    return found


def processes_of(folder: Path) -> list[str]:
    """Processes that name something below the folder. Containers end with their node's first process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if str(folder) in command:
                found.append(f"processes: {entry.name} {command[:120]} was left behind")
    return sorted(found)


def take() -> Snapshot:
    """The host now."""
    links = sorted(link["ifname"] for link in json.loads(try_run(["ip", "-json", "link"]) or "[]"))
    return Snapshot(
        {
            "mounts": _mounts(),
            "network devices": links,
            "routes": _lines("ip", "route", "show", "table", "all"),
            "firewall rules": _lines("iptables-save"),
            "network namespaces": _lines("ip", "netns", "list"),
            "control groups": _groups(),
            "kernel settings": _settings(),
        }
    )


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """What is there now and was not before, and what is gone."""
    found = []
    for kind, things in before.things.items():
        now = after.things.get(kind, [])
        found += [f"{kind}: {thing} was left behind" for thing in sorted(set(now) - set(things))]
        found += [f"{kind}: {thing} is gone" for thing in sorted(set(things) - set(now))]
    return found
