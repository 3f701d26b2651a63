"""Status as a cluster's controllers write it: what kubectl waits for, and no write without a change."""

from typing import Any

import pytest

from local_node.status import Counts, JobCounts, deployment_status, differs, job_outcome, job_status

T0, T1 = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def deployment(replicas: int = 2, status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": "d", "generation": 3}, "spec": {"replicas": replicas}, "status": status or {}}


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


def test_a_complete_deployment() -> None:
    status = deployment_status(deployment(), Counts(2, 2, 2), "", T0)
    assert status["observedGeneration"] == 3
    assert (status["replicas"], status["readyReplicas"], status["unavailableReplicas"]) == (2, 2, 0)
    assert conditions(status) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }


def test_a_starting_and_a_failing_deployment() -> None:
    starting = deployment_status(deployment(), Counts(2, 2, 1), "", T0)
    assert conditions(starting)["Available"] == ("False", "MinimumReplicasUnavailable")
    assert conditions(starting)["Progressing"] == ("True", "ReplicaSetUpdated")
    failing = deployment_status(deployment(), Counts(2, 2, 0), "main: exited with 1", T0)
    assert conditions(failing)["Progressing"] == ("False", "PodsFailing")
    assert "exited with 1" in failing["conditions"][0]["message"]


def test_nothing_is_written_while_nothing_changes() -> None:
    first = deployment_status(deployment(), Counts(2, 2, 2), "", T0)
    again = deployment_status(deployment(status=first), Counts(2, 2, 2), "", T1)
    assert not differs(first, again)


def test_a_change_moves_the_time_of_its_condition_alone() -> None:
    first = deployment_status(deployment(), Counts(2, 2, 1), "", T0)
    later = deployment_status(deployment(status=first), Counts(2, 2, 2), "", T1)
    by_type = {c["type"]: c for c in later["conditions"]}
    assert by_type["Available"]["lastTransitionTime"] == T1
    # Still progressing well, for another reason: no transition, but an update.
    assert by_type["Progressing"]["lastTransitionTime"] == T0
    assert by_type["Progressing"]["lastUpdateTime"] == T1


def test_an_absent_number_is_a_zero() -> None:
    assert not differs({}, {"readyReplicas": 0, "conditions": []})
    assert differs(None, {"readyReplicas": 1})


def job(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "j"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "counts", "seconds", "outcome"),
    [
        ({}, JobCounts(1, 1, 0, 0), 1, None),
        ({}, JobCounts(0, 0, 1, 0), 1, ("Complete", "CompletionsReached")),
        ({"completions": 3}, JobCounts(0, 0, 2, 0), 1, None),
        ({"backoffLimit": 1}, JobCounts(0, 0, 0, 1), 1, None),
        ({"backoffLimit": 1}, JobCounts(0, 0, 0, 2), 1, ("Failed", "BackoffLimitExceeded")),
        ({"activeDeadlineSeconds": 5}, JobCounts(1, 1, 0, 0), 6, ("Failed", "DeadlineExceeded")),
    ],
)
def test_how_jobs_end(spec: dict[str, Any], counts: JobCounts, seconds: float, outcome: tuple[str, str] | None) -> None:
    assert job_outcome(job(**spec), counts, seconds) == outcome


def test_a_complete_job_has_both_conditions_and_times() -> None:
    status = job_status(job(), JobCounts(0, 0, 1, 0), ("Complete", "CompletionsReached"), "", T0)
    assert [c["type"] for c in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert status["startTime"] == status["completionTime"] == T0
    assert status["active"] == 0


def test_a_failed_job_says_why_and_has_no_completion_time() -> None:
    status = job_status(job(), JobCounts(0, 0, 0, 2), ("Failed", "BackoffLimitExceeded"), "main: exited with 3", T0)
    assert [c["type"] for c in status["conditions"]] == ["FailureTarget", "Failed"]
    assert status["conditions"][1]["message"] == "main: exited with 3"
    assert "completionTime" not in status
