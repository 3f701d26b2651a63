"""The status that a cluster's controllers would write. Pure; times are RFC 3339 texts passed in."""

import dataclasses

from local_node.templates import Json


@dataclasses.dataclass(frozen=True)
class Counts:
    """Pods of a Deployment."""

    replicas: int
    updated: int
    ready: int


def merge_conditions(old: list[Json], new: list[Json], now: str) -> list[Json]:
    """New conditions with the old times where nothing changed: a status is only written when something did."""
    known = {condition["type"]: condition for condition in old}
    merged = []
    for condition in new:
        before = known.get(condition["type"])
        if before is not None and all(before.get(key, "") == value for key, value in condition.items()):
            merged.append(before)
            continue
        same_status = before is not None and before.get("status") == condition["status"]
        since = before["lastTransitionTime"] if before is not None and same_status else now
        merged.append({**condition, "lastTransitionTime": since})
    return merged


def _condition(kind: str, good: bool, reason: str, message: str) -> Json:
    return {"type": kind, "status": "True" if good else "False", "reason": reason, "message": message}


def deployment_status(deployment: Json, counts: Counts, problem: str, now: str) -> Json:
    """A Deployment's status. `problem` says why pods are not ready, if something is wrong."""
    name, desired = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
    available = counts.ready >= desired
    complete = counts.updated == desired == counts.replicas and available
    if problem and not complete:
        progressing = _condition("Progressing", False, "PodsFailing", problem[:1000])
    elif complete:
        progressing = _condition(
            "Progressing", True, "NewReplicaSetAvailable", f"all pods of {name} are up to date and ready"
        )
    else:
        progressing = _condition("Progressing", True, "ReplicaSetUpdated", f"pods of {name} are being started")
    conditions = [
        _condition("Available", True, "MinimumReplicasAvailable", f"{name} has the pods it asks for")
        if available
        else _condition(
            "Available", False, "MinimumReplicasUnavailable", problem[:1000] or f"pods of {name} are not ready yet"
        ),
        progressing,
    ]
    updating = [
        {**condition, "lastUpdateTime": now}
        for condition in merge_conditions(_without_updates(deployment), conditions, now)
    ]
    return {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": counts.replicas,
        "updatedReplicas": counts.updated,
        "readyReplicas": counts.ready,
        "availableReplicas": counts.ready,
        "unavailableReplicas": max(0, desired - counts.ready),
        "conditions": _keep_update_times(deployment, updating),
    }


def _old_conditions(deployment: Json) -> list[Json]:
    return list((deployment.get("status") or {}).get("conditions") or [])


def _without_updates(deployment: Json) -> list[Json]:
    return [{k: v for k, v in condition.items() if k != "lastUpdateTime"} for condition in _old_conditions(deployment)]


def _keep_update_times(deployment: Json, conditions: list[Json]) -> list[Json]:
    known = {condition["type"]: condition for condition in _old_conditions(deployment)}
    kept = []
    for condition in conditions:
        before = known.get(condition["type"], {})
        unchanged = all(before.get(key) == value for key, value in condition.items() if key != "lastUpdateTime")
        kept.append(
            {**condition, "lastUpdateTime": before.get("lastUpdateTime", condition["lastUpdateTime"])}
            if unchanged
            else condition
        )
    return kept


@dataclasses.dataclass(frozen=True)
class JobCounts:
    """Pods of a Job."""

    active: int
    ready: int
    succeeded: int
    failed: int


def job_outcome(job: Json, counts: JobCounts, running_s: float) -> tuple[str, str] | None:
    """(condition type, reason) once a Job is over: all completions there, too many failures, or its time is up."""
    spec = job["spec"]
    if counts.succeeded >= (spec.get("completions") or 1):
        return "Complete", "CompletionsReached"
    if counts.failed > spec.get("backoffLimit", 6):
        return "Failed", "BackoffLimitExceeded"
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and running_s > deadline:
        return "Failed", "DeadlineExceeded"
    return None


def job_status(job: Json, counts: JobCounts, outcome: tuple[str, str] | None, problem: str, now: str) -> Json:
    """A Job's status. The API server wants SuccessCriteriaMet or FailureTarget beside the final condition."""
    old = job.get("status") or {}
    started = old.get("startTime") or now
    status: Json = {
        "startTime": started,
        "active": 0 if outcome else counts.active,
        "ready": 0 if outcome else counts.ready,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }
    if outcome is None:
        status["conditions"] = old.get("conditions") or []
        return status
    kind, reason = outcome
    message = "all completions are there" if kind == "Complete" else (problem[:1000] or reason)
    announced = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    final = [{"type": name, "status": "True", "reason": reason, "message": message} for name in (announced, kind)]
    conditions = merge_conditions(old.get("conditions") or [], final, now)
    status["conditions"] = [
        {**condition, "lastProbeTime": condition.get("lastProbeTime") or now} for condition in conditions
    ]
    if kind == "Complete":
        status["completionTime"] = old.get("completionTime") or now
    return status


def differs(old: Json | None, new: Json) -> bool:
    """Whether writing `new` would change anything; an absent number is a zero."""
    before = old or {}
    return any(before.get(key) != value and not (not before.get(key) and not value) for key, value in new.items())
