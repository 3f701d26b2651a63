"""`racktwin fingerprint`: what this machine is, hardware and software, so that figures can be compared.

What the platform does not tell is absent. Serial numbers and addresses identify a machine, so they are told only when
asked for. Next: people, and the report of an experiment.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import click
import psutil

from racktwin import __version__
from servertwin import options
from servertwin.log.probe import Probe

_DMI: Final = Path("/sys/class/dmi/id")
_LIBRARIES: Final = ("psutil", "numpy", "scipy", "pyarrow", "pydantic", "paho-mqtt")


def take(serials: bool = False, probe: Probe | None = None, dmi: Path = _DMI) -> dict[str, Any]:
    """The fingerprint; ``digest`` is equal for equal hardware and software."""
    probe = probe or Probe()
    document: dict[str, Any] = _pruned(
        {
            "cpu": _cpu(probe),
            "memory": {"totalBytes": getattr(probe.ask("virtual_memory"), "total", None)},
            "swap": {"totalBytes": getattr(probe.ask("swap_memory"), "total", None) or None},
            "disks": _disks(probe),
            "network": _network(probe, serials),
            "board": _board(dmi, serials),
            "sensors": _sensors(probe),
            "system": _system(),
            "software": _software(),
        }
    )
    facts = json.dumps({k: v for k, v in document.items() if k != "sensors"}, sort_keys=True)
    document["digest"] = hashlib.sha256(facts.encode()).hexdigest()[:16]
    if serials:
        document["host"] = platform.node()
    return document


def _pruned(value: Any) -> Any:
    """Without what is not known: absent is absent."""
    if isinstance(value, dict):
        kept = {key: _pruned(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each not in (None, "", {}, [])}
    if isinstance(value, list):
        return [_pruned(each) for each in value]
    return value


def _cpu(probe: Probe) -> dict[str, Any]:
    frequency = probe.ask("cpu_freq")
    return {
        "model": _cpu_model(),
        "architecture": platform.machine(),
        "cores": probe.ask("cpu_count", logical=False),
        "threads": probe.ask("cpu_count"),
        # Some systems tell 0 for what they do not know.
        "highestHz": round(frequency.max * 1e6) if frequency and frequency.max else None,
        "lowestHz": round(frequency.min * 1e6) if frequency and frequency.min else None,
    }


def _cpu_model() -> str | None:
    if sys.platform.startswith("linux"):
        text = _text(Path("/proc/cpuinfo")) or ""
        found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
        return found[1].strip() if found else None
    if sys.platform == "darwin":
        return _said("sysctl", "-n", "machdep.cpu.brand_string")
    return platform.processor() or None


def _disks(probe: Probe) -> list[dict[str, Any]]:
    found = []
    for part in probe.ask("disk_partitions", all=False) or []:
        usage = probe.ask("disk_usage", part.mountpoint)
        found.append({"mount": part.mountpoint, "type": part.fstype, "totalBytes": getattr(usage, "total", None)})
    return found


def _network(probe: Probe, serials: bool) -> list[dict[str, Any]]:
    addresses = probe.ask("net_if_addrs") or {} if serials else {}
    found = []
    for name, state in sorted((probe.ask("net_if_stats") or {}).items()):
        link = [each.address for each in addresses.get(name, []) if each.family == psutil.AF_LINK]
        found.append(
            {
                "name": name,
                "up": state.isup,
                "mbitPerS": state.speed or None,
                "mtu": state.mtu,
                "address": link[0] if link else None,
            }
        )
    return found


def _board(dmi: Path, serials: bool) -> dict[str, Any]:
    names = {"vendor": "sys_vendor", "product": "product_name", "board": "board_name", "bios": "bios_version"}
    if serials:
        names |= {"serial": "product_serial", "uuid": "product_uuid"}
    return {name: _text(dmi / file) for name, file in names.items()}


def _sensors(probe: Probe) -> dict[str, Any]:
    return {
        "temperatures": sorted(probe.ask("sensors_temperatures") or {}),
        "fans": sorted(probe.ask("sensors_fans") or {}),
        "battery": True if probe.ask("sensors_battery") is not None else None,
    }


def _system() -> dict[str, Any]:
    return {
        "name": platform.system(),
        "release": platform.release(),
        "version": platform.version(),
        "distribution": _distribution(),
        "container": True if Path("/run/.containerenv").exists() or Path("/.dockerenv").exists() else None,
        "virtualisation": _said("systemd-detect-virt") if sys.platform.startswith("linux") else None,
        "pageBytes": os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None,
    }


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _software() -> dict[str, Any]:
    found = {"python": platform.python_version(), "implementation": platform.python_implementation()}
    found["racktwin"] = __version__
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _said(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


@click.command("fingerprint")
@click.option(
    "--serials", is_flag=True, help="Also what identifies this machine: host name, serial numbers, addresses."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File; .yaml or .json. Printed when left out."
)
@options.json_option
def fingerprint(*, serials: bool, out: Path | None, json_wanted: bool) -> None:
    """Tell what this machine is: processors, memory, disks, network, board, sensors, system, software."""
    document = take(serials)
    import yaml  # noqa: PLC0415 - for people alone

    as_yaml = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    if out is not None:
        text = as_yaml if out.suffix in (".yaml", ".yml") else json.dumps(document, indent=1) + "\n"
        out.write_text(text, encoding="utf-8")
    if json_wanted:
        options.print_json(document)
    elif out is None:
        click.echo(as_yaml, nl=False)
