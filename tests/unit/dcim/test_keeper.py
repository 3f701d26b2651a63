"""Rounds: a difference is shown until it is to be carried out; one refusal does not hold the rest."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import structlog
from tests.unit.netbox_fake import TOKEN, FakeNetBox
from tests.unit.netbox_site import Hall

from dcim.keeper import Keeper
from dcim.settings import DcimSettings
from inventory.cluster import ClusterError
from inventory.netbox.reading import NetBox, NetBoxError
from inventory.plan import Change
from inventory.wanted import Document
from racktwin.ditto_client import DittoError


class Cluster:
    """Resources in memory."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], Document] = {}
        self.refused: set[str] = set()

    def read(self, site: str) -> list[Document]:
        return copy.deepcopy(list(self.documents.values()))

    def carry_out(self, change: Change) -> None:
        if change.document["metadata"]["name"] in self.refused:
            raise ClusterError(f"{change.name}: 422: servers must fit")
        key = (change.document["kind"], change.document["metadata"]["name"])
        if change.action == "remove":
            del self.documents[key]
        else:
            self.documents[key] = copy.deepcopy(change.document)


class Bench:
    """A keeper on the fake NetBox and resources in memory."""

    def __init__(self, fake: FakeNetBox, netbox: NetBox, **values: Any) -> None:
        self.cluster = Cluster()
        self.now = 0.0
        self.power: dict[str, float] | None = {"racktwin.berlin:rack-r1": 900.0}
        settings = DcimSettings(netbox_url=fake.url, netbox_token=TOKEN, dcim_site="berlin", **values)
        self.keeper = Keeper(
            settings,
            netbox=netbox,
            cluster=self.cluster,
            measured=self._measured,
            log=structlog.get_logger(),
            monotonic=lambda: self.now,
        )

    def _measured(self, site: str) -> dict[str, float]:
        if self.power is None:
            raise DittoError(0, "unreachable", "nobody there")
        return self.power


def test_nothing_is_changed_unless_it_is_wanted(fake: FakeNetBox, netbox: NetBox, hall: Hall) -> None:
    rack = hall.rack("r1")
    bench = Bench(fake, netbox)
    found = bench.keeper.look()
    assert len(found.plan.pending()) == 2 and found.applied == 0 and bench.cluster.documents == {}
    assert fake.objects["dcim/racks"][rack["id"]]["custom_fields"]["racktwin_thing_id"] is None


def test_a_round_carries_out_and_writes_back(fake: FakeNetBox, netbox: NetBox, hall: Hall) -> None:
    rack = hall.rack("r1")
    bench = Bench(fake, netbox, dcim_apply=True)
    first = bench.keeper.look()
    assert (first.applied, first.written_back) == (2, 2)
    fields = fake.objects["dcim/racks"][rack["id"]]["custom_fields"]
    assert fields["racktwin_thing_id"] == "racktwin.berlin:rack-r1" and fields["racktwin_power_w"] == 900
    # Our own writes change nothing that would make the next round write again.
    bench.power = {"racktwin.berlin:rack-r1": 2000.0}
    second = bench.keeper.look()
    assert (second.applied, second.written_back, second.plan.changes) == (0, 0, [])
    bench.now = 3601
    assert bench.keeper.look().written_back == 1


def test_one_refusal_does_not_hold_the_rest(fake: FakeNetBox, netbox: NetBox, hall: Hall) -> None:
    first, second = hall.rack("r1"), hall.rack("r2")
    bench = Bench(fake, netbox, dcim_apply=True)
    bench.cluster.refused = {"r1"}
    assert bench.keeper.look().applied == 2
    assert fake.objects["dcim/racks"][first["id"]]["custom_fields"]["racktwin_thing_id"] is None
    assert fake.objects["dcim/racks"][second["id"]]["custom_fields"]["racktwin_thing_id"] == "racktwin.berlin:rack-r2"


def test_netbox_or_ditto_away(fake: FakeNetBox, netbox: NetBox, hall: Hall) -> None:
    hall.rack("r1")
    bench = Bench(fake, netbox, dcim_apply=True)
    bench.power = None
    assert bench.keeper.look().applied == 2
    fake.readonly = True
    bench.power = {"racktwin.berlin:rack-r1": 5000.0}
    assert bench.keeper.look().written_back == 0
    fake.objects.pop("dcim/racks")
    with pytest.raises(NetBoxError, match=r"dcim\.racks: 404"):
        bench.keeper.look()


def test_deleted_objects_go_where_that_is_wanted(fake: FakeNetBox, netbox: NetBox, hall: Hall) -> None:
    hall.rack("r1")
    gone = hall.rack("r2")
    bench = Bench(fake, netbox, dcim_apply=True)
    bench.keeper.look()
    fake.objects["dcim/racks"].pop(gone["id"])
    bench.keeper.look()
    assert ("Rack", "r2") in bench.cluster.documents
    deleting = Bench(fake, netbox, dcim_apply=True, dcim_delete=True)
    deleting.cluster = bench.cluster
    deleting.keeper._cluster = bench.cluster
    deleting.keeper.look()
    assert ("Rack", "r2") not in bench.cluster.documents
