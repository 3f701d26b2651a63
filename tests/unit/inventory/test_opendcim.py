"""openDCIM's export becomes racks that the API accepts, with places in metres."""

from __future__ import annotations

import pytest

from inventory import opendcim, tables
from inventory.plan import make_plan
from rack_operator.api.rack import RackSpec

CABINET = """	<cabinet>
		<CabinetID>{id}</CabinetID>
		<Location>{location}</Location>
		<Height>42</Height>
		<FrontEdge>{front}</FrontEdge>
		<MapX1>{x}</MapX1>
		<MapY1>100</MapY1>
		<MapX2>{x2}</MapX2>
		<MapY2>180</MapY2>
{devices}		<TotalWatts>700</TotalWatts>
	</cabinet>
"""
DEVICE = """		<Device>
			<DeviceID>{id}</DeviceID>
			<Label>{label}</Label>
			<Position>{position}</Position>
			<Height>{height}</Height>
			<Watts>350</Watts>
		</Device>
"""


def export(*cabinets: str) -> str:
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<datacenter>\n\n\t<DataCenterID>1</DataCenterID>\n'
    return head + "\t<Name>Main Hall</Name>\n\t<Size>2000</Size>\n" + "".join(cabinets) + "</datacenter>\n"


def cabinet(identity: int, location: str, x: int, devices: str = "", front: str = "Top") -> str:
    return CABINET.format(id=identity, location=location, x=x, x2=x + 40, devices=devices, front=front)


def test_cabinets_devices_and_places() -> None:
    devices = DEVICE.format(id=5, label="web & mail", position=10, height=2) + DEVICE.format(
        id=6, label="PDU", position=0, height=0
    )
    xml = export(cabinet(1, "A01", 40, devices), cabinet(2, "A02", 80, front="Bottom"))
    listed = "Data Center,Location,Position,Height,Name,Serial Number,Device Type,Template,Half Depth,Back Side\n"
    listed += "Main Hall,A01,10,2,WEB & MAIL,SN9,Server,R740,1,1\nOther,A01,10,2,web & mail,no,Server,x,0,0\n"
    inventory = opendcim.read("berlin", xml, listed)
    tables.site_for(inventory, [])
    plan = make_plan(inventory, [])
    assert plan.problems == [] and any("PDU" in note and "occupies no U" in note for note in plan.notes)
    site, one, two = (change.document for change in plan.changes)
    assert site["spec"]["rooms"][0]["name"] == "main-hall"
    spec = RackSpec.model_validate(one["spec"])
    assert spec.position.x_m == pytest.approx(0.9) and spec.position.y_m == pytest.approx(0.6)
    assert spec.position.yaw_deg == 90 and two["spec"]["position"]["yawDeg"] == 270
    assert two["spec"]["position"]["xM"] == pytest.approx(1.5) and one["spec"]["row"] == "a"
    (server,) = spec.servers
    assert (server.name, server.serial, server.model, server.allocated_draw_w) == ("web-mail", "SN9", "R740", 350)
    assert server.face == "rear" and not server.full_depth


def test_what_is_not_drawn_gets_a_place() -> None:
    xml = export(CABINET.format(id=1, location="A01", x=0, x2=0, devices="", front=""))
    inventory = opendcim.read("berlin", xml, room="hall-b")
    tables.site_for(inventory, [])
    plan = make_plan(inventory, [])
    assert plan.changes[1].document["spec"]["room"] == "hall-b"
    assert any("have no place in the source" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not xml", "not XML"),
        ("<cabinets/>", "<datacenter>"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><datacenter/>', "document type"),
    ],
)
def test_other_files_are_refused(text: str, told: str) -> None:
    with pytest.raises(opendcim.OpenDcimError, match=told):
        opendcim.read("berlin", text)
    with pytest.raises(opendcim.OpenDcimError, match="column 'Data Center' is missing"):
        opendcim.read("berlin", export(), "Name\nx\n")
