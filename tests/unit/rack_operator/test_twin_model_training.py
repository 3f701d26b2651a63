"""Promise: a TwinModel is trained when it must be: at first, on drift, by the clock, after another spec, when asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.rack_operator.twin_models import V1, V2, Bench

from models.notes import Outcome, State
from rack_operator.desired.schedule import due_since, parse


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


async def test_why_a_training_failed_is_what_its_pod_said_last_and_stays_said() -> None:
    bench = Bench(training={})
    await bench.reconcile()
    (job,) = bench.jobs()
    for at, reason in (("2026-11-21T10:00:00Z", "killed"), ("2026-11-21T10:01:00Z", "not enough recorded history")):
        ended = {"terminated": {"finishedAt": at, "message": f"[0.2 s] reading\ntraining: {reason}\n"}}
        name = job["metadata"]["name"]
        labels = {"batch.kubernetes.io/job-name": name}
        metadata = {"name": f"{name}-{at[-3:-1]}{reason[:1]}", "namespace": "lab", "labels": labels}
        bench.world.kube.put("pods", {"metadata": metadata, "status": {"containerStatuses": [{"state": ended}]}})
    bench.end_job("Failed", "Job has reached the specified backoff limit")
    await bench.reconcile()
    assert bench.condition("Trained") == ("False", "TrainingFailed", "training: not enough recorded history")
    for pod in [key for key in bench.world.kube.objects if key[0] == "pods"]:
        del bench.world.kube.objects[pod]
    await bench.reconcile()
    assert bench.condition("Trained")[2] == "training: not enough recorded history"


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


async def test_what_an_artifact_must_say_decides_nothing_about_what_is_trained() -> None:
    bench = Bench(training={})
    bench.registry.serves()
    bench.world.annotate("twinmodels", "warm", {"racktwin.io/train": "1"})
    await bench.reconcile()
    bench.end_job()
    changes = {"inputs": {"windowS": 1800}, "output": {"horizonsS": [600]}, "selector": {"kinds": ["server"]}}
    bench.world.edit("twinmodels", "lab", "warm", changes)
    await bench.reconcile()
    assert (bench.status()["training"]["reason"], len(bench.jobs())) == ("asked", 1)


async def test_a_fingerprint_of_another_release_asks_for_no_training() -> None:
    bench = Bench(training={})
    bench.registry.serves()
    known = {"job": "train-warm-1", "result": "Succeeded", "fingerprint": "0123456789abcdef", "reason": "drift"}
    bench.world.kube.objects["twinmodels", "lab", "warm"]["status"] = {"training": known}
    await bench.reconcile()
    assert bench.jobs() == []


async def test_a_training_anew_simulates_other_plants_than_the_first() -> None:
    bench = Bench(training={})
    await bench.reconcile()
    bench.end_job()
    bench.registry.serves()
    seeds = [_seed(bench)]
    for asked in ("1", "2"):
        bench.world.now_ms += 60_000
        bench.world.annotate("twinmodels", "warm", {"racktwin.io/train": asked})
        await bench.reconcile()
        seeds.append(_seed(bench))
        bench.end_job()
        await bench.reconcile()
    assert seeds[0] == 0
    assert len(set(seeds)) == 3


def _seed(bench: Bench) -> int:
    command = bench.jobs()[-1]["spec"]["template"]["spec"]["containers"][0]["command"]
    return int(command[command.index("--seed") + 1])


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
