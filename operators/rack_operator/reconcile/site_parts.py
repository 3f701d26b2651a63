"""Makes and mends what belongs to a Site alone: Ditto connections and model Deployments."""

from __future__ import annotations

from typing import Any

from rack_operator.api.site import Model
from rack_operator.clients.ditto import DittoClient
from rack_operator.clients.kube import CONFIG_MAPS, DEPLOYMENTS
from rack_operator.desired.connections import connection_matches
from rack_operator.desired.deployment import artifact_checksum, deployment_name, model_deployment
from rack_operator.desired.ownership import OPERATOR, Owner
from rack_operator.desired.trust import with_trust
from rack_operator.reconcile.conditions import NotReadyError
from rack_operator.reconcile.diff import contains
from rack_operator.reconcile.surroundings import Surroundings

JsonObject = dict[str, Any]
_ARTIFACT_FILES = ("model.onnx", "model.json")


async def ensure_connection(ditto: DittoClient, connection: JsonObject) -> bool:
    """Makes the connection as desired; returns whether it wrote."""
    actual = await ditto.get_connection(connection["id"])
    if actual is not None and connection_matches(connection, actual):
        return False
    await ditto.put_connection(connection)
    return True


async def remove_connection(ditto: DittoClient, connection_id: str) -> bool:
    """Deletes the connection if it carries our tag; returns whether it wrote."""
    actual = await ditto.get_connection(connection_id)
    if actual is None or OPERATOR not in (actual.get("tags") or []):
        return False
    return await ditto.delete_connection(connection_id)


async def demand_open(ditto: DittoClient, connection_id: str) -> bool:
    """True when the connection works; opening takes Ditto some seconds.

    Raises `NotReadyError` ConnectionNotOpen until it does.
    """
    status = await ditto.connection_status(connection_id) or {}
    live = status.get("liveStatus", "unknown")
    clients = [entry.get("status") for entry in status.get("clientStatus") or []]
    # A target with a placeholder is unknown until its first message: then the clients decide.
    if live == "open" or (live == "unknown" and clients and all(state == "open" for state in clients)):
        return True
    details = "; ".join(str(entry.get("statusDetails")) for entry in status.get("clientStatus") or [])
    raise NotReadyError("ConnectionNotOpen", f"Ditto: connection {connection_id} is {live}: {details or 'no details'}")


async def ensure_model(around: Surroundings, model: Model, owner: Owner) -> bool:
    """Makes the model's Deployment as desired; returns whether it wrote.

    Raises `NotReadyError` while the artifact is missing or a Deployment of that name is not ours.
    """
    artifact = await around.kube.get(CONFIG_MAPS, owner.namespace, model.artifact.config_map)
    if artifact is None:
        raise NotReadyError(
            "ArtifactNotFound", f"model {model.name}: there is no ConfigMap {model.artifact.config_map}"
        )
    files = {**(artifact.get("data") or {}), **(artifact.get("binaryData") or {})}
    missing = [name for name in _ARTIFACT_FILES if name not in files]
    if missing:
        raise NotReadyError(
            "ArtifactIncomplete",
            f"model {model.name}: ConfigMap {model.artifact.config_map} lacks {', '.join(missing)}",
        )
    desired = with_trust(model_deployment(model, owner, artifact_checksum(artifact), around.pods), around.pods)
    name = desired["metadata"]["name"]
    actual = await around.kube.get(DEPLOYMENTS, owner.namespace, name)
    if actual is None:
        await around.kube.create(DEPLOYMENTS, desired)
        return True
    if not contains(actual["metadata"].get("labels") or {}, owner.labels()):
        raise NotReadyError("DeploymentNotOurs", f"Deployment {owner.namespace}/{name} belongs to someone else")
    if contains(actual["spec"], desired["spec"]):
        return False
    patch = {"metadata": {"ownerReferences": desired["metadata"]["ownerReferences"]}, "spec": desired["spec"]}
    await around.kube.merge(DEPLOYMENTS, owner.namespace, name, patch)
    return True


async def demand_running(around: Surroundings, model: Model, owner: Owner) -> None:
    """Raises `NotReadyError` ModelNotRunning until as many runners are ready as asked for."""
    name = deployment_name(model.name)
    actual = await around.kube.get(DEPLOYMENTS, owner.namespace, name) or {}
    status = actual.get("status") or {}
    current = status.get("observedGeneration") == actual.get("metadata", {}).get("generation")
    ready, updated = status.get("readyReplicas") or 0, status.get("updatedReplicas") or 0
    if not current or ready < model.replicas or updated < model.replicas:
        raise NotReadyError("ModelNotRunning", f"Deployment {name}: {ready} of {model.replicas} runners are ready")


async def remove_deployment(around: Surroundings, name: str, owner: Owner) -> bool:
    """Deletes the Deployment if it is the owner's; returns whether it wrote."""
    actual = await around.kube.get(DEPLOYMENTS, owner.namespace, name)
    if actual is None or not contains(actual["metadata"].get("labels") or {}, owner.labels()):
        return False
    return await around.kube.delete(DEPLOYMENTS, owner.namespace, name)
