"""Makes and mends a model's runners, and says why they do not run: shared by Sites' own models and TwinModels."""

from __future__ import annotations

from typing import Any

from rack_operator.clients.kube import BUDGETS, CONFIG_MAPS, DEPLOYMENTS, PODS, Resource
from rack_operator.desired.deployment import (
    LABEL_MODEL,
    Runner,
    artifact_checksum,
    deployment_name,
    disruption_budget,
    runner_deployment,
)
from rack_operator.desired.ownership import Owner
from rack_operator.desired.placement import placed, pod_patch
from rack_operator.desired.trust import with_trust
from rack_operator.reconcile.conditions import NotReadyError
from rack_operator.reconcile.diff import contains
from rack_operator.reconcile.surroundings import Surroundings

JsonObject = dict[str, Any]
_ARTIFACT_FILES = ("model.onnx", "model.json")
_REFUSED = "model refused: "


async def artifact_of(around: Surroundings, model: str, config_map: str, namespace: str) -> tuple[JsonObject, str]:
    """A model's ConfigMap, and its checksum.

    Raises `NotReadyError` while it is missing, or lacks a file.
    """
    artifact = await around.kube.get(CONFIG_MAPS, namespace, config_map)
    if artifact is None:
        raise NotReadyError("ArtifactNotFound", f"model {model}: there is no ConfigMap {config_map}")
    files = {**(artifact.get("data") or {}), **(artifact.get("binaryData") or {})}
    missing = [name for name in _ARTIFACT_FILES if name not in files]
    if missing:
        raise NotReadyError("ArtifactIncomplete", f"model {model}: ConfigMap {config_map} lacks {', '.join(missing)}")
    return artifact, artifact_checksum(artifact)


async def ensure_runners(around: Surroundings, runner: Runner, owner: Owner) -> bool:
    """Makes the Deployment, and the budget where there may be several, as desired; returns whether it wrote.

    Raises `NotReadyError` while one of that name is not ours.
    """
    desired = placed(with_trust(runner_deployment(runner, owner, around.pods), around.pods), around.pods.placement)
    wrote = await _ensure(around, DEPLOYMENTS, desired, owner)
    if runner.most > 1:
        return await _ensure(around, BUDGETS, disruption_budget(runner, owner), owner) or wrote
    return await remove_owned(around, BUDGETS, desired["metadata"]["name"], owner) or wrote


async def _ensure(around: Surroundings, resource: Resource, desired: JsonObject, owner: Owner) -> bool:
    name, kind = desired["metadata"]["name"], desired["kind"]
    actual = await around.kube.get(resource, owner.namespace, name)
    if actual is None:
        await around.kube.create(resource, desired)
        return True
    if not contains(actual["metadata"].get("labels") or {}, owner.labels()):
        raise NotReadyError(f"{kind}NotOurs", f"{kind} {owner.namespace}/{name} belongs to someone else")
    spec = desired["spec"]
    if "template" in spec:
        pod = pod_patch(actual["spec"]["template"]["spec"], spec["template"]["spec"])
        spec = {**spec, "template": {**spec["template"], "spec": pod}}
    # A null in the patch is met where there is no such field.
    if contains(actual["spec"], spec):
        return False
    patch = {"metadata": {"ownerReferences": desired["metadata"]["ownerReferences"]}, "spec": spec}
    await around.kube.merge(resource, owner.namespace, name, patch)
    return True


async def remove_owned(around: Surroundings, resource: Resource, name: str, owner: Owner) -> bool:
    """Deletes the object if it is the owner's; returns whether it wrote."""
    actual = await around.kube.get(resource, owner.namespace, name)
    if actual is None or not contains(actual["metadata"].get("labels") or {}, owner.labels()):
        return False
    return await around.kube.delete(resource, owner.namespace, name)


async def remove_runners(around: Surroundings, name: str, owner: Owner) -> bool:
    """Deletes the Deployment and the budget of this name as far as they are the owner's; returns whether it wrote."""
    # The budget first: what is found by is the Deployment.
    budget = await remove_owned(around, BUDGETS, name, owner)
    return await remove_owned(around, DEPLOYMENTS, name, owner) or budget


async def demand_runners(around: Surroundings, model: str, wanted: int, owner: Owner) -> int:
    """How many runners are ready.

    Raises `NotReadyError` until as many are ready as asked for: ModelRefused with the reason where a runner told it,
    else ModelNotRunning.
    """
    name = deployment_name(model)
    actual = await around.kube.get(DEPLOYMENTS, owner.namespace, name) or {}
    status = actual.get("status") or {}
    current = status.get("observedGeneration") == actual.get("metadata", {}).get("generation")
    ready, updated = status.get("readyReplicas") or 0, status.get("updatedReplicas") or 0
    if current and ready >= wanted and updated >= wanted:
        return int(ready)
    said = await _last_words(around, model, status, owner)
    if _REFUSED in said:
        raise NotReadyError("ModelRefused", said[said.index(_REFUSED) + len(_REFUSED) :])
    message = f"Deployment {name}: {ready} of {wanted} runners are ready"
    raise NotReadyError("ModelNotRunning", f"{message}: {said}" if said else message)


async def _last_words(around: Surroundings, model: str, status: JsonObject, owner: Owner) -> str:
    """What a runner said as it ended: its termination message, or what the Deployment's conditions tell of it."""
    async for pod in around.kube.items(PODS, owner.namespace, labels=f"{LABEL_MODEL}={model}"):
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            if container.get("ready"):
                continue
            for state in (container.get("state") or {}, container.get("lastState") or {}):
                message = (state.get("terminated") or {}).get("message")
                if message:
                    return str(message).strip().splitlines()[-1]
    told = [str(c.get("message") or "") for c in status.get("conditions") or () if c.get("status") == "False"]
    return next((text for text in told if _REFUSED in text), told[0] if told else "")
