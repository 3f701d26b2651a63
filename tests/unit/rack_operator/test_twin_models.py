"""Promise: a TwinModel becomes runners and trainings, and its conditions say how it stands and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.rack_operator.fakes import World

from models.definition import Channel, Definition, Graph, Manifest, Target
from models.notes import Outcome, Pointer, Promotion, Refusal, State
from rack_operator.clients.http import DependencyError
from rack_operator.clients.registry import Standing
from rack_operator.desired.scaling import DOWN_AFTER_MS, UP_AFTER_MS, Scaler
from rack_operator.desired.schedule import due_since, parse
from rack_operator.desired.site import KnownSite, predicted_features
from rack_operator.reconcile.model import ModelReconciler
from rack_operator.reconcile.store import Key

NAME = Key("TwinModel", "lab", "warm")
V1, V2 = "0" * 12, "1" * 12


def manifest(version: str = V1, created: int = 1_600_000_000_000) -> Manifest:
    definition = Definition(
        name="warm", title="", package="warm", kinds=["rack"], horizon_s=900, window_s=3600, resolution_s=10,
        expiry_s=60, stale_after_s=30, coverage=0.9,
        channels=[Channel("top", "environment.top", "temperature", "Cel")], targets=[Target("top", "top")],
    )  # fmt: skip
    graph = Graph(file="model.onnx", sha256="", opset=17, input="inputs", outputs=[])
    told = {"description": "Simulated readings."}
    return Manifest(
        format=1, version=version, created=created, definition=definition, inputs=[], graph=graph, training=told,
        metrics={},
    )  # fmt: skip


class FakeRegistry:
    def __init__(self) -> None:
        self.held = Standing()
        self.down = False

    async def standing(self, model: str, group: str) -> Standing:
        assert (model, group) == ("warm", "racktwin-model-lab-warm")
        if self.down:
            raise DependencyError("Registry", "model warm", 0, "made to fail")
        return self.held

    def serves(self, version: str = V1, **more: Any) -> None:
        pointer = Pointer(version, [Promotion(version, 1, "training", "skill 0.40")])
        self.held = Standing(manifest(), pointer, **more)


class Bench:
    """A world with a site whose topics are there, and one TwinModel."""

    def __init__(self, *, with_registry: bool = True, **spec: Any) -> None:
        self.world = World()
        self.registry = FakeRegistry()
        topics = {"conditions": [{"type": "TopicsReady", "status": "True", "reason": "AsDesired", "message": ""}]}
        rooms = [{"name": "hall", "widthM": 8, "depthM": 6, "heightM": 3}]
        self._put("sites", "lab", {"rooms": rooms}, topics)
        self._put("twinmodels", "warm", {"site": "lab", **spec}, {})
        self.again: list[float] = []
        registry = self.registry if with_registry else None
        self._make = lambda: ModelReconciler(
            self.world.around,
            self.world.store,
            registry,  # type: ignore[arg-type]
            lambda _key, seconds: self.again.append(seconds),
        )
        self.reconciler: ModelReconciler | None = None

    def _put(self, plural: str, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": "lab"}
        self.world.kube.put(plural, {"metadata": metadata, "spec": spec, "status": status})

    async def reconcile(self, *, restarted: bool = False) -> bool:
        self.world.watch()
        if self.reconciler is None or restarted:
            self.reconciler = self._make()
        self.reconciler._store = self.world.store
        return await self.reconciler.reconcile(NAME)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.world.kube.objects["twinmodels", "lab", "warm"]["status"]
        return status

    def condition(self, type_: str) -> tuple[str, str, str]:
        one = next(c for c in self.status()["conditions"] if c["type"] == type_)
        return one["status"], one["reason"], one["message"]

    def deployment(self) -> dict[str, Any]:
        return self.world.kube.objects["deployments", "lab", "model-warm"]

    def environment(self) -> dict[str, str]:
        container = self.deployment()["spec"]["template"]["spec"]["containers"][0]
        return {entry["name"]: entry.get("value", "") for entry in container["env"]}

    def run_pods(self, ready: int | None = None, problem: str = "") -> None:
        body = self.deployment()
        count = body["spec"]["replicas"] if ready is None else ready
        said = [{"type": "Available", "status": "False", "message": problem}] if problem else []
        counts = {"readyReplicas": count, "updatedReplicas": count, "conditions": said}
        body["status"] = {"observedGeneration": body["metadata"]["generation"], **counts}
        self.world.kube.put("deployments", body)

    def jobs(self) -> list[dict[str, Any]]:
        found = [body for (plural, _, _), body in self.world.kube.objects.items() if plural == "jobs"]
        return sorted(found, key=lambda body: body["metadata"]["name"])

    def end_job(self, type_: str = "Complete", message: str = "") -> None:
        body = self.jobs()[-1]
        body["status"] = {"conditions": [{"type": type_, "status": "True", "message": message}]}
        self.world.kube.put("jobs", body)

    async def served(self) -> None:
        """Reconciled, with runners ready."""
        await self.reconcile()
        self.run_pods()
        assert await self.reconcile()


async def test_what_serves_is_said_with_the_version_and_its_skill() -> None:
    bench = Bench()
    bench.registry.serves(state=State(V1, 5, skill=0.31, coverage=0.9, count=500))
    await bench.served()
    assert bench.condition("Serving")[:2] == ("True", "Serving")
    assert bench.condition("Ready")[0] == "True"
    assert bench.condition("Trained")[:2] == ("True", "Trained")
    assert bench.condition("Promoted")[2] == f"version {V1} by training: skill 0.40"
    assert bench.condition("Drifting")[:2] == ("False", "AsPromised")
    assert bench.condition("Paused")[0] == "False"
    status = bench.status()
    assert (status["version"], status["skill"], status["readyReplicas"]) == (V1, 0.31, 1)
    # The registry wakes nobody.
    assert bench.again


async def test_runners_are_told_what_to_serve_and_for_whom() -> None:
    bench = Bench(
        selector={"kinds": ["rack"], "rooms": ["hall"], "names": ["b", "a"]},
        inputs={"channels": [{"name": "top", "feature": "environment.top", "property": "temperature", "unit": "Cel"}]},
        output={"targets": ["top"], "horizonsS": [900], "unit": "Cel"},
        artifact={"sha256": "a" * 64},
        expiryS=90,
    )
    bench.registry.serves()
    await bench.reconcile()
    told = bench.environment()
    contract = json.loads(told["RACKTWIN_MODEL_CONTRACT"])
    assert contract["sha256"] == "a" * 64
    assert contract["targets"] == ["top"]
    assert contract["channels"][0]["feature"] == "environment.top"
    assert told["RACKTWIN_SELECT_NAMES"] == "a,b"
    assert told["RACKTWIN_EXPIRY_S"] == "90"
    assert (told["RACKTWIN_MODEL"], told["RACKTWIN_MODEL_VERSION"]) == ("warm", "current")
    assert told["RACKTWIN_CONSUMER_GROUP"] == "racktwin-model-lab-warm"


async def test_without_a_version_nothing_runs_and_the_first_training_begins() -> None:
    bench = Bench(training={"schedule": "0 3 * * *"})
    assert await bench.reconcile()
    assert ("deployments", "lab", "model-warm") not in bench.world.kube.objects
    assert bench.condition("Serving")[1] == "NoVersion"
    assert bench.condition("Trained")[:2] == ("Unknown", "Training")
    (job,) = bench.jobs()
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[:5] == ["python", "-m", "training", "--model", "warm"]
    assert bench.status()["training"]["reason"] == "first"
    # An operator that died before it could say so begins no second one.
    bench.world.kube.objects["twinmodels", "lab", "warm"]["status"] = {}
    await bench.reconcile(restarted=True)
    assert len(bench.jobs()) == 1


async def test_a_training_that_fails_says_so_and_is_tried_again_later() -> None:
    bench = Bench(training={})
    await bench.reconcile()
    bench.end_job("Failed", "history has 2 things, training needs at least 3")
    await bench.reconcile()
    assert bench.condition("Trained")[1] == "TrainingFailed"
    assert "at least 3" in bench.condition("Trained")[2]
    assert len(bench.jobs()) == 1
    bench.world.now_ms += 700_000
    await bench.reconcile()
    assert bench.status()["training"]["result"] == "Running"
    # Only the newest is kept.
    await bench.reconcile()
    assert len(bench.jobs()) == 1


async def test_drift_trains_but_not_all_the_time() -> None:
    bench = Bench(training={"leastIntervalS": 3600})
    bench.registry.serves(state=State(V1, 5, drifting=True, reason="its error is 0.9, the card says 0.3", count=300))
    await bench.served()
    assert bench.condition("Drifting") == ("True", "Drifting", "its error is 0.9, the card says 0.3")
    assert bench.status()["training"]["reason"] == "drift"
    outcome = Outcome(V2, bench.world.now_ms + 1000, promoted=False, reason="not better than what serves")
    state = State(V1, 6, drifting=True, reason="it drifts", count=400)
    bench.registry.serves(state=state, outcome=outcome)
    bench.end_job()
    await bench.reconcile()
    assert "does not serve: not better than what serves" in bench.condition("Promoted")[2]
    assert bench.status()["training"]["message"] == f"version {V2}: not better than what serves"
    assert len(bench.jobs()) == 1
    bench.world.now_ms += 3_700_000
    await bench.reconcile()
    assert bench.status()["training"]["result"] == "Running"


async def test_the_clock_trains() -> None:
    bench = Bench(training={"schedule": "30 4 * * *", "onDrift": False})
    bench.registry.serves()
    # Begun by hand at 04:00, due at half past four.
    begun = int(datetime(2026, 3, 1, 4, 0, tzinfo=UTC).timestamp() * 1000)
    bench.world.now_ms = begun
    bench.world.annotate("twinmodels", "warm", {"racktwin.io/train": "please"})
    await bench.reconcile()
    assert bench.status()["training"]["reason"] == "asked"
    bench.end_job()
    bench.world.now_ms = begun + 29 * 60_000
    await bench.reconcile()
    assert bench.status()["training"]["reason"] == "asked"
    bench.world.now_ms = begun + 31 * 60_000
    await bench.reconcile()
    assert bench.status()["training"]["reason"] == "schedule"


async def test_another_spec_trains() -> None:
    bench = Bench(training={})
    bench.registry.serves()
    bench.world.annotate("twinmodels", "warm", {"racktwin.io/train": "1"})
    await bench.reconcile()
    bench.end_job()
    bench.world.now_ms += 60_000
    await bench.reconcile()
    assert len(bench.jobs()) == 1
    bench.world.edit("twinmodels", "lab", "warm", {"training": {"historyHours": 24}})
    await bench.reconcile()
    assert bench.status()["training"]["reason"] == "changed"


@pytest.mark.parametrize("said", ["of a pod", "of the Deployment"])
async def test_a_refused_model_shows_the_reason(said: str) -> None:
    bench = Bench()
    bench.registry.serves()
    await bench.reconcile()
    reason = "runner: model refused: /models/model.onnx: sha256 12, the manifest says 34"
    if said == "of a pod":
        state = {"ready": False, "state": {"waiting": {}}, "lastState": {"terminated": {"message": f"x\n{reason}\n"}}}
        labels = {"racktwin.io/model": "warm"}
        metadata = {"name": "p", "namespace": "lab", "labels": labels}
        bench.world.kube.put("pods", {"metadata": metadata, "status": {"containerStatuses": [state]}})
        bench.run_pods(0)
    else:
        bench.run_pods(0, problem=f"exited with 1: {reason}")
    assert not await bench.reconcile()
    wanted = ("False", "ModelRefused", "/models/model.onnx: sha256 12, the manifest says 34")
    assert bench.condition("Serving") == wanted
    assert bench.condition("Ready") == wanted


async def test_a_promoted_version_that_is_refused_while_another_serves() -> None:
    bench = Bench()
    bench.registry.serves(V2, refusal=Refusal(V2, 1, "opset 30, this runner serves 13 to 24"))
    await bench.reconcile()
    bench.run_pods()
    await bench.reconcile()
    assert bench.condition("Serving")[1] == "ModelRefused"
    assert "opset 30" in bench.condition("Serving")[2]


async def test_a_model_that_pauses() -> None:
    bench = Bench()
    bench.registry.serves(
        state=State(V1, 5, drifting=True, paused=True, reason="it is worse than persistence", count=9)
    )
    await bench.reconcile()
    bench.run_pods()
    assert await bench.reconcile()
    assert bench.condition("Paused")[:2] == ("True", "WorseThanPersistence")
    assert bench.condition("Serving")[:2] == ("False", "Paused")
    bench.world.edit("twinmodels", "lab", "warm", {"suspend": True})
    await bench.reconcile()
    assert bench.condition("Paused")[1] == "Suspended"
    assert bench.deployment()["spec"]["replicas"] == 0


async def test_a_config_map_serves_as_it_is_and_rolls_when_it_changes() -> None:
    bench = Bench(artifact={"configMap": "model-warm"})
    await bench.reconcile()
    assert bench.condition("Trained")[1] == "ArtifactNotFound"
    files = {"data": {"model.json": json.dumps({"version": V1})}, "binaryData": {"model.onnx": "AA=="}}
    bench.world.kube.put("configmaps", {"metadata": {"name": "model-warm", "namespace": "lab"}, **files})
    await bench.served()
    assert bench.condition("Promoted")[1] == "FromConfigMap"
    assert bench.status()["version"] == V1
    before = bench.deployment()["spec"]["template"]["metadata"]["annotations"]
    files["binaryData"] = {"model.onnx": "AAA="}
    bench.world.kube.put("configmaps", {"metadata": {"name": "model-warm", "namespace": "lab"}, **files})
    await bench.reconcile()
    assert bench.deployment()["spec"]["template"]["metadata"]["annotations"] != before


async def test_runners_follow_the_lag_between_their_limits() -> None:
    bench = Bench(replicas={"min": 1, "max": 4, "lagPerReplica": 1000})
    bench.registry.serves()
    topic, group = "racktwin.readings.lab", "racktwin-model-lab-warm"
    await bench.served()
    bench.world.topics.lags[topic, group] = 2500
    await bench.reconcile()
    assert bench.deployment()["spec"]["replicas"] == 1
    bench.world.now_ms += UP_AFTER_MS
    await bench.reconcile()
    assert bench.deployment()["spec"]["replicas"] == 3
    assert bench.status()["lag"] == 2500
    bench.world.topics.lags[topic, group] = 0
    bench.run_pods()
    await bench.reconcile()
    bench.world.now_ms += DOWN_AFTER_MS
    await bench.reconcile()
    assert bench.deployment()["spec"]["replicas"] == 2


async def test_without_a_registry_or_with_one_that_is_down() -> None:
    bench = Bench(with_registry=False)
    await bench.reconcile()
    assert bench.condition("Trained")[1] == "NoRegistry"
    bench = Bench()
    bench.registry.down = True
    assert not await bench.reconcile()
    assert bench.condition("Ready")[0] == "False"
    assert "made to fail" in bench.condition("Ready")[2]


async def test_deleting_it_removes_runners_and_trainings() -> None:
    bench = Bench(training={})
    bench.registry.serves()
    bench.world.annotate("twinmodels", "warm", {"racktwin.io/train": "1"})
    await bench.served()
    bench.world.delete("twinmodels", "lab", "warm")
    assert await bench.reconcile()
    left = {plural for plural, _, _ in bench.world.kube.objects}
    assert left == {"sites"}


async def test_a_schedule_that_is_none_is_refused_with_the_field() -> None:
    bench = Bench(training={"schedule": "61 * * * *"})
    assert not await bench.reconcile()
    assert bench.condition("Ready")[1:] == ("SpecInvalid", "schedule: minute '61' is not within 0 and 59")


def test_schedules() -> None:
    at = datetime(2026, 3, 4, 12, 34, tzinfo=UTC)  # a Wednesday
    assert parse("0 3 * * *").before(at) == datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
    assert parse("*/15 * * * *").before(at) == datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
    assert parse("0 13 * * 1-5").before(at) == datetime(2026, 3, 3, 13, 0, tzinfo=UTC)
    assert parse("0 0 * * 7").before(at) == datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    assert parse("0 0 1 1 *").before(at) == datetime(2026, 1, 1, 0, 0, tzinfo=UTC)
    # Either day fits where both are given.
    assert parse("0 0 1 * 2").before(at) == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    assert parse("0 0 31 2 *").before(at) is None
    now = int(at.timestamp() * 1000)
    assert due_since("30 12 * * *", now - 5 * 60_000, now)
    assert not due_since("30 12 * * *", now - 3 * 60_000, now)
    for wrong in ("", "* * * *", "a * * * *", "5-1 * * * *"):
        with pytest.raises(ValueError, match="schedule"):
            parse(wrong)


def test_the_number_of_runners_neither_flaps_nor_leaves_its_limits() -> None:
    scaler, model, current, now = Scaler(), ("lab", "m"), 2, 0
    seen = []
    for step in range(400):
        now += 10_000
        lag = 1500 if step % 2 else 900
        current = scaler.decide(model, lag, current, now, least=1, most=3, each=1000)
        seen.append(current)
    assert set(seen) == {2}
    assert scaler.decide(model, None, 9, now, least=1, most=3, each=1000) == 3
    assert scaler.decide(model, 10**9, 3, now, least=1, most=3, each=1) == 3


def test_racks_have_a_place_for_what_is_predicted() -> None:
    spec = KnownSite.model_validate(
        {
            "rooms": [{"name": "hall", "widthM": 8, "depthM": 6, "heightM": 3}],
            "models": [{"name": "old", "artifact": {"configMap": "c"}}],
        }
    )
    models = [
        ("rack-power", {"output": {"targets": ["power"]}}),
        ("server-temperature", {"selector": {"kinds": ["server"]}, "output": {"targets": ["cpu"]}}),
        ("anomaly", {"task": "detect", "output": {"feature": "anomaly"}}),
    ]
    found = predicted_features(spec, models)
    assert found["rack"] == (
        "anomaly",
        "prediction.old.bottom",
        "prediction.old.top",
        "prediction.rack-power.power",
        "scorecard",
    )
    assert found["server"] == ("prediction.server-temperature.cpu", "scorecard")
