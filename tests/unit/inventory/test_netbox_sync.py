"""Kept in step: what changes, what is kept, what has gone, what is written back."""

from __future__ import annotations

import pytest
from tests.unit.inventory.test_netbox_import import documents, plan_of
from tests.unit.netbox_fake import FakeNetBox
from tests.unit.netbox_site import Hall

from inventory.netbox import back
from inventory.netbox.mapping import inventory_of
from inventory.netbox.reading import NetBox, NetBoxError
from inventory.netbox.settings import NetBoxSettings
from inventory.plan import make_plan


def test_a_second_plan_changes_nothing(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    for number in range(12):
        hall.device(f"s{number}", hall.rack(f"r{number % 3}-{number}"), 4.0)
    current = list(documents(plan_of(netbox, settings)).values())
    again = plan_of(netbox, settings, current)
    assert again.changes == [] and again.unchanged == 13


def test_changes_name_their_fields_and_keep_what_netbox_does_not_know(
    netbox: NetBox, settings: NetBoxSettings, hall: Hall
) -> None:
    rack = hall.rack("r1", serial="old")
    server = hall.device("web", rack, 3.0)
    current = list(documents(plan_of(netbox, settings)).values())
    spec = next(doc["spec"] for doc in current if doc["kind"] == "Rack")
    spec |= {"coolingCapacityW": 9000, "gateways": ["main"], "position": {"xM": 7, "yM": 8, "yawDeg": 90}}
    # What the API server sets by itself.
    spec["position"] |= {"zM": 0}
    spec["servers"][0] |= {"followsNode": "node-1", "face": "front"}
    spec["servers"].append({"name": "by-hand", "position": 30})
    rack["serial"], server["position"], rack["name"] = "new", 5.0, "renamed"
    (change,) = plan_of(netbox, settings, current).changes
    assert change.name == "Rack r1" and change.action == "update"
    assert [str(field) for field in change.fields] == ["serial old -> new", "servers[web].position 3 -> 5"]
    after = change.document["spec"]
    assert after["coolingCapacityW"] == 9000 and after["position"]["xM"] == 7 and after["gateways"] == ["main"]
    assert [entry["name"] for entry in after["servers"]] == ["web", "by-hand"]
    assert after["servers"][0]["followsNode"] == "node-1"


def test_a_server_that_moves_takes_its_entry_along(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    one, two = hall.rack("r1"), hall.rack("r2")
    server = hall.device("web", one, 3.0)
    current = list(documents(plan_of(netbox, settings)).values())
    next(doc for doc in current if doc["metadata"]["name"] == "r1")["spec"]["servers"][0]["followsNode"] = "n"
    server["rack"] = hall.fake.brief("dcim/racks", two)
    found = {change.name: change.document["spec"]["servers"] for change in plan_of(netbox, settings, current).changes}
    assert found["Rack r1"] == [] and found["Rack r2"][0]["followsNode"] == "n"


def test_what_is_gone_stays_until_it_is_asked_to_go(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    kept, gone = hall.rack("r1"), hall.rack("r2")
    server = hall.device("web", kept, 3.0)
    current = list(documents(plan_of(netbox, settings)).values())
    hall.fake.objects["dcim/racks"].pop(gone["id"])
    hall.fake.objects["dcim/devices"].pop(server["id"])
    plan = plan_of(netbox, settings, current)
    assert [(change.action, change.name) for change in plan.changes] == [("gone", "Rack r2")]
    assert plan.pending() == []
    assert any("server web (id" in note and "--delete" in note for note in plan.notes)
    deleting = plan_of(netbox, settings, current, delete=True)
    assert [(change.action, change.name) for change in deleting.changes] == [
        ("remove", "Rack r2"),
        ("update", "Rack r1"),
    ]
    assert deleting.changes[1].document["spec"]["servers"] == []


def test_a_rack_with_a_problem_is_not_gone(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    rack = hall.rack("r1")
    current = list(documents(plan_of(netbox, settings)).values())
    rack["location"] = None
    plan = plan_of(netbox, settings, current, delete=True)
    assert [change.name for change in plan.changes if change.action == "remove"] == []
    assert len(plan.problems) == 1


def test_a_resource_of_the_same_name_is_adopted(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    rack = hall.rack("r1")
    current = list(documents(plan_of(netbox, settings)).values())
    spec = next(doc["spec"] for doc in current if doc["kind"] == "Rack")
    del spec["netboxId"]
    (change,) = plan_of(netbox, settings, current).changes
    assert change.action == "update" and [str(field) for field in change.fields] == [
        f"netboxId nothing -> {rack['id']}"
    ]


def test_thing_ids_and_power_go_back_once(
    fake: FakeNetBox, netbox: NetBox, settings: NetBoxSettings, hall: Hall
) -> None:
    rack = hall.rack("R1")
    server = hall.device("web", rack, 3.0)
    measured = {"racktwin.berlin:rack-r1": 4200.4, "racktwin.berlin:server-web": 310.0}

    def write() -> int:
        inventory = inventory_of(netbox.snapshot(), settings, "berlin")
        plan = make_plan(inventory, [])
        written = 0
        for changes in (
            back.thing_ids(plan, inventory, "racktwin_"),
            back.powers(plan, inventory, "racktwin_", measured),
        ):
            written += sum(netbox.update(endpoint, items) for endpoint, items in changes.items())
        return written

    assert write() == 4
    fields = fake.objects["dcim/racks"][rack["id"]]["custom_fields"]
    assert fields["racktwin_thing_id"] == "racktwin.berlin:rack-r1" and fields["racktwin_power_w"] == 4200
    assert (
        fake.objects["dcim/devices"][server["id"]]["custom_fields"]["racktwin_thing_id"] == "racktwin.berlin:server-web"
    )
    assert write() == 0
    # A flicker is not worth a line in NetBox's change log.
    measured["racktwin.berlin:rack-r1"] = 4300
    assert write() == 0
    measured["racktwin.berlin:rack-r1"] = 5000
    assert write() == 1


def test_custom_fields_are_made_once_and_missing_ones_are_named(
    fake: FakeNetBox, netbox: NetBox, settings: NetBoxSettings
) -> None:
    with pytest.raises(NetBoxError, match=r"dcim.racks 7: 400: custom_fields: racktwin_thing_id: Custom field"):
        netbox.update("dcim.racks", [{"id": 7, "custom_fields": {"racktwin_thing_id": "x"}}])
    assert len(back.prepare(netbox, "racktwin_")) == len(back.FIELDS)
    assert back.prepare(netbox, "racktwin_") == []
    fake.readonly = True
    with pytest.raises(NetBoxError, match="403: You do not have permission"):
        netbox.update("dcim.racks", [{"id": 7, "custom_fields": {}}])


def test_a_new_object_never_takes_the_name_of_another(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    hall.device("web", hall.rack("r.1"), 3.0)
    current = list(documents(plan_of(netbox, settings)).values())
    # It sorts first, and would be called r-1 on a first import.
    second = hall.rack("R 1", hall.location("Hall B"))
    other = hall.device("WEB", second, 3.0)
    (site, change) = plan_of(netbox, settings, current).changes
    assert site.name == "Site berlin" and change.name == f"Rack r-1-{second['id']}"
    assert change.document["spec"]["servers"][0]["name"] == f"web-{other['id']}"
