"""What an inventory knows: partial specs of resources, and what is wrong with the rest. Pure.

A spec holds the fields that its source knows and no others: what it does not know stays as it is on the resource.
Next: `inventory.plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["Site", "Rack", "CoolingUnit"]
Spec = dict[str, Any]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """An object that cannot be taken over: which, by which field, and why."""

    object: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.object}: {self.field}: {self.message}"


@dataclass(slots=True)
class Wanted:
    """One resource as its source has it.

    `label` names the object as people know it; `netbox_id` is its identity where the source is NetBox; `custom` are the
    object's custom fields there. `position_known` says that the source gives the place in the room.
    """

    kind: Kind
    name: str
    label: str
    spec: Spec
    netbox_id: int | None = None
    custom: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Inventory:
    """All that a source has of one site.

    `rack_ids` and `device_ids` are all NetBox ids there, also of what could not be taken over: what has a problem is
    not gone. `server_custom` are custom fields of devices that became servers, by device id.
    """

    site: str
    wanted: list[Wanted] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rack_ids: set[int] = field(default_factory=set)
    device_ids: set[int] = field(default_factory=set)
    server_custom: dict[int, dict[str, Any]] = field(default_factory=dict)

    def of_kind(self, kind: Kind) -> list[Wanted]:
        """Wanted resources of a kind."""
        return [item for item in self.wanted if item.kind == kind]

    def refuse(self, item: str, at: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(item, at, message))


def document(kind: Kind, name: str, site: str, spec: Spec) -> Document:
    """A resource of the site's namespace."""
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": site},
        "spec": spec,
    }


def by_name(items: Sequence[dict[str, Any]] | None) -> dict[str, dict[str, Any]]:
    """Named entries (servers, rooms, feeds) by their names."""
    return {str(item["name"]): item for item in items or ()}
