"""Promise: the API server itself refuses a bad rack or site, and its message names the field."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.crds.conftest import Kubectl

JsonObject = dict[str, Any]


def good_rack(kubectl: Kubectl) -> JsonObject:
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "Rack",
        "metadata": {"name": "r01-01", "namespace": kubectl.namespace},
        "spec": {
            "site": "lab",
            "room": "hall",
            "row": "r01",
            "position": {"xM": 1.0, "yM": 2.0},
            "uHeight": 42,
            "availablePowerW": 1000,
            "feeds": [{"name": "A", "pdu": "pdu-a"}, {"name": "B", "pdu": "pdu-b"}],
            "servers": [
                {"name": "one", "position": 1, "uHeight": 2, "allocatedDrawW": 600},
                {"name": "two", "position": 3, "uHeight": 1, "allocatedDrawW": 600},
            ],
        },
    }


def good_site(kubectl: Kubectl) -> JsonObject:
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "Site",
        "metadata": {"name": "lab", "namespace": kubectl.namespace},
        "spec": {
            "rooms": [
                {
                    "name": "hall",
                    "widthM": 10,
                    "depthM": 8,
                    "heightM": 3,
                    "coolingUnits": [
                        {"name": "c1", "position": {"xM": 0, "yM": 0}, "capacityW": 1000, "airflowM3s": 1}
                    ],
                }
            ]
        },
    }


def put(path: str, value: Any) -> Callable[[JsonObject], None]:
    """A change of the document at a dotted path."""

    def change(document: JsonObject) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        node: Any = document
        for part in parents:
            node = node[part]
        if value is None:
            del node[last]
        else:
            node[last] = value

    return change


SENSOR = {"face": "front", "measures": ["temperature", "relativeHumidity"]}
TOP = {"name": "top", "position": "top", **SENSOR}
BOTTOM = {"name": "bottom", "position": "bottom", **SENSOR}

BAD_RACKS = {
    "name with a dot": (put("metadata.name", "r01.01"), ["metadata.name", "DNS label"]),
    "name that begins with a digit": (put("metadata.name", "1r"), ["metadata.name", "begins with a letter"]),
    "name too long": (put("metadata.name", "r" * 51), ["metadata.name", "at most 50"]),
    "site missing": (put("spec.site", None), ["spec.site", "Required"]),
    "site not a label": (put("spec.site", "Lab_1"), ["spec.site"]),
    "site too long": (put("spec.site", "a" * 41), ["spec.site"]),
    "room not a label": (put("spec.room", "Hall A"), ["spec.room"]),
    "row not a label": (put("spec.row", "R 1"), ["spec.row"]),
    "position missing": (put("spec.position", None), ["spec.position", "Required"]),
    "position negative": (put("spec.position.xM", -1), ["spec.position.xM"]),
    "height zero": (put("spec.uHeight", 0), ["spec.uHeight"]),
    "weight not positive": (put("spec.maxWeightKg", 0), ["spec.maxWeightKg"]),
    "power not positive": (put("spec.availablePowerW", -5), ["spec.availablePowerW"]),
    "cooling not positive": (put("spec.coolingCapacityW", 0), ["spec.coolingCapacityW"]),
    "ASHRAE class unknown": (put("spec.ashraeClass", "A9"), ["spec.ashraeClass", "A1"]),
    "airflow unknown": (put("spec.airflow", "sideways"), ["spec.airflow"]),
    "unknown field": (put("spec.colour", "red"), ["spec.colour"]),
    "two servers of one name": (put("spec.servers.1.name", "one"), ["spec.servers[1]", "Duplicate"]),
    "servers in the same U": (put("spec.servers.1.position", 2), ["spec.servers", "same U"]),
    "servers half a U into each other": (put("spec.servers.1.position", 2.5), ["spec.servers", "same U"]),
    "server above the rack": (put("spec.servers.1.position", 43), ["spec.servers", "above the rack"]),
    "server at a quarter U": (put("spec.servers.1.position", 5.25), ["spec.servers[1].position", "half U"]),
    "server below the rack": (put("spec.servers.1.position", 0), ["spec.servers[1].position"]),
    "server weight not positive": (put("spec.servers.0.weightKg", 0), ["spec.servers[0].weightKg"]),
    "capacity enforced": (put("spec.enforceCapacity", True), ["spec.servers", "availablePowerW"]),
    "feeds from one PDU": (put("spec.feeds.1.pdu", "pdu-a"), ["spec.feeds", "different pdus"]),
    "two feeds of one name": (put("spec.feeds.1.name", "A"), ["spec.feeds[1]", "Duplicate"]),
    "feed C": (put("spec.feeds.1.name", "C"), ["spec.feeds[1].name"]),
    "feed without volts": (put("spec.feeds.1.voltage", 0), ["spec.feeds[1].voltage"]),
    "two sensors of one name": (
        put("spec.sensors", [TOP, {**BOTTOM, "name": "top"}]),
        ["spec.sensors[1]", "Duplicate"],
    ),
    "two sensors in one place": (
        put("spec.sensors", [TOP, BOTTOM, {**TOP, "name": "other"}]),
        ["spec.sensors", "differ in position or face"],
    ),
    "no sensor at the top": (
        put("spec.sensors", [BOTTOM, {**BOTTOM, "name": "rear", "face": "rear"}]),
        ["spec.sensors", "position top"],
    ),
    "no humidity at the bottom": (
        put("spec.sensors", [TOP, {**BOTTOM, "measures": ["temperature"]}]),
        ["spec.sensors", "position bottom"],
    ),
    "sensor that measures noise": (
        put("spec.sensors", [TOP, {**BOTTOM, "measures": ["noise"]}]),
        ["spec.sensors[1].measures"],
    ),
    "too many servers": (
        put("spec.servers", [{"name": f"s{n}", "position": 1} for n in range(61)]),
        ["spec.servers", "at most 60"],
    ),
    "deletion policy unknown": (put("spec.deletionPolicy", "Forget"), ["spec.deletionPolicy"]),
}

BAD_SITES = {
    "name too long": (put("metadata.name", "s" * 41), ["metadata.name", "at most 40"]),
    "no rooms": (put("spec.rooms", []), ["spec.rooms"]),
    "room without width": (put("spec.rooms.0.widthM", 0), ["spec.rooms[0].widthM"]),
    "set-point above its limit": (
        put("spec.rooms.0.coolingUnits.0.setpointC", 30),
        ["spec.rooms[0].coolingUnits[0].setpointC", "setpointMaxC"],
    ),
    "partitions zero": (put("spec.topics", {"partitions": 0}), ["spec.topics.partitions"]),
    "interval zero": (put("spec.intervals", {"criticalS": 0}), ["spec.intervals.criticalS"]),
    "two gateways of one name": (
        put("spec.gateways", [{"name": "main"}, {"name": "main"}]),
        ["spec.gateways[1]", "Duplicate"],
    ),
    "model without artifact": (put("spec.models", [{"name": "m"}]), ["spec.models[0].artifact", "Required"]),
}


def test_a_good_rack_is_taken_with_its_defaults(kubectl: Kubectl) -> None:
    taken, answer = kubectl.dry_run(good_rack(kubectl))
    assert taken, answer
    spec = json.loads(answer)["spec"]
    assert [(sensor["name"], sensor["position"], sensor["face"]) for sensor in spec["sensors"]] == [
        ("top", "top", "front"),
        ("bottom", "bottom", "front"),
    ]
    assert spec["deletionPolicy"] == "Delete"
    assert spec["feeds"][0]["voltage"] == 230
    assert spec["servers"][0]["fullDepth"] is True


def test_a_good_site_is_taken_with_its_defaults(kubectl: Kubectl) -> None:
    taken, answer = kubectl.dry_run(good_site(kubectl))
    assert taken, answer
    spec = json.loads(answer)["spec"]
    assert spec["intervals"] == {"criticalS": 1, "slowS": 300}
    assert spec["topics"]["partitions"] == 3
    assert spec["models"] == []


def test_half_depth_servers_share_a_u_on_different_faces(kubectl: Kubectl) -> None:
    document = good_rack(kubectl)
    document["spec"]["servers"] = [
        {"name": "front", "position": 1, "face": "front", "fullDepth": False},
        {"name": "rear", "position": 1, "face": "rear", "fullDepth": False},
    ]
    taken, answer = kubectl.dry_run(document)
    assert taken, answer


def test_a_full_rack_is_within_the_price_of_the_rules(kubectl: Kubectl) -> None:
    document = good_rack(kubectl)
    document["spec"]["uHeight"] = 60
    document["spec"]["servers"] = [{"name": f"server-{n}", "position": n + 1} for n in range(60)]
    taken, answer = kubectl.dry_run(document)
    assert taken, answer


@pytest.mark.parametrize("case", BAD_RACKS)
def test_a_bad_rack_is_refused_by_name_of_the_field(kubectl: Kubectl, case: str) -> None:
    change, said = BAD_RACKS[case]
    document = copy.deepcopy(good_rack(kubectl))
    change(document)
    taken, answer = kubectl.dry_run(document)
    assert not taken, f"{case}: taken"
    for words in said:
        assert words in answer, f"{case}: {answer}"


@pytest.mark.parametrize("case", BAD_SITES)
def test_a_bad_site_is_refused_by_name_of_the_field(kubectl: Kubectl, case: str) -> None:
    change, said = BAD_SITES[case]
    document = copy.deepcopy(good_site(kubectl))
    change(document)
    taken, answer = kubectl.dry_run(document)
    assert not taken, f"{case}: taken"
    for words in said:
        assert words in answer, f"{case}: {answer}"


def test_a_rack_cannot_move_to_another_site(kubectl: Kubectl) -> None:
    document = good_rack(kubectl)
    created = kubectl.run("create", "-f", "-", stdin=json.dumps(document))
    assert created.returncode == 0, created.stderr
    patch = json.dumps({"spec": {"site": "other"}})
    moved = kubectl.run("patch", "rack", "r01-01", "-n", kubectl.namespace, "--type=merge", "-p", patch)
    assert moved.returncode != 0
    assert "spec.site" in moved.stderr
    assert "immutable" in moved.stderr
    edited = kubectl.run(
        "patch", "rack", "r01-01", "-n", kubectl.namespace, "--type=merge", "-p", '{"spec":{"role":"storage"}}'
    )
    assert edited.returncode == 0, edited.stderr
    kubectl.run("delete", "rack", "r01-01", "-n", kubectl.namespace, "--wait=false")
