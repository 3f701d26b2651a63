"""NetBox's objects as what is wanted of Racktwin. Pure.

Field by field as `thing-definitions/mapping.yaml` states it. NetBox has no place in the room, no cooling capacity and
no airflow of a cooling unit: those come from custom fields where there are some (`<prefix>x_m`, `y_m`, `yaw_deg`,
`row`, `cooling_capacity_w`; for cooling units `capacity_w`, `airflow_m3s`, `racks`), else from the resource as it is.
What cannot be a resource is a problem that names the object and its field. Next: `inventory.plan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inventory.labels import Chooser, dns_label, natural, site_name, slug
from inventory.netbox import units
from inventory.netbox.reading import Json, Snapshot
from inventory.netbox.settings import NetBoxSettings, matches
from inventory.wanted import Inventory, Spec, Wanted

_MAX_U: Final = 60


def inventory_of(snapshot: Snapshot, settings: NetBoxSettings, site: str = "") -> Inventory:
    """What NetBox has of a site; `site` is its name here, made of NetBox's slug when left out."""
    return _Mapping(snapshot, settings, site or site_name(snapshot.site["slug"])).result()


class _Mapping:
    """One reading of one site."""

    def __init__(self, snapshot: Snapshot, settings: NetBoxSettings, site: str) -> None:
        self._snapshot, self._settings = snapshot, settings
        self._out = Inventory(site)
        self._locations = {item["id"]: item for item in snapshot.locations}
        self._rooms: dict[str, str] = {}
        self._room_specs: dict[str, Spec] = {}
        self._names = Chooser()
        self._feeds: dict[int, list[Json]] = {}
        for feed in snapshot.power_feeds:
            if feed.get("rack"):
                self._feeds.setdefault(feed["rack"]["id"], []).append(feed)
        self._draws: dict[int, list[Json]] = {}
        for port in snapshot.power_ports:
            self._draws.setdefault(port["device"]["id"], []).append(port)

    def result(self) -> Inventory:
        out, snapshot = self._out, self._snapshot
        out.rack_ids = {rack["id"] for rack in snapshot.racks}
        out.device_ids = {device["id"] for device in snapshot.devices}
        devices: dict[int, list[Json]] = {}
        cooling = []
        for device in sorted(snapshot.devices, key=lambda item: natural(str(item.get("name") or item["display"]))):
            role = str((device.get("role") or {}).get("slug", ""))
            if matches(role, self._settings.netbox_cooling_roles):
                cooling.append(device)
            elif matches(role, self._settings.netbox_ignored_roles):
                continue
            elif matches(role, self._settings.netbox_server_roles) and device.get("rack"):
                devices.setdefault(device["rack"]["id"], []).append(device)
        for rack in sorted(snapshot.racks, key=lambda item: natural(str(item["name"]))):
            self._rack(rack, devices.get(rack["id"], []))
        for device in cooling:
            self._cooling(device)
        out.wanted.insert(0, self._site())
        return out

    def _site(self) -> Wanted:
        site = self._snapshot.site
        spec: Spec = {"displayName": str(site["name"])[:128], "rooms": list(self._room_specs.values())}
        if self._settings.netbox_gateways:
            spec["gateways"] = [{"name": name.strip()} for name in self._settings.netbox_gateways.split(",")]
        return Wanted("Site", self._out.site, f"site {site['slug']}", spec)

    def _rack(self, rack: Json, devices: list[Json]) -> None:
        label = f"rack {rack['name']} (id {rack['id']})"
        place = self._place(rack.get("location"), label)
        if place is None:
            return
        room, path = place
        height = rack.get("u_height") or 42
        if height > _MAX_U:
            self._out.refuse(label, "u_height", f"{height}: a Rack has at most {_MAX_U} U")
            return
        custom = rack.get("custom_fields") or {}
        spec: Spec = {
            "room": room,
            "row": self._row(rack, path),
            "facilityId": rack.get("facility_id") or "",
            "uHeight": int(height),
            "airflow": units.choice(rack.get("airflow")) or "front-to-rear",
            "status": units.choice(rack.get("status")) or "active",
            "role": (rack.get("role") or {}).get("name", ""),
            "serial": (rack.get("serial") or "")[:128],
            "assetTag": (rack.get("asset_tag") or "")[:128],
            "maxWeightKg": units.kilograms(rack.get("max_weight"), units.choice(rack.get("weight_unit"))),
        }
        for name in ("width", "depth", "height"):
            # Left as it is where NetBox does not say it.
            if size := units.millimetres(rack.get(f"outer_{name}"), units.choice(rack.get("outer_unit"))):
                spec[f"outer{name.capitalize()}Mm"] = size
        if (capacity := self._number(label, custom, "cooling_capacity_w")) is not None:
            spec["coolingCapacityW"] = capacity
        if (position := self._position(label, custom)) is not None:
            spec["position"] = position
        spec |= self._power(label, rack)
        spec["servers"] = [server for device in devices if (server := self._server(device, rack)) is not None]
        name = self._names.choose(str(rack["name"]), "rack", rack["id"])
        self._out.wanted.append(Wanted("Rack", name, label, spec, rack["id"], custom))

    def _place(self, location: Json | None, label: str) -> tuple[str, list[Json]] | None:
        """Room of a location, and the locations below it on the way down; None after a problem."""
        if not location:
            if not self._settings.netbox_default_room:
                self._out.refuse(label, "location", "missing: a Rack stands in a room; set it, or name a default room")
                return None
            return self._room({"name": self._settings.netbox_default_room, "id": 0}), []
        path: list[Json] = [self._locations.get(location["id"], location)]
        while isinstance(parent := path[0].get("parent"), dict):
            path.insert(0, self._locations.get(parent["id"], parent))
        level = self._settings.netbox_room_level
        if level >= len(path):
            self._out.refuse(
                label, "location", f"{path[-1]['name']} is at depth {len(path) - 1}, and rooms are at {level}"
            )
            return None
        at = len(path) - 1 if level < 0 else level
        return self._room(path[at]), path[at + 1 :]

    def _room(self, location: Json) -> str:
        key = str(location["id"])
        if key not in self._rooms:
            name = dns_label(str(location["name"]), "room")
            if name in self._room_specs:
                name = dns_label(f"{name}-{key}", "room")
            self._rooms[key] = name
            custom = location.get("custom_fields") or {}
            spec: Spec = {"name": name}
            label = f"location {location['name']}"
            for ours, theirs in (("widthM", "width_m"), ("depthM", "depth_m"), ("heightM", "height_m")):
                if (value := self._number(label, custom, theirs)) is not None:
                    spec[ours] = value
            self._room_specs[name] = spec
        return self._rooms[key]

    def _row(self, rack: Json, path: list[Json]) -> str:
        """Row of a rack: its custom field, a location below the room, its rack group, or the first part of its name."""
        named = (rack.get("custom_fields") or {}).get(f"{self._settings.netbox_field_prefix}row")
        if not named and path:
            named = path[-1]["name"]
        if not named and rack.get("group"):
            named = rack["group"]["name"]
        if not named:
            # R03-12, A.07, 2/14: what stands before the last part.
            parts = [part for part in str(rack["name"]).replace(".", "-").replace("/", "-").split("-") if part]
            named = "-".join(parts[:-1]) if len(parts) > 1 else ""
        return slug(str(named), "r1")

    def _server(self, device: Json, rack: Json) -> Spec | None:
        called = device.get("name") or f"device-{device['id']}"
        label = f"device {called} (id {device['id']})"
        kind = self._snapshot.device_types.get(device["device_type"]["id"], {})
        height = float(1 if kind.get("u_height") is None else kind["u_height"])
        if device.get("position") is None or height == 0 or device.get("parent_device"):
            # At the rack's side, or in a chassis: it has no U of its own.
            self._out.notes.append(f"{label}: left out: it is not mounted at a U of rack {rack['name']}")
            return None
        unit = units.from_bottom(
            float(device["position"]),
            height,
            rack_height=float(rack.get("u_height") or 42),
            first=float(rack.get("starting_unit") or 1),
            descending=bool(rack.get("desc_units")),
        )
        if unit < 1:
            self._out.refuse(label, "position", f"{device['position']:g} lies below the first unit of its rack")
            return None
        ports = self._draws.get(device["id"], [])
        maximum = sum(port.get("maximum_draw") or 0 for port in ports)
        self._out.server_custom[device["id"]] = device.get("custom_fields") or {}
        return {
            "name": self._names.choose(str(called), "server", device["id"]),
            "netboxId": device["id"],
            "position": unit,
            "uHeight": height,
            "face": units.choice(device.get("face")) or "front",
            "fullDepth": bool(kind.get("is_full_depth", True)),
            "serial": (device.get("serial") or "")[:128],
            "model": " ".join(
                part for part in ((kind.get("manufacturer") or {}).get("name"), kind.get("model")) if part
            )[:128],
            "role": device["role"]["name"][:128],
            "allocatedDrawW": sum(port.get("allocated_draw") or 0 for port in ports),
            "maximumDrawW": maximum or None,
            "weightKg": units.kilograms(kind.get("weight"), units.choice(kind.get("weight_unit"))),
        }

    def _power(self, label: str, rack: Json) -> Spec:
        """Feeds A (primary) and B (redundant), and the power that may be drawn: one feed must carry it all."""
        found: dict[str, Spec] = {}
        available: dict[str, float] = {}
        for feed in sorted(self._feeds.get(rack["id"], []), key=lambda item: str(item["name"])):
            if units.choice(feed.get("status")) in {"offline", "planned"}:
                continue
            side = "B" if units.choice(feed.get("type")) == "redundant" else "A"
            available[side] = available.get(side, 0.0) + units.watts_of(feed)
            if side in found:
                self._out.notes.append(f"{label}: power feed {feed['name']}: a second one on side {side}: power added")
                continue
            found[side] = {
                "name": side,
                "pdu": dns_label(_source(feed), "pdu"),
                "voltage": abs(float(feed.get("voltage") or 230)),
                "amperage": float(feed.get("amperage") or 32),
            }
        if not found:
            return {}
        return {"feeds": [found[side] for side in sorted(found)], "availablePowerW": min(available.values())}

    def _cooling(self, device: Json) -> None:
        called = device.get("name") or f"device-{device['id']}"
        label = f"device {called} (id {device['id']})"
        place = self._place(device.get("location"), label)
        custom = device.get("custom_fields") or {}
        prefix = self._settings.netbox_field_prefix
        values = {name: self._number(label, custom, name) for name in ("capacity_w", "airflow_m3s")}
        position = self._position(label, custom)
        missing = [f"{prefix}{name}" for name, value in values.items() if value is None]
        missing += [] if position is not None else [f"{prefix}x_m", f"{prefix}y_m"]
        for name in missing:
            self._out.refuse(label, f"custom_fields.{name}", "missing: a CoolingUnit needs it, and NetBox has no field")
        if missing or place is None:
            return
        role = device["role"]["slug"]
        racks = str(custom.get(f"{prefix}racks") or "")
        self._out.wanted.append(
            Wanted(
                "CoolingUnit",
                self._names.choose(str(called), "unit", device["id"]),
                label,
                {
                    "room": place[0],
                    "racks": self._served(racks, place[0]),
                    "position": position,
                    "type": "crac" if role == "crac" else "in-row" if "row" in role else "crah",
                    "serial": (device.get("serial") or "")[:128],
                    "assetTag": (device.get("asset_tag") or "")[:128],
                    "capacityW": values["capacity_w"],
                    "airflowM3s": values["airflow_m3s"],
                },
                device["id"],
                custom,
            )
        )

    def _served(self, named: str, room: str) -> list[str]:
        """Racks that a unit serves: those of its custom field (names, comma separated), else all of its room."""
        racks = self._out.of_kind("Rack")
        if named:
            wanted = {part.strip() for part in named.split(",")}
            racks = [rack for rack in racks if rack.label.removeprefix("rack ").rpartition(" (id")[0] in wanted]
        return [rack.name for rack in racks if named or rack.spec["room"] == room]

    def _position(self, label: str, custom: Mapping[str, Any]) -> Spec | None:
        x, y = self._number(label, custom, "x_m"), self._number(label, custom, "y_m")
        if x is None or y is None:
            return None
        return {"xM": x, "yM": y, "yawDeg": self._number(label, custom, "yaw_deg") or 0.0}

    def _number(self, label: str, custom: Mapping[str, Any], name: str) -> float | None:
        field = f"{self._settings.netbox_field_prefix}{name}"
        value = custom.get(field)
        if value in (None, ""):
            return None
        try:
            return float(str(value))
        except ValueError:
            self._out.refuse(label, f"custom_fields.{field}", f"{value!r}: expected a number")
            return None


def _source(feed: Json) -> str:
    """What a feed comes through: the PDU it is connected to, else the feed by its panel."""
    for endpoint in feed.get("connected_endpoints") or ():
        device = endpoint.get("device") or {}
        if device.get("name"):
            return str(device["name"])
    return f"{(feed.get('power_panel') or {}).get('name', 'panel')}-{feed['name']}"
