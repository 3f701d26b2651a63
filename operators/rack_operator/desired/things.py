"""Ditto things of a site's rooms, gateways, racks and servers. Pure.

The operator owns policy, definition, attributes and the existence of features; the values of
properties belong to the pipeline and are never written here. Attribute names follow NetBox.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rack_operator.api.cooling_unit import CoolingUnitSpec
from rack_operator.api.rack import Position, RackSpec, Sensor, Server
from rack_operator.api.site import CoolingUnit, Room, SiteSpec
from rack_operator.desired.ownership import MARK, Owner
from racktwin import names
from racktwin.thing_models import BASE_FEATURES, feature_definition, thing_definition

JsonObject = dict[str, Any]
_ENVIRONMENT = "environment."


def sensor_feature(sensor: Sensor) -> str:
    """The feature that a sensor's readings go to."""
    side = "" if sensor.face == "front" else "rear-"
    return f"{_ENVIRONMENT}{side}{sensor.position}"


def gateway_ids(site: str, gateways: list[str]) -> list[str]:
    """Thing ids, which are device ids, of gateways by name."""
    return [names.thing_id(site, "gateway", name) for name in gateways]


def site_thing(spec: SiteSpec, owner: Owner) -> JsonObject:
    """The site itself: name and defaults, for whoever reads twins and not Kubernetes."""
    return _thing(
        site=owner.name,
        kind="site",
        name=owner.name,
        policy=names.base_policy(owner.name),
        definitions_url=None,
        attributes={
            "displayName": spec.display_name,
            "ashraeClass": spec.ashrae_class,
            "intervals": {"criticalS": spec.intervals.critical_s, "slowS": spec.intervals.slow_s},
            # The historian keeps to it.
            "history": None if spec.history is None else spec.history.model_dump(by_alias=True),
        },
        owner=owner,
    )


def room_thing(room: Room, owner: Owner, definitions_url: str) -> JsonObject:
    """A room, with its cooling units as plain data."""
    return _thing(
        site=owner.name,
        kind="room",
        name=room.name,
        policy=names.base_policy(owner.name),
        definitions_url=definitions_url,
        attributes={
            "location": room.name,
            "width": room.width_m,
            "depth": room.depth_m,
            "height": room.height_m,
            "coolingUnits": {unit.name: _cooling_unit(unit) for unit in room.cooling_units},
        },
        owner=owner,
    )


def gateway_thing(gateway: str, owner: Owner, definitions_url: str) -> JsonObject:
    """A gateway."""
    return _thing(
        site=owner.name,
        kind="gateway",
        name=gateway,
        policy=names.base_policy(owner.name),
        definitions_url=definitions_url,
        attributes={},
        owner=owner,
    )


def rack_thing(
    spec: RackSpec,
    owner: Owner,
    gateways: list[str],
    ashrae_class: str,
    definitions_url: str,
    *,
    predictions: Iterable[str] = (),
) -> JsonObject:
    """A rack.

    `gateways` are thing ids; `ashrae_class` is the rack's own or its site's; `predictions` are the features of the
    site's models, which Ditto would refuse if its Thing Model did not know them.
    """
    return _thing(
        site=spec.site,
        kind="rack",
        name=owner.name,
        policy=names.thing_id(spec.site, "rack", owner.name),
        definitions_url=definitions_url,
        attributes={
            "location": spec.room,
            "row": spec.row,
            "position": _position(spec.position),
            "facilityId": spec.facility_id,
            "uHeight": spec.u_height,
            "outerWidth": spec.outer_width_mm,
            "outerDepth": spec.outer_depth_mm,
            "outerHeight": spec.outer_height_mm,
            "airflow": spec.airflow,
            "status": spec.status,
            "role": spec.role,
            "serial": spec.serial,
            "assetTag": spec.asset_tag,
            "netboxId": spec.netbox_id,
            "maxWeight": spec.max_weight_kg,
            "ashraeClass": ashrae_class,
            "availablePower": spec.available_power_w,
            "coolingCapacity": spec.cooling_capacity_w,
            "allocatedDraw": sum(server.allocated_draw_w for server in spec.servers),
            "feeds": {
                feed.name: {"pdu": feed.pdu, "voltage": feed.voltage, "amperage": feed.amperage} for feed in spec.feeds
            },
            "gateways": gateways,
            "sensors": {
                sensor.name: {
                    "feature": sensor_feature(sensor),
                    "position": sensor.position,
                    "face": sensor.face,
                    "measures": list(sensor.measures),
                }
                for sensor in spec.sensors
            },
            "servers": [names.thing_id(spec.site, "server", server.name) for server in spec.servers],
        },
        features={sensor_feature(sensor) for sensor in spec.sensors} | set(predictions),
        owner=owner,
    )


def server_thing(
    server: Server,
    spec: RackSpec,
    owner: Owner,
    gateways: list[str],
    definitions_url: str,
    *,
    predictions: Iterable[str] = (),
) -> JsonObject:
    """A server in a rack; it stands under the rack's policy."""
    rack = names.thing_id(spec.site, "rack", owner.name)
    return _thing(
        site=spec.site,
        kind="server",
        name=server.name,
        policy=rack,
        definitions_url=definitions_url,
        attributes={
            "location": spec.room,
            "row": spec.row,
            "rack": rack,
            "position": server.position,
            "uHeight": server.u_height,
            "face": server.face,
            "serial": server.serial,
            "deviceType": server.model,
            "role": server.role,
            "allocatedDraw": server.allocated_draw_w,
            "fullDepth": server.full_depth,
            "maximumDraw": server.maximum_draw_w,
            "weight": server.weight_kg,
            # A node's name is its host's, but for a few clouds.
            "hostname": server.follows_node,
            "netboxId": server.netbox_id,
            "gateways": gateways,
        },
        features=set(predictions),
        owner=owner,
    )


def cooling_thing(spec: CoolingUnitSpec, owner: Owner, gateways: list[str], definitions_url: str) -> JsonObject:
    """A cooling unit. Its feature `control` takes commands as desired properties, within the limits given here."""
    return _thing(
        site=spec.site,
        kind="cooling",
        name=owner.name,
        policy=names.thing_id(spec.site, "cooling", owner.name),
        definitions_url=definitions_url,
        attributes={
            "location": spec.room,
            "type": spec.type,
            "position": _position(spec.position),
            "racks": [names.thing_id(spec.site, "rack", rack) for rack in spec.racks],
            "facilityId": spec.facility_id,
            "serial": spec.serial,
            "assetTag": spec.asset_tag,
            "netboxId": spec.netbox_id,
            "capacity": spec.capacity_w,
            "ratedAirflow": spec.airflow_m3s,
            "fanPower": spec.fan_power_w,
            "setpointMin": spec.setpoint_min_c,
            "setpointMax": spec.setpoint_max_c,
            "fanMin": spec.fan_min_percent,
            "fanMax": spec.fan_max_percent,
            "slewLimit": spec.slew.setpoint_step_k,
            "setpointSlew": spec.slew.setpoint_k_per_min,
            "fanSlew": spec.slew.fan_percent_per_min,
            "secondApprover": spec.second_approver or None,
            "maintenanceWindows": [window.model_dump(mode="json") for window in spec.maintenance_windows] or None,
            "gateways": gateways,
        },
        owner=owner,
    )


def _thing(
    *,
    site: str,
    kind: names.Kind,
    name: str,
    policy: str,
    definitions_url: str | None,
    attributes: JsonObject,
    owner: Owner,
    features: Iterable[str] = (),
) -> JsonObject:
    """One thing. `definitions_url` is None for a kind without a model; `features` come beside its usual ones."""
    thing: JsonObject = {
        "thingId": names.thing_id(site, kind, name),
        "policyId": policy,
        "attributes": _present({"name": name, "site": site, **attributes, MARK: owner.mark()}),
    }
    if definitions_url is not None:
        wanted = sorted({*BASE_FEATURES[kind], *features})
        thing["definition"] = thing_definition(definitions_url, kind, wanted)
        # Ditto asks that each feature its model names exists, and keeps it empty until something is known.
        thing["features"] = {
            name: {"definition": [feature_definition(definitions_url, kind, name)], "properties": {}} for name in wanted
        }
    return thing


def _present(attributes: JsonObject) -> JsonObject:
    """Leaves out what is not known: absent is absent, never empty or zero."""
    return {key: value for key, value in attributes.items() if value not in (None, "")}


def _position(position: Position) -> JsonObject:
    return {"x": position.x_m, "y": position.y_m, "z": position.z_m, "yawDeg": position.yaw_deg}


def _cooling_unit(unit: CoolingUnit) -> JsonObject:
    return _present(
        {
            "type": unit.type,
            "position": _position(unit.position),
            "capacity": unit.capacity_w,
            "airflow": unit.airflow_m3s,
            "setpoint": unit.setpoint_c,
            "setpointMin": unit.setpoint_min_c,
            "setpointMax": unit.setpoint_max_c,
            "fanPower": unit.fan_power_w,
        }
    )
