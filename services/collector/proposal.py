"""Discovered devices -> proposed Rack resources and collectors' entries, as YAML to be looked through. Pure.

Devices say where they stand more often wrongly than rightly: what they say is taken, what they do not say is filled
with the next free place, and the comments name what a person has to measure and what found no place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from collector.model import Found

_HEIGHT_U: Final = 42
_WIDTH_M: Final = 0.6
_FEEDS: Final = ("A", "B")
UNPLACED: Final = "unplaced"


@dataclass(slots=True)
class Proposal:
    """Rack resources, and what did not fit into them."""

    racks: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    """Each with name, host, rack and the reason, in words."""
    things: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)
    """By host and port the thing (and feed) that a device is in `racks`; nothing of what was left out."""


def label(text: str) -> str:
    """A DNS label of a text: what resources are named by."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")
    return found or "unnamed"


def propose(found: Sequence[Found], *, site: str, room: str, gateway: str) -> Proposal:
    """Rack resources: servers by the rack that they say they are in, PDUs as its feeds."""
    by_rack: dict[str, list[Found]] = {}
    for device in found:
        by_rack.setdefault(label(device.rack) if device.rack else UNPLACED, []).append(device)
    names, proposal = _Names(), Proposal()
    for at, (name, devices) in enumerate(sorted(by_rack.items())):
        proposal.racks.append(
            _rack(name, devices, at, site=site, room=room, gateway=gateway, names=names, into=proposal)
        )
    return proposal


def _rack(
    name: str,
    devices: Sequence[Found],
    at: int,
    *,
    site: str,
    room: str,
    gateway: str,
    names: _Names,
    into: Proposal,
) -> dict[str, Any]:
    servers = _servers(name, [device for device in devices if device.kind == "server"], names, into)
    feeds = []
    for number, device in enumerate(device for device in devices if device.kind == "pdu"):
        if number >= len(_FEEDS):
            into.left_out.append(_left_out(device, name, f"rack {name} has feeds {' and '.join(_FEEDS)} already"))
            continue
        feeds.append({"name": _FEEDS[number], "pdu": names.unique(label(device.name))})
        into.things[device.host, device.port] = {"thing": f"rack-{name}", "feed": _FEEDS[number]}
    spec: dict[str, Any] = {
        "site": site,
        "room": room,
        "row": next((label(device.row) for device in devices if device.row), "r01"),
        "position": {"xM": round(at * _WIDTH_M, 2), "yM": 0.0, "yawDeg": 0},
        "uHeight": _HEIGHT_U,
        "gateways": [gateway],
    }
    if feeds:
        spec["feeds"] = feeds
    if servers:
        spec["servers"] = servers
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "Rack",
        "metadata": {"name": name, "namespace": site},
        "spec": spec,
    }


def _left_out(device: Found, rack: str, reason: str) -> dict[str, str]:
    return {"name": device.name, "host": device.host, "rack": rack, "reason": reason}


def _servers(rack: str, devices: Iterable[Found], names: _Names, into: Proposal) -> list[dict[str, Any]]:
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
            reason = f"rack {rack} of {_HEIGHT_U} U has no {height} U free for it"
            into.left_out.append(_left_out(device, rack, reason))
            continue
        taken |= set(range(place, place + height))
        server: dict[str, Any] = {"name": names.unique(label(device.name)), "position": place, "uHeight": height}
        for key, value in (("serial", device.serial), ("model", device.model)):
            if value:
                server[key] = value
        servers.append(server)
        into.things[device.host, device.port] = {"thing": f"server-{server['name']}"}
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


def entries(found: Sequence[Found], settings: dict[str, Any], proposal: Proposal) -> dict[str, Any]:
    """Collectors' entries for the same devices, with the options that discovery was given.

    What was left out has none: there is no thing that its readings could be of.
    """
    by_protocol: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for device in found:
        one: dict[str, Any] = {"host": device.host, "port": device.port}
        known = proposal.things.get((device.host, device.port))
        if known is not None:
            one |= known
        elif device.kind in ("server", "pdu"):
            continue
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
    proposal = propose(found, site=site, room=room, gateway=gateway)
    unmapped = [device for device in found if not device.map]
    head = [
        f"# Proposed from {len(found)} devices that answered. Look it through, then: kubectl apply -f",
        "# Devices do not know: position (m), row where it says r01, powers; and their U where they did not say it.",
        *(
            f"# No map is shipped for {device.name} ({device.host}): {device.model or device.kind}"
            for device in unmapped
        ),
        *(f"# Left out: {one['name']} ({one['host']}): {one['reason']}" for one in proposal.left_out),
    ]
    below = yaml.safe_dump(entries(found, settings, proposal), sort_keys=False)
    return "\n".join(
        [
            *head,
            yaml.safe_dump_all(proposal.racks, sort_keys=False, explicit_start=True).rstrip(),
            "# --- for collectors.yaml ---",
            *(f"# {line}" for line in below.splitlines()),
            "",
        ]
    )
