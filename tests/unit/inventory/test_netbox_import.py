"""A site of NetBox becomes resources that the API accepts; what cannot is named with object and field."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit.netbox_fake import FakeNetBox, choice
from tests.unit.netbox_site import Hall

from inventory.netbox.mapping import inventory_of
from inventory.netbox.reading import NetBox, NetBoxError, PacedSession
from inventory.netbox.settings import NetBoxSettings
from inventory.plan import Plan, make_plan
from inventory.wanted import Document
from rack_operator.api.cooling_unit import CoolingUnitSpec
from rack_operator.api.rack import RackSpec
from rack_operator.api.site import SiteSpec

SPECS: dict[str, Any] = {"Site": SiteSpec, "Rack": RackSpec, "CoolingUnit": CoolingUnitSpec}


def plan_of(netbox: NetBox, settings: NetBoxSettings, current: list[Document] | None = None, **options: Any) -> Plan:
    return make_plan(inventory_of(netbox.snapshot(), settings, "berlin"), current or [], **options)


def documents(plan: Plan) -> dict[str, Document]:
    """Documents by kind and name, each of them valid."""
    found = {}
    for change in plan.changes:
        SPECS[change.document["kind"]].model_validate(change.document["spec"], strict=False)
        found[change.name] = change.document
    return found


def test_a_rack_with_servers_and_feeds(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    rack = hall.rack(
        "R01-02", serial="SN1", asset_tag="A-7", facility_id="B12", max_weight=2000, weight_unit=choice("lb"),
        outer_width=23.62, outer_unit=choice("in"), outer_depth=47.24, airflow=choice("rear-to-front"),
        role={"id": 1, "name": "Compute", "slug": "compute"}, status=choice("planned"),
    )  # fmt: skip
    server = hall.device("Web 1", rack, 10.0, serial="XYZ")
    hall.power_port(server, 300, 500)
    hall.power_port(server, 100, 500)
    hall.feed(rack, "A1", "primary", pdu="PDU R01 A")
    hall.feed(rack, "B1", "redundant", phase=choice("three-phase"))
    found = documents(plan_of(netbox, settings))
    spec = found["Rack r01-02"]["spec"]
    assert spec["site"] == "berlin" and spec["room"] == "hall-a" and spec["row"] == "r01"
    assert spec["netboxId"] == rack["id"] and spec["serial"] == "SN1" and spec["assetTag"] == "A-7"
    assert spec["facilityId"] == "B12" and spec["role"] == "Compute" and spec["status"] == "planned"
    assert spec["maxWeightKg"] == pytest.approx(907.185) and spec["airflow"] == "rear-to-front"
    assert spec["outerWidthMm"] == 600 and spec["outerDepthMm"] == 1200 and "outerHeightMm" not in spec
    # 80 % of 230 V x 32 A is what one feed may give; the other has three phases.
    assert spec["availablePowerW"] == 5888
    assert spec["feeds"] == [
        {"name": "A", "pdu": "pdu-r01-a", "voltage": 230, "amperage": 32},
        {"name": "B", "pdu": "p1-b1", "voltage": 230, "amperage": 32},
    ]
    assert spec["servers"] == [
        {
            "name": "web-1", "netboxId": server["id"], "position": 10.0, "uHeight": 1.0, "face": "front",
            "fullDepth": True,
            "serial": "XYZ", "model": "Dell R650", "role": "Server", "allocatedDrawW": 400, "maximumDrawW": 1000,
            "weightKg": 21.9,
        }
    ]  # fmt: skip
    assert found["Site berlin"]["spec"]["displayName"] == "Berlin 2"
    assert found["Site berlin"]["spec"]["rooms"][0]["name"] == "hall-a"


def test_units_numbered_from_the_top_are_turned_round(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    two = {**hall.type, "u_height": 2.0}
    hall.fake.objects["dcim/device-types"][two["id"]] = two
    down = hall.rack("D-1", desc_units=True, u_height=42)
    hall.device("top", down, 1.0, device_type=two)
    late = hall.rack("D-2", starting_unit=10, u_height=42)
    hall.device("late", late, 10.0, device_type=two)
    found = documents(plan_of(netbox, settings))
    assert found["Rack d-1"]["spec"]["servers"][0]["position"] == 41
    assert found["Rack d-2"]["spec"]["servers"][0]["position"] == 1


def test_what_cannot_be_taken_over_is_named(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    hall.rack("lost", at=None)
    hall.rack("tall", u_height=100)
    full = hall.rack("full")
    hall.device("one", full, 5.0)
    hall.device("two", full, 5.0)
    feeds = hall.rack("feeds")
    hall.feed(feeds, "x", "primary", pdu="same")
    hall.feed(feeds, "y", "redundant", pdu="same")
    hall.device("crac-1", None, None, role="crac")
    plan = plan_of(netbox, settings)
    told = [str(problem) for problem in plan.problems]
    assert any(text.startswith("rack lost (id ") and ": location: missing" in text for text in told)
    assert any("rack tall" in text and ": u_height: 100" in text for text in told)
    assert any("rack full" in text and "one and two both occupy U 5" in text for text in told)
    assert any("rack feeds" in text and "both come from same" in text for text in told)
    for name in ("capacity_w", "airflow_m3s", "x_m"):
        assert any("device crac-1" in text and f"custom_fields.racktwin_{name}" in text for text in told)
    assert [change.name for change in plan.changes] == ["Site berlin"]


def test_a_cooling_unit_from_custom_fields(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    hall.rack("R1")
    hall.rack("R2")
    fields = {"capacity_w": 90000, "airflow_m3s": 7.5, "x_m": 1.0, "y_m": 2.0, "racks": "R2"}
    hall.device(
        "CRAH 1",
        None,
        None,
        role="cooling",
        custom_fields={f"racktwin_{name}": value for name, value in fields.items()},
    )
    spec = documents(plan_of(netbox, settings))["CoolingUnit crah-1"]["spec"]
    assert spec["racks"] == ["r2"] and spec["capacityW"] == 90000 and spec["airflowM3s"] == 7.5
    assert spec["position"] == {"xM": 1.0, "yM": 2.0, "yawDeg": 0.0}


def test_rooms_at_a_depth_and_rows_below_them(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    row = hall.location("Row 7", hall.hall)
    hall.rack("x", row)
    spec = documents(plan_of(netbox, settings.model_copy(update={"netbox_room_level": 0})))["Rack x"]["spec"]
    assert (spec["room"], spec["row"]) == ("hall-a", "row-7")
    refused = plan_of(netbox, settings.model_copy(update={"netbox_room_level": 5}))
    assert "Row 7 is at depth 1" in str(refused.problems[0])


def test_names_that_collide_or_are_no_labels(netbox: NetBox, settings: NetBoxSettings, hall: Hall) -> None:
    second = hall.rack("Ä 1")
    hall.rack("a.1")
    hall.rack("101")
    hall.rack("x" * 80)
    names = [change.document["metadata"]["name"] for change in plan_of(netbox, settings).changes][1:]
    assert {"a-1", f"a-1-{second['id']}", "rack-101"} <= set(names)
    assert all(len(name) <= 50 for name in names)


def test_pages_pace_and_busy_answers(fake: FakeNetBox, settings: NetBoxSettings, hall: Hall) -> None:
    for number in range(120):
        hall.rack(f"r-{number}")
    fake.busy, fake.limit_max = 3, 50
    fake.requests.clear()
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    session = PacedSession(2.0, 5.0, monotonic=lambda: now[0], sleep=sleep)
    snapshot = NetBox(settings, session).snapshot()
    assert len(snapshot.racks) == 120
    assert len([path for _, path in fake.requests if path.startswith("/api/dcim/racks/")]) == 3
    # Two a second: every request but the first waits half a second.
    assert session.requests == len(fake.requests) and sum(slept) == pytest.approx(0.5 * (session.requests - 1))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"netbox_token": SecretStr("nbt_wrong.token")}, "Invalid v2 token; may the token's user"),
        ({"netbox_site": "nowhere"}, "no site with the slug 'nowhere'"),
        ({"netbox_url": "http://127.0.0.1:1"}, "NetBox http://127.0.0.1:1"),
    ],
)
def test_errors_say_what_is_wrong(settings: NetBoxSettings, change: dict[str, Any], told: str) -> None:
    wrong = settings.model_copy(update=change)
    session = PacedSession(1e6, 1.0, sleep=lambda _s: None)
    with pytest.raises(NetBoxError, match=told.replace("(", r"\(")):
        NetBox(wrong, session).snapshot()
    with pytest.raises(NetBoxError, match="no token"):
        NetBox(settings.model_copy(update={"netbox_token": SecretStr("")}))
