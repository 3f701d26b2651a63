"""Promise: a TwinModel becomes runners, and its conditions say how it stands and why."""

from __future__ import annotations

import json

import pytest
from tests.unit.rack_operator.twin_models import V1, V2, Bench

from models.notes import Outcome, Refusal, State
from rack_operator.desired.scaling import DOWN_AFTER_MS, UP_AFTER_MS, Scaler
from rack_operator.desired.site import KnownSite, predicted_features


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
    top = {"name": "top", "feature": "environment.top", "property": "temperature", "unit": "Cel"}
    bench = Bench(
        selector={"kinds": ["rack"], "rooms": ["hall"], "names": ["b", "a"]},
        inputs={"channels": [top, {**top, "name": "near", "optional": True}]},
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
    assert contract["channels"] == [top, {**top, "name": "near", "optional": True}]
    assert told["RACKTWIN_SELECT_NAMES"] == "a,b"
    assert told["RACKTWIN_EXPIRY_S"] == "90"
    assert (told["RACKTWIN_MODEL"], told["RACKTWIN_MODEL_VERSION"]) == ("warm", "current")
    assert told["RACKTWIN_CONSUMER_GROUP"] == "racktwin-model-lab-warm"


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


async def test_a_version_to_stay_at_is_judged_and_pauses_but_nothing_is_trained_for_it() -> None:
    bench = Bench(artifact={"version": V1}, training={})
    bench.registry.serves(V2, state=State(V1, 5, drifting=True, reason="it is worse than persistence", count=300))
    await bench.served()
    assert bench.registry.asked == V1
    assert bench.condition("Drifting")[:2] == ("True", "Drifting")
    assert bench.jobs() == []
    bench.registry.serves(V2, state=State(V1, 6, drifting=True, paused=True, reason="it stays worse", count=400))
    await bench.reconcile()
    assert bench.condition("Paused")[:2] == ("True", "WorseThanPersistence")
    assert "racktwin models resume" in bench.condition("Paused")[2]
    assert bench.condition("Serving")[1] == "Paused"


async def test_a_training_that_made_what_serves_again_is_no_version_that_does_not_serve() -> None:
    bench = Bench()
    bench.registry.serves(outcome=Outcome(V1, 9, promoted=False, reason="the same as what serves: nothing changed"))
    await bench.served()
    assert bench.condition("Promoted")[2] == f"version {V1} by training: skill 0.40"


async def test_a_config_map_serves_as_it_is_and_rolls_when_it_changes() -> None:
    bench = Bench(artifact={"configMap": "model-warm"})
    await bench.reconcile()
    assert bench.condition("Trained")[1] == "ArtifactNotFound"
    files = {"data": {"model.json": json.dumps({"version": V1})}, "binaryData": {"model.onnx": "AA=="}}
    bench.world.kube.put("configmaps", {"metadata": {"name": "model-warm", "namespace": "lab"}, **files})
    await bench.served()
    assert bench.condition("Promoted")[1] == "FromConfigMap"
    assert bench.condition("Drifting")[:2] == ("Unknown", "FromConfigMap")
    assert "never pauses" in bench.condition("Drifting")[2]
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
