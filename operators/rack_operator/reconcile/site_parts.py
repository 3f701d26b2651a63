"""Makes and mends what belongs to a Site alone: Ditto connections and model Deployments."""

from __future__ import annotations

from typing import Any

from rack_operator.api.site import Model
from rack_operator.clients.ditto import DittoClient
from rack_operator.desired.connections import connection_matches
from rack_operator.desired.deployment import Runner
from rack_operator.desired.ownership import OPERATOR, Owner
from rack_operator.reconcile.conditions import NotReadyError
from rack_operator.reconcile.runners import artifact_of, demand_runners, ensure_runners
from rack_operator.reconcile.surroundings import Surroundings

JsonObject = dict[str, Any]


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
    config_map = model.artifact.config_map
    _, checksum = await artifact_of(around, model.name, config_map, owner.namespace)
    return await ensure_runners(
        around, Runner(model.name, owner.name, model.replicas, config_map, checksum, most=model.replicas), owner
    )


async def demand_running(around: Surroundings, model: Model, owner: Owner) -> None:
    """Raises `NotReadyError` ModelNotRunning or ModelRefused until as many runners are ready as asked for."""
    await demand_runners(around, model.name, model.replicas, owner)
