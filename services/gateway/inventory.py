"""Which racks the gateway speaks for: Rack resources of its site, or a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from racktwin.names import API_GROUP, API_VERSION, thing_id
from racktwin.simulation import RackSpec

# Of a rack that does not say how much power it may draw (W).
DEFAULT_CAPACITY_W: Final = 8000.0


class InventoryError(Exception):
    """The racks could not be read; the message says why."""


class Inventory(Protocol):
    """A source of racks, asked every few seconds."""

    def racks(self) -> list[RackSpec]:
        """The racks at present, by id.

        Raises:
            InventoryError: they could not be read; the racks of before still stand.
        """


def racks_of(items: Iterable[Mapping[str, Any]], site: str, gateway: str, first_gateway: str | None) -> list[RackSpec]:
    """Racks that a gateway reports, from Rack resources. Pure.

    A rack is reported by the first gateway it names, or by the site's first when it names none. Racks that are being
    deleted or not registered yet are left out: an adapter hangs up on a gateway for an unknown device.
    """
    found = []
    for item in items:
        meta, spec = item["metadata"], item["spec"]
        gateways = spec.get("gateways") or []
        speaker = gateways[0] if gateways else first_gateway
        if speaker != gateway or meta.get("deletionTimestamp") or not _registered(item):
            continue
        found.append(
            RackSpec(
                id=thing_id(site, "rack", meta["name"]),
                room=str(spec.get("room", "room")),
                row=str(spec.get("row", "row")),
                position=float((spec.get("position") or {}).get("x", 0.0)),
                power_capacity_w=float(spec.get("availablePowerW") or DEFAULT_CAPACITY_W),
            )
        )
    return sorted(found, key=lambda rack: rack.id)


def racks_in(text: str) -> list[RackSpec]:
    """Racks from a file's JSON text.

    Raises:
        InventoryError: not a list of objects with an ``id``.
    """
    try:
        return [
            RackSpec(
                id=str(entry["id"]),
                room=str(entry.get("room", "room")),
                row=str(entry.get("row", "row")),
                position=float(entry.get("position", 0.0)),
                power_capacity_w=float(entry.get("powerCapacityW", DEFAULT_CAPACITY_W)),
            )
            for entry in json.loads(text)
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InventoryError(
            f"racks file: {error!r}: expected a list of objects with id, room, row, position"
        ) from error


class RacksFile:
    """Racks in a file, read anew each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def racks(self) -> list[RackSpec]:
        try:
            return racks_in(self._path.read_text())
        except OSError as error:
            raise InventoryError(f"racks file: {error}") from error


class RacksOfCluster:
    """Rack resources of a site, whose namespace is the site's name."""

    def __init__(self, api: CustomObjectsApi, site: str, gateway: str) -> None:
        self._api, self._site, self._gateway = api, site, gateway

    def racks(self) -> list[RackSpec]:
        try:
            items = self._list("racks")
            first = next(
                (
                    gateways[0]["name"]
                    for entry in self._list("sites")
                    if entry["metadata"]["name"] == self._site and (gateways := entry["spec"].get("gateways"))
                ),
                None,
            )
        except ApiException as error:
            raise InventoryError(f"Rack resources of {self._site}: {error.status} {error.reason}") from error
        except (HTTPError, OSError) as error:
            raise InventoryError(f"Rack resources of {self._site}: Kubernetes API: {error}") from error
        return racks_of(items, self._site, self._gateway, first)

    def _list(self, plural: str) -> list[dict[str, Any]]:
        answer: dict[str, Any] = self._api.list_namespaced_custom_object(
            API_GROUP, API_VERSION, self._site, plural, resource_version="0", _request_timeout=5
        )
        items: list[dict[str, Any]] = answer["items"]
        return items


def _registered(item: Mapping[str, Any]) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "DeviceRegistered" and c.get("status") == "True" for c in conditions)
