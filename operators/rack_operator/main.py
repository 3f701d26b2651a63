"""Every trigger of the operator on one page: what wakes it, and what that wakes.

kopf watches; its heavier handlers are not used, because they cost several patches and a socket for
each resource. `on.event` does not retry, so the queue of `controller` does, and sweeps catch what
no event told. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Iterator
from typing import Any

import kopf

from rack_operator.api import GROUP, VERSION
from rack_operator.assembly import Assembly, assemble
from rack_operator.clients.kubeconfig import NoClusterError, find_cluster
from rack_operator.desired.ownership import LABEL_MANAGED_BY, OPERATOR, OwnerKind
from rack_operator.reconcile.store import Key
from rack_operator.settings import OperatorSettings
from racktwin.process import Context, Fatal

JsonObject = dict[str, Any]
_WATCH_CONNECTIONS = 32


class _ForEver:
    """Waits between attempts to reach the API server, in seconds, without end: kopf gives up after the last."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 2.0, 4.0), itertools.repeat(8.0))


def triggers(assembly: Assembly, stopped: asyncio.Event) -> kopf.OperatorRegistry:
    """The registry of all triggers. `stopped` is set when kopf was told to end: it takes the signals over."""
    registry = kopf.OperatorRegistry()
    controller, store = assembly.controller, assembly.store

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        # Events are posted by us, on a change of phase; peering would freeze equal replicas.
        settings.posting.enabled = False
        settings.peering.standalone = True
        settings.scanning.disabled = False
        # A watch that is renewed every few minutes cannot stay dead for longer.
        settings.watching.server_timeout = 300
        settings.watching.connect_timeout = 10
        settings.networking.error_backoffs = _ForEver()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        stopped.set()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        # kopf's own session has no limit on sockets.
        return kopf.AiohttpSession(
            server=assembly.cluster.server, aiohttp_session=assembly.kube_session(_WATCH_CONNECTIONS)
        )

    def note(kind: OwnerKind, type_: str | None, body: JsonObject) -> None:
        key = Key(kind, body["metadata"]["namespace"], body["metadata"]["name"])
        if type_ == "DELETED":
            controller.gone(key)
        elif store.put(kind, body):
            controller.wake(key)

    @kopf.on.event(GROUP, VERSION, "sites", registry=registry)
    async def site_event(event: kopf.RawEvent, **_: Any) -> None:
        note("Site", event["type"], dict(event["object"]))

    @kopf.on.event(GROUP, VERSION, "racks", registry=registry)
    async def rack_event(event: kopf.RawEvent, **_: Any) -> None:
        note("Rack", event["type"], dict(event["object"]))

    @kopf.on.event("apps", "v1", "deployments", labels={LABEL_MANAGED_BY: OPERATOR}, registry=registry)
    async def deployment_event(namespace: str | None, **_: Any) -> None:
        controller.wake_sites_of(namespace or "")

    @kopf.on.event("", "v1", "configmaps", registry=registry)
    async def config_map_event(namespace: str | None, name: str, **_: Any) -> None:
        controller.wake_sites_of(namespace or "", config_map=name)

    return registry


async def run(settings: OperatorSettings, context: Context) -> None:
    """The operator: makes twins in Ditto and devices in Hono for Site and Rack resources, and keeps them so."""
    try:
        cluster = find_cluster()
    except (NoClusterError, KeyError, OSError) as error:
        raise Fatal(f"{error}; set KUBECONFIG to a kubeconfig file") from error
    # kopf tells of each event at level info: at ten thousand racks that is all one would read.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # Its warnings are about its own event loop; failures reach us as exceptions.
    logging.getLogger("kafka").setLevel(logging.ERROR)
    async with assemble(settings, cluster, context, secrets.token_bytes) as assembly:
        # Started before kopf, which at its end cancels every task younger than itself.
        controller = asyncio.create_task(assembly.controller.run(), name="controller")
        stopping = asyncio.create_task(context.stopped.wait(), name="stopping")
        namespaces = settings.namespace_list()
        stop_flag = asyncio.Event()
        watching = asyncio.create_task(
            kopf.operator(
                registry=triggers(assembly, context.stopped),
                clusterwide=namespaces is None,
                namespaces=namespaces or (),
                standalone=True,
                stop_flag=stop_flag,
            ),
            name="watching",
        )
        try:
            await asyncio.wait({controller, stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop_flag.set()
            controller.cancel()
            stopping.cancel()
            ends = await asyncio.gather(controller, watching, stopping, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise Fatal(f"the operator broke: {type(end).__name__}: {end}") from end
