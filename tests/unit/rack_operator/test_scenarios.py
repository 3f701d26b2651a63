"""Promise: a Scenario becomes a Job with what it needs, ends once with its result, and leaves nothing behind."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from tests.unit.rack_operator.fakes import World

from rack_operator.api.scenario import ScenarioSpec
from rack_operator.clients.http import DependencyError
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.ownership import Owner
from rack_operator.desired.scenario import ScenarioAccess, job, replayed_name, replayed_site
from rack_operator.reconcile.scenario import ScenarioReconciler
from rack_operator.reconcile.store import Key
from racktwin import names

NAME = Key("Scenario", "lab", "trial")
ACCESS = ScenarioAccess("http://influx.example", "org", "a-token-for-tests")
WHAT_IF = {"whatIf": {"changes": [{"coolingUnit": {"name": "cu-1", "fails": True}}]}}
REPLAY = {"replay": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z", "speed": 300}}


class FakeInflux:
    def __init__(self) -> None:
        self.summary: dict[str, Any] | None = None
        self.down = False
        self.forgotten: list[tuple[str, str]] = []
        self.removed: list[str] = []

    def _check(self) -> None:
        if self.down:
            raise DependencyError("InfluxDB", "POST", 503, "made to fail")

    async def text(self, bucket: str, scenario: str, uid: str, field: str) -> str | None:
        self._check()
        assert (bucket, scenario, uid, field) == ("lab_scenarios", "trial", "uid-trial", "summary")
        return None if self.summary is None else json.dumps(self.summary)

    async def forget_scenario(self, bucket: str, scenario: str) -> None:
        self._check()
        self.forgotten.append((bucket, scenario))

    async def remove_site(self, site: str) -> None:
        self._check()
        self.removed.append(site)


class Bench:
    """A world with a site of two racks and a unit, all ready, and one Scenario."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.world = World()
        self.influx = FakeInflux()
        ready = {"conditions": [{"type": "Ready", "status": "True", "reason": "AsDesired", "message": ""}]}
        rooms = [
            {"name": "hall", "widthM": 8, "depthM": 6, "heightM": 3},
            {"name": "other", "widthM": 1, "depthM": 1, "heightM": 3},
        ]
        self._put(
            "sites", "Site", "lab", {"rooms": rooms, "models": [{"name": "m", "artifact": {"configMap": "c"}}]}, ready
        )
        place = {"xM": 1.0, "yM": 1.0}
        for name, room in (("k1", "hall"), ("k2", "hall"), ("elsewhere", "other")):
            body = {
                "site": "lab",
                "room": room,
                "row": "r",
                "position": place,
                "servers": [{"name": f"s-{name}", "position": 1}],
            }
            self._put("racks", "Rack", name, body, ready)
        unit = {"site": "lab", "room": "hall", "racks": ["k1"], "position": place, "capacityW": 1.0, "airflowM3s": 1.0}
        self._put("coolingunits", "CoolingUnit", "cu-1", unit, ready)
        self._put("scenarios", "Scenario", "trial", {"site": "lab", "room": "hall", **spec}, {})

    def _put(self, plural: str, kind: str, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": "lab"}
        self.world.kube.put(plural, {"kind": kind, "metadata": metadata, "spec": spec, "status": status})

    async def reconcile(self) -> bool:
        self.world.watch()
        around, store = self.world.around, self.world.store
        return await ScenarioReconciler(around, store, self.influx, ACCESS).reconcile(NAME)  # type: ignore[arg-type]

    def get(self, plural: str, name: str = "scenario-trial") -> dict[str, Any]:
        return self.world.kube.objects[plural, "lab", name]

    def status(self) -> dict[str, Any]:
        return self.get("scenarios", "trial")["status"]

    def ready(self) -> tuple[str, str, str]:
        one = next(c for c in self.status()["conditions"] if c["type"] == "Ready")
        return one["status"], one["reason"], one["message"]

    def end(self, type_: str = "Complete", message: str = "") -> None:
        body = self.get("jobs")
        body["status"] = {"conditions": [{"type": type_, "status": "True", "message": message}]}
        self.world.kube.put("jobs", body)

    def delete(self) -> None:
        self.world.delete("scenarios", "lab", "trial")


async def test_a_what_if_becomes_a_job_with_its_input_and_access() -> None:
    bench = Bench(WHAT_IF)
    assert await bench.reconcile()
    job = bench.get("jobs")
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["python", "-m", "scenarios"]
    environment = {entry["name"]: entry for entry in container["env"]}
    assert environment["RACKTWIN_INFLUX_TOKEN"]["valueFrom"]["secretKeyRef"] == {
        "name": "scenario-trial", "key": "influx-token",
    }  # fmt: skip
    assert "RACKTWIN_KAFKA_BOOTSTRAP" not in environment
    assert ACCESS.influx_token not in json.dumps(job)
    packed = bench.get("configmaps")["binaryData"]["input.json.gz"]
    given = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert [rack["metadata"]["name"] for rack in given["racks"]] == ["k1", "k2"]
    assert [unit["metadata"]["name"] for unit in given["coolingUnits"]] == ["cu-1"]
    assert "servers" not in given["racks"][0]["spec"]
    assert given["scenario"]["spec"]["whatIf"]["changes"][0]["coolingUnit"]["fails"] is True
    assert bench.status()["phase"] == "Running"
    for plural in ("jobs", "configmaps", "secrets"):
        assert bench.get(plural)["metadata"]["ownerReferences"][0]["kind"] == "Scenario"


async def test_the_result_goes_into_the_status_and_the_token_goes_away() -> None:
    bench = Bench(WHAT_IF)
    await bench.reconcile()
    bench.end()
    bench.influx.summary = {
        "headline": "k1 leaves the allowable range after 3 min",
        "baseTime": "2026-01-01T00:00:00Z",
        "cases": [{"name": "baseline", "peakC": 23.0}, {"name": "trial", "allowableAfterS": 180.0, "firstRack": "k1"}],
    }
    await bench.reconcile()
    status = bench.status()
    assert status["phase"] == "Done"
    assert status["headline"] == "k1 leaves the allowable range after 3 min"
    assert status["cases"][1]["allowableAfterS"] == 180.0
    assert bench.ready()[:2] == ("True", "Done")
    assert await bench.reconcile()
    assert "scenario-trial" not in bench.world.kube.names("secrets")
    writes = bench.world.fuse.writes
    assert await bench.reconcile()
    assert bench.world.fuse.writes == writes


async def test_what_cannot_be_computed_says_why() -> None:
    bench = Bench(WHAT_IF)
    await bench.reconcile()
    bench.end()
    bench.influx.summary = {"error": "room hall: no cooling unit"}
    await bench.reconcile()
    assert bench.ready() == ("False", "CannotBeComputed", "room hall: no cooling unit")
    assert bench.status()["phase"] == "Failed"


async def test_a_job_that_failed_without_a_word_points_to_its_log() -> None:
    bench = Bench(WHAT_IF)
    await bench.reconcile()
    bench.end("Failed", "scenario: exited with 1")
    await bench.reconcile()
    status, reason, message = bench.ready()
    assert (status, reason) == ("False", "JobFailed")
    assert "exited with 1" in message


async def test_an_influxdb_that_is_away_is_waited_for() -> None:
    bench = Bench(WHAT_IF)
    await bench.reconcile()
    bench.end()
    bench.influx.down = True
    assert not await bench.reconcile()
    assert bench.ready()[1] == "InfluxDBHTTP503"
    bench.influx.down, bench.influx.summary = False, {"headline": "fine", "cases": []}
    await bench.reconcile()
    assert bench.status()["phase"] == "Done"


async def test_an_unknown_room_or_site_is_named() -> None:
    bench = Bench({**WHAT_IF, "room": "cellar"})
    await bench.reconcile()
    assert "no room cellar" in bench.ready()[2]
    assert not bench.world.kube.names("jobs")
    bench = Bench({**WHAT_IF, "site": "elsewhere"})
    assert not await bench.reconcile()
    assert "no Site elsewhere" in bench.ready()[2]


async def test_an_operator_without_influxdb_says_so() -> None:
    bench = Bench(WHAT_IF)
    bench.world.watch()
    assert not await ScenarioReconciler(bench.world.around, bench.world.store, None, None).reconcile(NAME)
    assert bench.ready()[1] == "NoHistory"


def test_a_replay_writes_to_kafka_as_a_user_of_its_own() -> None:
    pods = PodSettings("i", "kafka:9093", "SASL_SSL", kafka_secret="of-models", scenario_kafka_secret="of-replays")
    body = {"site": "lab", "room": "hall", **REPLAY}
    owner = Owner(kind="Scenario", namespace="lab", name="trial", uid="u")
    made = job(ScenarioSpec.model_validate(body), owner, pods, ACCESS)
    environment = made["spec"]["template"]["spec"]["containers"][0]["env"]
    secrets = {
        entry["name"]: entry["valueFrom"]["secretKeyRef"]["name"] for entry in environment if "valueFrom" in entry
    }
    assert secrets["RACKTWIN_KAFKA_USERNAME"] == secrets["RACKTWIN_KAFKA_PASSWORD"] == "of-replays"


async def test_a_replay_gets_things_of_its_own_and_they_go_with_its_end() -> None:
    bench = Bench(REPLAY)
    assert not await bench.reconcile()
    assert bench.world.kube.names("sites") == {"lab", "lab-trial"}
    assert bench.world.kube.names("racks") == {"k1", "k2", "elsewhere", "trial-k1", "trial-k2"}
    assert bench.ready()[1] == "WaitingForTwins"
    assert not bench.world.kube.names("jobs")
    own = bench.get("racks", "trial-k1")["spec"]
    assert own["site"] == "lab-trial"
    assert "servers" not in own
    assert "models" not in bench.get("sites", "lab-trial")["spec"]
    assert bench.get("coolingunits", "trial-cu-1")["spec"]["racks"] == ["trial-k1"]
    ready = {"conditions": [{"type": "Ready", "status": "True", "reason": "AsDesired", "message": ""}]}
    for (plural, _, name), body in list(bench.world.kube.objects.items()):
        if "trial" in name and plural in ("sites", "racks", "coolingunits"):
            bench.world.kube.put(plural, {**body, "status": ready})
    assert await bench.reconcile()
    given = json.loads(gzip.decompress(base64.b64decode(bench.get("configmaps")["binaryData"]["input.json.gz"])))
    assert given["replay"]["things"]["racktwin.lab:rack-k1"] == "racktwin.lab-trial:rack-trial-k1"
    for live, own_thing in given["replay"]["things"].items():
        assert names.site_of(live) == "lab"
        assert names.site_of(own_thing) == "lab-trial"
    bench.end()
    bench.influx.summary = {"headline": "10 readings", "readings": 10}
    await bench.reconcile()
    assert bench.status()["readings"] == 10
    for _ in range(4):
        await bench.reconcile()
    assert bench.world.kube.names("sites") == {"lab"}
    assert bench.world.kube.names("racks") == {"k1", "k2", "elsewhere"}
    assert bench.influx.removed[-1] == "lab-trial"


async def test_deleting_a_scenario_deletes_all_of_it() -> None:
    bench = Bench(REPLAY)
    for _ in range(3):
        await bench.reconcile()
    bench.delete()
    for _ in range(5):
        if ("scenarios", "lab", "trial") not in bench.world.kube.objects:
            break
        await bench.reconcile()
    assert bench.world.kube.names("scenarios") == set()
    assert bench.world.kube.names("sites") == {"lab"}
    assert not bench.world.kube.names("jobs") | bench.world.kube.names("configmaps") | bench.world.kube.names("secrets")
    assert bench.influx.forgotten == [("lab_scenarios", "trial")]


@pytest.mark.parametrize(
    ("site", "scenario"), [("lab", "trial"), ("lab", "2026"), ("a" * 40, "trial"), ("a-b-c", "t-1"), ("x" * 38, "b-2")]
)
def test_a_replays_site_has_a_name_that_ditto_takes(site: str, scenario: str) -> None:
    found = replayed_site(site, scenario)
    assert names.check_site(found) == found
    assert found != site
    assert found == replayed_site(site, scenario)
    assert len(replayed_name("s" * 30, "r" * 50)) <= 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"whatIf": {"durationS": 5}},
        {"whatIf": {"changes": [{"coolingUnit": {"name": "c", "setpointC": 99}}]}},
        {"replay": {"from": "soon", "to": "later"}},
        {"whatIf": {"changes": [{"load": {"capW": -1}}]}},
    ],
)
def test_values_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScenarioSpec.model_validate({"site": "lab", "room": "hall", **wrong})


def test_the_examples_are_scenarios() -> None:
    path = Path(__file__).parents[3] / "operators" / "examples" / "scenarios" / "what-ifs.yaml"
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    assert [document["metadata"]["name"] for document in documents] == ["n-plus-one", "three-cases"]
    for document in documents:
        ScenarioSpec.model_validate(document["spec"])
