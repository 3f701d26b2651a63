"""Discovered devices -> proposed Rack resources and collectors' entries, as YAML to be looked through. Pure.

Devices say where they stand more often wrongly than rightly: what they say is taken, what they do not say is filled
with the next free place, and the comments name what a person has to measure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import yaml

from collector.model import Found

_HEIGHT_U: Final = 42
_WIDTH_M: Final = 0.6
UNPLACED: Final = "unplaced"


def label(text: str) -> str:
    """A DNS label of a text: what resources are named by."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")
    return found or "unnamed"


def racks(found: Sequence[Found], *, site: str, room: str, gateway: str) -> list[dict[str, Any]]:
    """Rack resources: servers by the rack that they say they are in, PDUs as its feeds."""
    by_rack: dict[str, list[Found]] = {}
    for device in found:
        by_rack.setdefault(label(device.rack) if device.rack else UNPLACED, []).append(device)
    names = _Names()
    return [
        _rack(name, devices, at, site=site, room=room, gateway=gateway, names=names)
        for at, (name, devices) in enumerate(sorted(by_rack.items()))
    ]


def _rack(
    name: str, devices: Sequence[Found], at: int, *, site: str, room: str, gateway: str, names: _Names
) -> dict[str, Any]:
    servers = _servers([device for device in devices if device.kind == "server"], names)
    pdus = [device for device in devices if device.kind == "pdu"][:2]
    spec: dict[str, Any] = {
        "site": site,
        "room": room,
        "row": next((label(device.row) for device in devices if device.row), "r01"),
        "position": {"xM": round(at * _WIDTH_M, 2), "yM": 0.0, "yawDeg": 0},
        "uHeight": _HEIGHT_U,
        "gateways": [gateway],
    }
    if pdus:
        spec["feeds"] = [
            {"name": feed, "pdu": names.unique(label(device.name))} for feed, device in zip("AB", pdus, strict=False)
        ]
    if servers:
        spec["servers"] = servers
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "Rack",
        "metadata": {"name": name, "namespace": site},
        "spec": spec,
    }


def _servers(devices: Iterable[Found], names: _Names) -> list[dict[str, Any]]:
    taken: set[int] = set()
    servers = []
    # Those that know their place first; the others go into what is left.
    for device in sorted(devices, key=lambda d: (d.unit is None, d.unit or 0.0, d.name)):
        height = int(device.height or 1)
        wanted = int(device.unit) if device.unit is not None and device.unit >= 1 else 1
        last = _HEIGHT_U - height + 1
        places = [u for u in (wanted, *range(1, last + 1)) if u <= last and not taken & set(range(u, u + height))]
        place = places[0] if places else None
        if place is None:
            # More than a rack holds: a person has to say where it is.
            continue
        taken |= set(range(place, place + height))
        server: dict[str, Any] = {"name": names.unique(label(device.name)), "position": place, "uHeight": height}
        for key, value in (("serial", device.serial), ("model", device.model)):
            if value:
                server[key] = value
        servers.append(server)
    return servers


class _Names:
    """Names that are unique in a site."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def unique(self, name: str) -> str:
        """The name, with a number where it is taken."""
        found, number = name, 1
        while found in self._seen:
            number += 1
            found = f"{name[:59]}-{number}"
        self._seen.add(found)
        return found


def entries(found: Sequence[Found], settings: dict[str, Any], proposed: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collectors' entries for the same devices, with the options that discovery was given."""
    names = _Names()
    rack_of = {
        feed["pdu"]: (rack["metadata"]["name"], feed["name"])
        for rack in proposed
        for feed in rack["spec"].get("feeds", ())
    }
    by_protocol: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for device in found:
        name = names.unique(label(device.name))
        one: dict[str, Any] = {"host": device.host, "port": device.port}
        if device.kind == "server":
            one["thing"] = f"server-{name}"
        elif name in rack_of:
            rack, feed = rack_of[name]
            one |= {"thing": f"rack-{rack}", "feed": feed}
        else:
            one["thing"] = f"rack-{label(device.rack) if device.rack else UNPLACED}"
        by_protocol.setdefault((device.protocol, device.map), []).append(one)
    collectors = []
    for (protocol, map_), devices in sorted(by_protocol.items()):
        entry: dict[str, Any] = {"name": f"{protocol}-{map_}" if map_ != protocol else protocol, "protocol": protocol}
        if map_:
            entry["map"] = map_
        collectors.append({**entry, **settings, "devices": devices})
    return {"collectors": collectors}


def text(found: Sequence[Found], settings: dict[str, Any], *, site: str, room: str, gateway: str) -> str:
    """Both as YAML: the racks to apply, and below them, as comments, the entries for collectors.yaml."""
    proposed = racks(found, site=site, room=room, gateway=gateway)
    unmapped = [device for device in found if not device.map]
    head = [
        f"# Proposed from {len(found)} devices that answered. Look it through, then: kubectl apply -f",
        "# Devices do not know: position (m), row where it says r01, powers; and their U where they did not say it.",
        *(
            f"# No map is shipped for {device.name} ({device.host}): {device.model or device.kind}"
            for device in unmapped
        ),
    ]
    below = yaml.safe_dump(entries(found, settings, proposed), sort_keys=False)
    return "\n".join(
        [
            *head,
            yaml.safe_dump_all(proposed, sort_keys=False, explicit_start=True).rstrip(),
            "# --- for collectors.yaml ---",
            *(f"# {line}" for line in below.splitlines()),
            "",
        ]
    )
