"""What is made of NetBox's objects, the real API server takes; and it is the same when it is read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kubernetes import client
from tests.contract.neighbours.waiting import until
from tests.unit.netbox_fake import choice
from tests.unit.netbox_site import Hall

from inventory.cluster import ClusterError, Resources
from inventory.netbox.mapping import inventory_of
from inventory.netbox.reading import NetBox
from inventory.netbox.settings import NetBoxSettings
from inventory.plan import Plan, make_plan


def carry_out(api: client.ApiClient, plan: Plan) -> None:
    resources = Resources(client.CustomObjectsApi(api))
    for change in plan.pending():
        resources.carry_out(change)


def carried_out(api: client.ApiClient, make: Callable[[], Plan]) -> Plan:
    """The plan, once it was carried out: it is made anew where the running operator changed a resource meanwhile."""
    first = plan = make()

    def done() -> bool:
        nonlocal plan
        try:
            carry_out(api, plan)
        except ClusterError as error:
            if ": 409" not in str(error):
                raise
            plan = make()
            return False
        return True

    until(done, lambda: f"not carried out: {plan}")
    return first


def test_a_site_of_netbox_is_taken_over_and_followed(
    api: client.ApiClient, site: str, netbox: NetBox, settings: NetBoxSettings, hall: Hall
) -> None:
    resources = Resources(client.CustomObjectsApi(api))

    def plan(*, delete: bool = False) -> Plan:
        return make_plan(inventory_of(netbox.snapshot(), settings, site), resources.read(site), delete=delete)

    racks = [hall.rack(f"R01-{n:02d}", max_weight=1500, weight_unit=choice("kg")) for n in range(1, 8)]
    servers = [hall.device(f"web-{n}", rack, 10.0, serial=f"S{n}") for n, rack in enumerate(racks)]
    for rack in racks:
        hall.feed(rack, "a", "primary", pdu=f"pdu-a-{rack['id']}")
        hall.feed(rack, "b", "redundant", pdu=f"pdu-b-{rack['id']}")
    custom = {"racktwin_capacity_w": 90000, "racktwin_airflow_m3s": 7.5, "racktwin_x_m": 1, "racktwin_y_m": 2}
    hall.device("crah-1", None, None, role="cooling", custom_fields=custom)
    first = carried_out(api, plan)
    assert len(first.pending()) == 9 and first.problems == []
    # The API server's own defaults are no difference.
    assert plan().changes == []
    racks[0]["serial"], servers[1]["rack"] = "new", hall.fake.brief("dcim/racks", racks[2])
    servers[1]["position"] = 20.0
    second = carried_out(api, plan)
    assert sorted(change.name for change in second.changes) == ["Rack r01-01", "Rack r01-02", "Rack r01-03"]
    assert plan().changes == []
    hall.fake.objects["dcim/racks"].pop(racks[6]["id"])
    # The cooling unit no longer serves it; the rack itself stays until it is asked to go.
    assert [f"{change.action} {change.name}" for change in plan().changes] == [
        "gone Rack r01-07",
        "update CoolingUnit crah-1",
    ]
    carried_out(api, lambda: plan(delete=True))

    def racks_left() -> int:
        return len([doc for doc in resources.read(site) if doc["kind"] == "Rack"])

    # A resource goes when the running operator has let go of it.
    until(lambda: racks_left() == 6, lambda: f"{racks_left()} racks")


def test_refusals_name_the_resource(
    api: client.ApiClient, site: str, netbox: NetBox, settings: NetBoxSettings, hall: Hall
) -> None:
    hall.rack("r1")
    resources = Resources(client.CustomObjectsApi(api))
    plan = carried_out(api, lambda: make_plan(inventory_of(netbox.snapshot(), settings, site), resources.read(site)))
    # Somebody else's change in the meantime: a plan that was made before it is refused.
    hall.fake.objects["dcim/racks"][next(iter(plan.racks))]["serial"] = "one"
    late = make_plan(inventory_of(netbox.snapshot(), settings, site), resources.read(site))
    hall.fake.objects["dcim/racks"][next(iter(plan.racks))]["serial"] = "two"
    carried_out(api, lambda: make_plan(inventory_of(netbox.snapshot(), settings, site), resources.read(site)))
    with pytest.raises(ClusterError, match="Rack r1: 409"):
        carry_out(api, late)
    nowhere = make_plan(inventory_of(netbox.snapshot(), settings, "nowhere"), [])
    with pytest.raises(ClusterError, match=r"Site nowhere: 404.*the namespace of the site must be there"):
        carry_out(api, nowhere)
