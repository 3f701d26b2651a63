"""What is wanted against what there is: the changes, and what has gone from the source. Pure.

A resource is the same as an object of NetBox when it bears its id, else when it bears its name; a rack that is
renamed in NetBox keeps its twin. Fields that the source does not know stay; so do servers that were added by hand.
What is gone from the source is told, and removed only where that was asked for. Next: whoever applies the documents.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from inventory import layout
from inventory.labels import dns_label
from inventory.wanted import Document, Inventory, Problem, Spec, Wanted, by_name, document

Action = Literal["create", "update", "remove", "gone"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field that changes; None for absent."""

    path: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.path} {_shown(self.old)} -> {_shown(self.new)}"


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that changes. `document` is what is to be written, or what is to be removed."""

    action: Action
    document: Document
    fields: tuple[Field, ...] = ()
    label: str = ""

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"{self.document['kind']} {self.document['metadata']['name']}"


@dataclass(slots=True)
class Plan:
    """All changes in the order in which they are to be made; `thing_names` are resources' names by NetBox id."""

    site: str
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchanged: int = 0
    racks: dict[int, str] = field(default_factory=dict)
    cooling: dict[int, str] = field(default_factory=dict)
    servers: dict[int, str] = field(default_factory=dict)

    def pending(self) -> list[Change]:
        """Changes that would be made; what is gone and kept is none."""
        return [change for change in self.changes if change.action != "gone"]


def make_plan(inventory: Inventory, current: Iterable[Document], *, delete: bool = False) -> Plan:
    """The plan that brings `current` (Sites, Racks and CoolingUnits of the site) in step with the inventory."""
    plan = Plan(inventory.site, problems=list(inventory.problems), notes=list(inventory.notes))
    existing = _Existing(current)
    targets = [(item, existing.of(item)) for item in inventory.wanted]
    specs = _Overlay(inventory, existing, plan, delete).specs(targets)
    changes: list[Change] = []
    for (item, found), spec in zip(targets, specs, strict=True):
        name = existing.free_name(item) if found is None else str(found["metadata"]["name"])
        if item.kind == "Rack" and (fault := misfit(spec)) is not None:
            plan.problems.append(Problem(item.label, *fault))
            continue
        _remember(plan, item, name, spec)
        change = _change(item, found, document(item.kind, name, inventory.site, spec))
        if change is None:
            plan.unchanged += 1
        else:
            changes.append(change)
    changes += _gone(inventory, existing, plan, delete)
    # A site is there before its racks, and what is removed goes before what takes its place.
    order = {"Site": 0, "Rack": 1, "CoolingUnit": 2}
    changes.sort(key=lambda change: (change.action not in {"remove", "gone"}, order[change.document["kind"]]))
    plan.changes = changes
    return plan


class _Existing:
    """The resources there are, by identity."""

    def __init__(self, current: Iterable[Document]) -> None:
        self.documents = list(current)
        self._by_id: dict[tuple[str, int], Document] = {}
        self._by_name: dict[tuple[str, str], Document] = {}
        self.servers: dict[int, Spec] = {}
        self.server_names: dict[str, Spec] = {}
        for doc in self.documents:
            self._by_name[doc["kind"], doc["metadata"]["name"]] = doc
            identity = doc["spec"].get("netboxId")
            if identity is not None:
                self._by_id[doc["kind"], identity] = doc
            for server in doc["spec"].get("servers") or ():
                if server.get("netboxId") is not None:
                    self.servers[server["netboxId"]] = server
                else:
                    self.server_names[server["name"]] = server

    def of(self, item: Wanted) -> Document | None:
        """The resource that an object is already."""
        if item.netbox_id is not None and (found := self._by_id.get((item.kind, item.netbox_id))) is not None:
            return found
        found = self._by_name.get((item.kind, item.name))
        if found is None:
            return None
        other = found["spec"].get("netboxId")
        # One that is another object of NetBox is not taken over.
        return found if other in (None, item.netbox_id) or item.netbox_id is None else None

    def free_name(self, item: Wanted) -> str:
        """The name of a new resource: with its id, where another has its name already."""
        taken = (item.kind, item.name) in self._by_name
        return dns_label(f"{item.name}-{item.netbox_id}", "x") if taken else item.name

    def free_server(self, server: Spec) -> str:
        """The same for a new server."""
        taken = any(entry["name"] == server["name"] for entry in self.servers.values())
        return dns_label(f"{server['name']}-{server.get('netboxId')}", "x") if taken else str(server["name"])


class _Overlay:
    """Specs as they should be: what the source knows over what there is."""

    def __init__(self, inventory: Inventory, existing: _Existing, plan: Plan, delete: bool) -> None:
        self._inventory, self._existing, self._plan, self._delete = inventory, existing, plan, delete
        self._wanted_servers = {
            server["netboxId"]
            for item in inventory.of_kind("Rack")
            for server in item.spec.get("servers") or ()
            if server.get("netboxId") is not None
        }

    def specs(self, targets: list[tuple[Wanted, Document | None]]) -> list[Spec]:
        specs = [self._spec(item, found) for item, found in targets]
        self._place([(item, spec) for (item, _), spec in zip(targets, specs, strict=True)])
        return specs

    def _spec(self, item: Wanted, found: Document | None) -> Spec:
        spec: Spec = copy.deepcopy(found["spec"]) if found is not None else {}
        for key, value in item.spec.items():
            if key == "servers":
                spec["servers"] = self._servers(item, spec.get("servers") or [], value)
            elif key == "rooms":
                spec["rooms"] = _named_over(spec.get("rooms"), value)
            elif value in (None, "", []):
                spec.pop(key, None)
            else:
                spec[key] = _over(spec.get(key), value)
        if item.kind != "Site":
            spec["site"] = self._inventory.site
            if item.netbox_id is not None:
                spec["netboxId"] = item.netbox_id
        return spec

    def _servers(self, item: Wanted, there: list[Spec], wanted: list[Spec]) -> list[Spec]:
        found = []
        for server in wanted:
            known = self._existing.servers.get(server.get("netboxId") or 0) or self._existing.server_names.get(
                server["name"]
            )
            # A server that is renamed in NetBox keeps its twin.
            name = known["name"] if known is not None else self._existing.free_server(server)
            merged = {**(known or {}), **server, "name": name}
            # An empty role is one: without it the API server would set the usual one.
            found.append(
                {key: value for key, value in merged.items() if value is not None and (value != "" or key == "role")}
            )
        names = {server["name"] for server in found}
        for server in there:
            if server["name"] not in names and self._stays(item, server):
                found.append(server)
        return sorted(found, key=lambda server: (server.get("position", 0), server["name"]))

    def _stays(self, item: Wanted, server: Spec) -> bool:
        identity = server.get("netboxId")
        if identity is None:
            return item.netbox_id is not None or not self._delete
        if identity in self._wanted_servers:
            return False
        if identity in self._inventory.device_ids:
            self._plan.notes.append(f"{item.label}: server {server['name']} stays as it is: see its problem")
            return True
        if not self._delete:
            self._plan.notes.append(
                f"{item.label}: server {server['name']} (id {identity}) is gone from the source and stays; "
                "remove it with --delete"
            )
        return not self._delete

    def _place(self, targets: list[tuple[Wanted, Spec]]) -> None:
        """Places for racks that have none, and sizes for rooms of which nothing is known."""
        racks = [(item, spec) for item, spec in targets if item.kind == "Rack"]
        for room in sorted({str(spec["room"]) for _, spec in racks}):
            here = [(item, spec) for item, spec in racks if spec["room"] == room]
            places = layout.place(
                layout.Standing(item.name, str(spec["row"]), layout.width_of(spec), spec.get("position"))
                for item, spec in here
            )
            for item, spec in here:
                if item.name in places:
                    spec["position"] = places[item.name]
            if places:
                self._plan.notes.append(
                    f"room {room}: {len(places)} rack(s) have no place in the source and stand where rows usually do "
                    f"(spec.position): {', '.join(sorted(places)[:5])}{' …' if len(places) > 5 else ''}"
                )
        for _, spec in targets:
            for entry in spec.get("rooms") or ():
                if "widthM" not in entry:
                    size = layout.room_size(s["position"] for _, s in racks if s["room"] == entry["name"])
                    entry.update({key: entry.get(key, value) for key, value in size.items()})
                    self._plan.notes.append(
                        f"room {entry['name']}: its size is not known and was taken from its racks "
                        f"({size['widthM']} m x {size['depthM']} m)"
                    )


def misfit(spec: Spec) -> tuple[str, str] | None:
    """Field and fault of servers that do not fit into their rack, or None; the API server would refuse them."""
    height = float(spec.get("uHeight", 42))
    placed: list[tuple[float, float, Spec]] = []
    for server in spec.get("servers") or ():
        low = float(server["position"])
        high = low + float(server.get("uHeight", 1))
        if high - 1 > height:
            return "position", f"{server['name']} reaches U {high - 1:g} of a rack of {height:g} U"
        for other_low, other_high, other in placed:
            apart = (
                server.get("face", "front") != other.get("face", "front")
                and server.get("fullDepth", True) is False
                and other.get("fullDepth", True) is False
            )
            if not apart and low < other_high and other_low < high:
                return "position", f"{other['name']} and {server['name']} both occupy U {max(low, other_low):g}"
        placed.append((low, high, server))
    pdus = [feed["pdu"] for feed in spec.get("feeds") or ()]
    if len(set(pdus)) < len(pdus):
        return "power feeds", f"both come from {pdus[0]}: feeds A and B come from different PDUs"
    return None


def _over(there: Any, value: Any) -> Any:
    """A value over what is there: parts that the source does not say (the API server's defaults among them) stay."""
    if isinstance(there, Mapping) and isinstance(value, Mapping):
        return {**there, **value}
    if value and _named(value) and _named(there):
        known = by_name(there)
        return [{**known.get(entry["name"], {}), **entry} for entry in value]
    return copy.deepcopy(value)


def _named_over(there: list[Spec] | None, wanted: list[Spec]) -> list[Spec]:
    found = by_name(copy.deepcopy(list(there or ())))
    for entry in wanted:
        found[entry["name"]] = {**found.get(entry["name"], {}), **entry}
    return list(found.values())


def _remember(plan: Plan, item: Wanted, name: str, spec: Spec) -> None:
    if item.netbox_id is not None:
        (plan.racks if item.kind == "Rack" else plan.cooling)[item.netbox_id] = name
    for server in spec.get("servers") or ():
        if server.get("netboxId") is not None:
            plan.servers[server["netboxId"]] = server["name"]


def _change(item: Wanted, found: Document | None, wanted: Document) -> Change | None:
    if found is None:
        return Change("create", wanted, label=item.label)
    fields = tuple(differences(found["spec"], wanted["spec"]))
    if not fields:
        return None
    return Change("update", {**wanted, "metadata": {**found["metadata"]}}, fields, item.label)


def _gone(inventory: Inventory, existing: _Existing, plan: Plan, delete: bool) -> list[Change]:
    changes = []
    for doc in existing.documents:
        identity = doc["spec"].get("netboxId")
        known = inventory.rack_ids if doc["kind"] == "Rack" else inventory.device_ids
        # An inventory without ids knows nothing of what others made.
        if identity is None or doc["kind"] == "Site" or not inventory.rack_ids or identity in known:
            continue
        changes.append(Change("remove" if delete else "gone", doc, label=f"id {identity}"))
    if changes and not delete:
        plan.notes.append(f"{len(changes)} resource(s) are gone from the source and stay; remove them with --delete")
    return changes


def differences(old: Any, new: Any, path: str = "") -> Iterable[Field]:
    """Fields in which two specs differ; absent and empty are the same. Lists of named entries are compared by name."""
    if _empty(old) and _empty(new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif _named(old) and _named(new) and (old or new):
        before, after = by_name(old), by_name(new)
        for name in sorted({*before, *after}):
            yield from differences(before.get(name), after.get(name), f"{path}[{name}]")
    elif old != new:
        yield Field(path, old, new)


def _named(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(v, Mapping) and "name" in v for v in value))


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _shown(value: Any) -> str:
    if _empty(value):
        return "nothing"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)
