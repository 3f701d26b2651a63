"""Promise: what a model said does not outlive it: not when it is suspended, and not when it is deleted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.rack_operator.twin_models import NAME, Bench

from racktwin.names import thing_id

OUTPUT = {"feature": "sensing"}


def bench_with(*racks: tuple[str, str], **spec: Any) -> Bench:
    """A TwinModel that serves, and racks (name, room) with its verdict, one with another's prediction beside."""
    bench = Bench(**{"task": "detect", "output": OUTPUT, **spec})
    bench.registry.serves()
    for name, room in racks:
        said = {"score": 0.9, "state": "anomalous", "cause": "stuck", "evidence": {"finding": "stuck"}, "expiresAt": 9}
        bench.world.ditto.things[thing_id("lab", "rack", name)] = {
            "thingId": thing_id("lab", "rack", name),
            "attributes": {"location": room, "row": "r1"},
            "features": {
                "sensing": {"definition": ["x"], "properties": dict(said)},
                "prediction.warm.top": {"properties": {"value": 21.0, "lo": 20.0, "hi": 22.0, "expiresAt": 9}},
                "maintenance": {"properties": dict(said)},
            },
        }
    return bench


def features(bench: Bench, name: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.world.ditto.things[thing_id("lab", "rack", name)]["features"]
    return found


async def suspended(bench: Bench) -> None:
    await bench.served()
    bench.world.edit("twinmodels", "lab", "warm", {"suspend": True})
    await bench.reconcile()


async def test_a_suspended_model_s_verdicts_are_taken_off_when_no_runner_is_left() -> None:
    bench = bench_with(("a", "hall"))
    await suspended(bench)
    # The runner has not ended yet, and would only say it again.
    assert features(bench, "a")["sensing"]["properties"]["state"] == "anomalous"
    bench.run_pods()
    await bench.reconcile()
    assert features(bench, "a")["sensing"] == {
        "definition": ["x"],
        "properties": {"expiresAt": bench.world.now_ms},
    }
    assert features(bench, "a")["maintenance"]["properties"]["state"] == "anomalous"
    assert features(bench, "a")["prediction.warm.top"]["properties"]["value"] == 21.0
    assert bench.condition("Serving")[:2] == ("False", "Suspended")


async def test_it_is_done_once_and_again_after_it_has_served() -> None:
    bench = bench_with(("a", "hall"))
    await suspended(bench)
    bench.run_pods()
    await bench.reconcile()
    await bench.reconcile()
    # What is written from now on is not this model's, as far as anybody knows.
    features(bench, "a")["sensing"]["properties"]["state"] = "suspect"
    await bench.reconcile()
    assert features(bench, "a")["sensing"]["properties"]["state"] == "suspect"
    bench.world.edit("twinmodels", "lab", "warm", {"suspend": False})
    await bench.served()
    bench.world.edit("twinmodels", "lab", "warm", {"suspend": True})
    await bench.reconcile()
    bench.run_pods()
    await bench.reconcile()
    assert "state" not in features(bench, "a")["sensing"]["properties"]


async def test_a_forecast_s_predictions_go_too_and_only_those_of_things_that_it_serves() -> None:
    bench = bench_with(
        ("a", "hall"), ("b", "annex"), task="forecast", output={"targets": ["top"]}, selector={"rooms": ["hall"]}
    )
    await suspended(bench)
    bench.run_pods()
    await bench.reconcile()
    assert features(bench, "a")["prediction.warm.top"]["properties"] == {"expiresAt": bench.world.now_ms}
    assert features(bench, "b")["prediction.warm.top"]["properties"]["value"] == 21.0
    assert features(bench, "a")["sensing"]["properties"]["state"] == "anomalous"


async def test_a_deleted_model_s_verdicts_go_when_its_runners_have_ended() -> None:
    bench = bench_with(("a", "hall"))
    await bench.served()
    labels = {"racktwin.io/model": "warm"}
    bench.world.kube.put("pods", {"metadata": {"name": "p", "namespace": "lab", "labels": labels}})
    bench.world.delete("twinmodels", "lab", "warm")
    assert not await bench.reconcile()
    assert ("deployments", "lab", "model-warm") not in bench.world.kube.objects
    assert features(bench, "a")["sensing"]["properties"]["state"] == "anomalous"
    del bench.world.kube.objects["pods", "lab", "p"]
    assert not await bench.reconcile()
    assert "state" not in features(bench, "a")["sensing"]["properties"]
    # What was still on its way.
    features(bench, "a")["sensing"]["properties"]["state"] = "suspect"
    assert not await bench.reconcile()
    assert "state" not in features(bench, "a")["sensing"]["properties"]
    assert await bench.reconcile()
    assert NAME.name not in bench.world.kube.names("twinmodels")


async def test_somebody_who_goes_on_writing_it_does_not_hold_up_a_deletion() -> None:
    bench = bench_with(("a", "hall"))
    await bench.served()
    bench.world.delete("twinmodels", "lab", "warm")
    assert not await bench.reconcile()
    features(bench, "a")["sensing"]["properties"]["state"] = "suspect"
    bench.world.now_ms += 60_000
    assert await bench.reconcile()
    assert NAME.name not in bench.world.kube.names("twinmodels")


async def test_a_model_called_as_one_of_the_site_s_own_can_be_deleted() -> None:
    bench = bench_with(("a", "hall"))
    labels = {"app.kubernetes.io/managed-by": "racktwin-operator", "racktwin.io/owner-kind": "Site"}
    counts = {"replicas": 1, "readyReplicas": 1}
    metadata = {"name": "model-warm", "namespace": "lab", "labels": {**labels, "racktwin.io/owner-name": "lab"}}
    bench.world.kube.put("deployments", {"metadata": metadata, "spec": {}, "status": counts})
    pod = {"name": "p", "namespace": "lab", "labels": {"racktwin.io/model": "warm"}}
    bench.world.kube.put("pods", {"metadata": pod, "status": {"phase": "Running"}})
    await bench.reconcile()
    assert bench.condition("Serving")[1] == "DeploymentNotOurs"
    bench.world.delete("twinmodels", "lab", "warm")
    await bench.reconcile()
    assert await bench.reconcile()
    assert NAME.name not in bench.world.kube.names("twinmodels")
    assert ("deployments", "lab", "model-warm") in bench.world.kube.objects


@pytest.mark.parametrize(("phase", "silent"), [("Failed", True), ("Succeeded", True), ("Running", False)])
async def test_pods_that_have_ended_and_stay_there_say_nothing_more(phase: str, silent: bool) -> None:
    bench = bench_with(("a", "hall"))
    await suspended(bench)
    bench.run_pods()
    pod = {"name": "p", "namespace": "lab", "labels": {"racktwin.io/model": "warm"}}
    bench.world.kube.put("pods", {"metadata": pod, "status": {"phase": phase}})
    await bench.reconcile()
    assert ("state" not in features(bench, "a")["sensing"]["properties"]) == silent


async def test_what_another_model_says_of_the_same_thing_stays() -> None:
    bench = bench_with(("a", "hall"), ("b", "annex"))
    other = {"site": "lab", "task": "detect", "output": OUTPUT, "selector": {"rooms": ["annex"]}}
    bench._put("twinmodels", "wiser", other, {})
    await bench.served()
    bench.world.delete("twinmodels", "lab", "warm")
    assert not await bench.reconcile()
    assert await bench.reconcile()
    assert "state" not in features(bench, "a")["sensing"]["properties"]
    assert features(bench, "b")["sensing"]["properties"]["state"] == "anomalous"


@pytest.mark.parametrize("deleted", [True, False])
async def test_ditto_away_holds_up_neither_for_what_was_said_expires(deleted: bool) -> None:
    bench = bench_with(("a", "hall"))
    await bench.served()
    bench.world.fuse.down["Ditto"] = 503
    if deleted:
        bench.world.delete("twinmodels", "lab", "warm")
        assert await bench.reconcile()
        assert NAME.name not in bench.world.kube.names("twinmodels")
        return
    bench.world.edit("twinmodels", "lab", "warm", {"suspend": True})
    await bench.reconcile()
    bench.run_pods()
    assert await bench.reconcile()
    assert bench.condition("Serving")[:2] == ("False", "Suspended")
    bench.world.fuse.down.clear()
    await bench.reconcile()
    assert "state" not in features(bench, "a")["sensing"]["properties"]
