"""CSV there and back is the same; what is wrong is named by line and column."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import tables
from inventory.plan import make_plan
from rack_operator.api.rack import RackSpec, Server

LABEL = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)
METRES = st.floats(0, 1000)
WATTS = st.floats(1, 1e5, allow_nan=False)


@st.composite
def servers(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for at, name in enumerate(draw(st.lists(LABEL, max_size=4, unique=True))):
        found.append(
            Server(
                name=name,
                position=1 + at * 2 + draw(st.sampled_from([0, 0.5])),
                face=draw(st.sampled_from(["front", "rear"])),
                full_depth=draw(st.booleans()),
                serial=draw(TEXT),
                role=draw(TEXT),
                allocated_draw_w=draw(WATTS),
                maximum_draw_w=draw(st.none() | WATTS),
                follows_node=draw(st.sampled_from(["", "node-1.example"])),
                netbox_id=draw(st.none() | st.integers(1, 10**6)),
            ).model_dump(by_alias=True)
        )
    return found


@st.composite
def racks(draw: st.DrawFn) -> dict[str, Any]:
    spec = {
        "site": "berlin",
        "room": draw(LABEL),
        "row": draw(LABEL),
        "position": {"xM": draw(METRES), "yM": draw(METRES), "yawDeg": draw(st.floats(-360, 360))},
        "serial": draw(TEXT),
        "facilityId": draw(TEXT),
        "maxWeightKg": draw(st.none() | st.floats(1, 9999)),
        "enforceCapacity": draw(st.booleans()),
        "ashraeClass": draw(st.none() | st.just("A1")),
        "feeds": draw(st.sampled_from([[], [{"name": "B", "pdu": "p", "voltage": 230.5}], [
            {"name": "A", "pdu": "a", "amperage": 16}, {"name": "B", "pdu": "b"}]])),
        "gateways": draw(st.lists(LABEL, max_size=3, unique=True)),
        "servers": draw(servers()),
    }  # fmt: skip
    return {
        "kind": "Rack",
        "metadata": {"name": draw(LABEL), "namespace": "berlin"},
        "spec": RackSpec.model_validate(spec).model_dump(by_alias=True),
    }


def same(spec: dict[str, Any]) -> dict[str, Any]:
    return RackSpec.model_validate(spec).model_dump(by_alias=True)


@settings(max_examples=30, deadline=None)
@given(st.lists(racks(), min_size=1, max_size=3, unique_by=lambda doc: doc["metadata"]["name"]))
def test_there_and_back_is_the_same(documents: list[dict[str, Any]]) -> None:
    ids: set[int] = set()
    for doc in documents:
        for server in doc["spec"]["servers"]:
            # Unique in the site, as names of servers and ids of NetBox are.
            server["name"] = f"{doc['metadata']['name']}-{server['name']}"
            if server["netboxId"] in ids:
                server["netboxId"] = None
            elif server["netboxId"] is not None:
                ids.add(server["netboxId"])
    inventory = tables.read("berlin", tables.racks_csv(documents), tables.servers_csv(documents))
    assert inventory.problems == []
    found = {item.name: item.spec for item in inventory.wanted}
    for doc in documents:
        read = same({**found[doc["metadata"]["name"]], "site": "berlin"})
        assert read == same(doc["spec"])
    # And a plan against what it came from changes nothing.
    assert make_plan(inventory, [{"apiVersion": "x", **doc} for doc in documents]).changes == []


HEADER = "name,room,row,xM,yM\n"


@pytest.mark.parametrize("role", ["", "hypervisor", '"', '""', '"""', '""""', 'a "b"'])
def test_any_role_of_a_server_comes_back(role: str) -> None:
    server = Server(name="s1", position=1, role=role).model_dump(by_alias=True)
    spec = {"site": "berlin", "room": "h", "row": "r", "position": {"xM": 1, "yM": 2}, "servers": [server]}
    rack = {"kind": "Rack", "metadata": {"name": "r1", "namespace": "berlin"}, "spec": same(spec)}
    inventory = tables.read("berlin", tables.racks_csv([rack]), tables.servers_csv([rack]))
    assert [item.spec["servers"][0]["role"] for item in inventory.wanted if item.kind == "Rack"] == [role]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected a header line"),
        ("name,room\nr,h\n", "column 'row' is missing"),
        ("name,room,row,colour\n", "unknown column 'colour'"),
        (HEADER + "r1,h,r\n", "line 2: expected 5 cells"),
        (HEADER + 'r1,h,"r,1,2\n', "after line 1"),
    ],
)
def test_files_that_are_no_tables(text: str, told: str) -> None:
    with pytest.raises(tables.TableError, match=told):
        tables.read("berlin", text)


def test_cells_are_named_by_line_and_column() -> None:
    racks = HEADER + "r1,h,r,one,2\nr2,h,r,1,2\nr2,h,r,1,2\n"
    servers = "rack,name,position,fullDepth\nr2,s1,1,perhaps\nr9,s2,1,\n"
    inventory = tables.read("berlin", racks, servers)
    assert [str(problem) for problem in inventory.problems] == [
        "racks line 2 (r1): xM: 'one': expected a number",
        "racks line 4: name: r2: there is a rack of this name above",
        "servers line 2 (s1): fullDepth: 'perhaps': expected true or false",
        "servers line 3 (s2): rack: r9: the racks' file has no such rack",
    ]


def test_spreadsheets_and_new_rooms() -> None:
    inventory = tables.read("berlin", "\ufeffname;room;row\nr1;hall;a\nr2;hall;a\n")
    tables.site_for(inventory, [], ["main"])
    plan = make_plan(inventory, [])
    site, first, second = (change.document["spec"] for change in plan.changes)
    assert (
        site["rooms"][0]["name"] == "hall" and site["rooms"][0]["widthM"] > 3 and site["gateways"] == [{"name": "main"}]
    )
    assert second["position"]["xM"] == first["position"]["xM"] + 0.6
    assert {**first["position"], "xM": 0} == {**second["position"], "xM": 0}


def test_an_empty_cell_leaves_the_field() -> None:
    current = {
        "apiVersion": "x", "kind": "Rack", "metadata": {"name": "r1", "namespace": "berlin"},
        "spec": {"site": "berlin", "room": "h", "row": "a", "position": {"xM": 1, "yM": 2}, "serial": "S"},
    }  # fmt: skip
    inventory = tables.read("berlin", "name,room,row,serial,assetTag\nr1,h,a,,T\n")
    (change,) = make_plan(inventory, [current]).changes
    assert [str(field) for field in change.fields] == ["assetTag nothing -> T"]


def test_names_and_ids_are_of_one_thing() -> None:
    racks = "name,room,row,netboxId\nr1,h,r,7\nr2,h,r,7\nr3,h,r,8\n"
    servers = "rack,name,position,netboxId\nr1,s1,1,7\nr1,s2,3,7\nr3,s1,1,9\nr3,s3,3,9\n"
    inventory = tables.read("berlin", racks, servers)
    assert [str(problem) for problem in inventory.problems] == [
        "racks line 3 (r2): netboxId: 7: r1 above has it; NetBox gives each its own",
        "servers line 3 (s2): netboxId: 7: s1 above has it; NetBox gives each its own",
        "servers line 4 (s1): name: s1: there is a server of this name above; names are a site's",
    ]
    assert [item.name for item in inventory.wanted] == ["r1", "r3"]
    assert [server["name"] for server in inventory.wanted[1].spec["servers"]] == ["s3"]
