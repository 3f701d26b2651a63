"""Which rooms the gateway simulates and which devices it speaks for: resources of its site, or a file.

Next in the flow: :class:`gateway.fleet.Fleet`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from gateway.controls import UnitSetup
from physics import layout, sources
from physics.layout import DEFAULT_CAPACITY_W, Layout, LayoutError
from racktwin.names import API_GROUP, API_VERSION, thing_id

# Servers of this role have simulated disks.
SHELF_ROLE: Final = "storage"


class InventoryError(Exception):
    """The racks could not be read; the message says why."""


@dataclass(frozen=True)
class Found:
    """What there is: ``rooms`` to simulate, ``devices`` (thing ids) to report, ``units`` that take commands, and
    ``shelves``, those devices that are servers with simulated disks."""

    rooms: tuple[Layout, ...] = ()
    devices: frozenset[str] = frozenset()
    units: Mapping[str, UnitSetup] = field(default_factory=dict)
    shelves: frozenset[str] = frozenset()


class Inventory(Protocol):
    """A source of rooms, asked every few seconds."""

    def found(self) -> Found:
        """What there is at present.

        Raises:
            InventoryError: it could not be read; what was there before still stands.
        """


def found_of(site: Mapping[str, Any], racks: Iterable[Any], units: Iterable[Any], gateway: str) -> Found:
    """What a gateway simulates, from the Site and its Rack and CoolingUnit resources. Pure.

    A device is reported by the first gateway it names, or by the site's first when it names none. Devices that are
    being deleted or not registered yet are left out: an adapter hangs up on a gateway for an unknown device. A room
    that no cooling unit is described for is simulated with assumed ones. Of servers only disks are simulated, and only
    where their role is `SHELF_ROLE`: all others speak for themselves.
    """
    name = str(site["metadata"]["name"])
    first = next((entry["name"] for entry in site["spec"].get("gateways") or ()), None)
    own = [item for item in racks if _reports(item, gateway, first)]
    described = [item for item in units if not item["metadata"].get("deletionTimestamp")]
    rooms = []
    for room in sorted({str(item["spec"].get("room", "room")) for item in own}):
        try:
            rooms.append(sources.from_resources(site, room, own, described))
        except LayoutError:
            plain = [item for item in own if item["spec"].get("room", "room") == room]
            rooms.append(layout.assumed(room, [_plain(item, name) for item in plain]))
    reported = [item for item in described if _reports(item, gateway, first)]
    setups = {_thing(item, name, "cooling"): _setup(item["spec"]) for item in reported}
    in_rooms = {unit for room in rooms for unit in room.unit_ids}
    setups = {unit: setup for unit, setup in setups.items() if unit in in_rooms}
    shelves = {server for item in own for server in _shelves(item, name)}
    devices = {_thing(item, name, "rack") for item in own} | set(setups) | shelves
    return Found(tuple(rooms), frozenset(devices), setups, frozenset(shelves))


def found_in(text: str) -> Found:
    """Rooms from a file's JSON text: ``{"rooms": [layout, …]}``, or a list of racks whose rooms are assumed.

    Raises:
        InventoryError: neither of them, or a room that cannot be simulated.
    """
    try:
        data = json.loads(text)
        if isinstance(data, dict):
            rooms = tuple(layout.from_dict(entry) for entry in data["rooms"])
            return Found(rooms, frozenset(rack for room in rooms for rack in room.rack_ids))
        by_room: dict[str, list[tuple[str, str, float, float]]] = {}
        for entry in data:
            watts = float(entry.get("powerCapacityW", DEFAULT_CAPACITY_W))
            place = (str(entry["id"]), str(entry.get("row", "row")), float(entry.get("position", 0.0)), watts)
            by_room.setdefault(str(entry.get("room", "room")), []).append(place)
        assumed = tuple(layout.assumed(room, racks) for room, racks in sorted(by_room.items()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InventoryError(
            f"racks file: {error!r}: expected rooms, or a list of objects with id, room, row, position"
        ) from error
    return Found(assumed, frozenset(rack for room in assumed for rack in room.rack_ids))


class RacksFile:
    """Racks in a file, read anew each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def found(self) -> Found:
        try:
            return found_in(self._path.read_text())
        except OSError as error:
            raise InventoryError(f"racks file: {error}") from error


class RacksOfCluster:
    """Rack and CoolingUnit resources of a site, whose namespace is the site's name."""

    def __init__(self, api: CustomObjectsApi, site: str, gateway: str) -> None:
        self._api, self._site, self._gateway = api, site, gateway

    def found(self) -> Found:
        try:
            sites = [entry for entry in self._list("sites") if entry["metadata"]["name"] == self._site]
            if not sites:
                return Found()
            return found_of(sites[0], self._list("racks"), self._list("coolingunits"), self._gateway)
        except ApiException as error:
            raise InventoryError(f"Rack resources of {self._site}: {error.status} {error.reason}") from error
        except (HTTPError, OSError) as error:
            raise InventoryError(f"Rack resources of {self._site}: Kubernetes API: {error}") from error

    def _list(self, plural: str) -> list[dict[str, Any]]:
        answer: dict[str, Any] = self._api.list_namespaced_custom_object(
            API_GROUP, API_VERSION, self._site, plural, resource_version="0", _request_timeout=5
        )
        items: list[dict[str, Any]] = answer["items"]
        return items


_DEFAULTS: Final = UnitSetup()


def _setup(spec: Mapping[str, Any]) -> UnitSetup:
    slew = spec.get("slew") or {}
    return UnitSetup(
        setpoint=float(spec.get("setpointC", _DEFAULTS.setpoint)),
        setpoint_min=float(spec.get("setpointMinC", _DEFAULTS.setpoint_min)),
        setpoint_max=float(spec.get("setpointMaxC", _DEFAULTS.setpoint_max)),
        fan_min=float(spec.get("fanMinPercent", _DEFAULTS.fan_min)),
        fan_max=float(spec.get("fanMaxPercent", _DEFAULTS.fan_max)),
        setpoint_k_per_min=float(slew.get("setpointKPerMin", _DEFAULTS.setpoint_k_per_min)),
        fan_percent_per_min=float(slew.get("fanPercentPerMin", _DEFAULTS.fan_percent_per_min)),
    )


def _reports(item: Mapping[str, Any], gateway: str, first: str | None) -> bool:
    gateways = item["spec"].get("gateways") or []
    speaker = gateways[0] if gateways else first
    return speaker == gateway and not item["metadata"].get("deletionTimestamp") and _registered(item)


def _thing(item: Mapping[str, Any], site: str, kind: Any) -> str:
    return thing_id(site, kind, str(item["metadata"]["name"]))


def _shelves(item: Mapping[str, Any], site: str) -> Iterator[str]:
    registered = (item.get("status") or {}).get("devices") or ()
    for server in item["spec"].get("servers") or ():
        name = thing_id(site, "server", str(server["name"]))
        if server.get("role") == SHELF_ROLE and not server.get("followsNode") and name in registered:
            yield name


def _plain(item: Mapping[str, Any], site: str) -> tuple[str, str, float, float]:
    spec = item["spec"]
    along = float((spec.get("position") or {}).get("xM", 0.0))
    watts = float(spec.get("availablePowerW") or DEFAULT_CAPACITY_W)
    return _thing(item, site, "rack"), str(spec.get("row", "row")), along, watts


def _registered(item: Mapping[str, Any]) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "DeviceRegistered" and c.get("status") == "True" for c in conditions)
