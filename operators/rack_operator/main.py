"""Every trigger of the operator on one page: what wakes it, and what that wakes.

Each kind is listed and watched by each replica, so that one that takes over begins with a full store; the replica
that holds the lease works. The queue of `controller` retries, and sweeps catch what no event told. Nothing is decided
here. SIGUSR1 asks for a sweep at once.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rack_operator.assembly import Assembly, assemble
from rack_operator.clients.kube import CONFIG_MAPS, DEPLOYMENTS, JOBS, Resource
from rack_operator.clients.kubeconfig import NoClusterError, find_cluster
from rack_operator.clients.watch import PROMISED_S, Follower, Watch
from rack_operator.desired.ownership import LABEL_MANAGED_BY, LABEL_OWNER_KIND, LABEL_OWNER_NAME, OPERATOR, OwnerKind
from rack_operator.reconcile.publish import RESOURCES
from rack_operator.reconcile.store import Key
from rack_operator.settings import OperatorSettings
from racktwin.health import Health
from racktwin.process import Context, Fatal

JsonObject = dict[str, Any]


class Triggers:
    """All watches. `known` is set when every kind of ours was listed once."""

    def __init__(self, assembly: Assembly, health: Health, namespaces: list[str] | None) -> None:
        self._store, self._controller = assembly.store, assembly.controller
        self._kube = assembly.watching
        self._health = health
        self.known = asyncio.Event()
        self.watches: list[Watch] = []
        for namespace in namespaces if namespaces is not None else [None]:
            for kind, resource in RESOURCES.items():
                self.watches.append(self._resources(kind, resource, namespace))
            labels = f"{LABEL_MANAGED_BY}={OPERATOR}"
            self._wakes(DEPLOYMENTS, namespace, self._deployment, labels=labels)
            self._wakes(CONFIG_MAPS, namespace, self._config_map)
            self._wakes(JOBS, namespace, self._job, labels=labels)
        self._unlisted = len(RESOURCES) * len(namespaces if namespaces is not None else [None])

    def _resources(self, kind: OwnerKind, resource: Resource, namespace: str | None) -> Watch:
        listed_before = False

        def key(body: JsonObject) -> Key:
            return Key(kind, body["metadata"]["namespace"], body["metadata"]["name"])

        def changed(body: JsonObject) -> None:
            if self._store.put(kind, body):
                self._controller.wake(key(body))

        def listed(seen: set[tuple[str, str]]) -> None:
            nonlocal listed_before
            for gone in self._store.retain(kind, (Key(kind, *each) for each in seen), namespace):
                self._controller.gone(gone)
            if not listed_before:
                listed_before = True
                self._unlisted -= 1
                if self._unlisted == 0:
                    self.known.set()

        follower = Follower(changed, lambda body: self._controller.gone(key(body)), listed, self._alive(resource))
        return Watch(self._kube, resource, namespace, follower)

    def _wakes(
        self,
        resource: Resource,
        namespace: str | None,
        wake: Callable[[JsonObject], None],
        labels: str | None = None,
    ) -> None:
        # That something changed is enough: what it is, is read when it is needed.
        follower = Follower(wake, wake, lambda _seen: None, self._alive(resource))
        self.watches.append(Watch(self._kube, resource, namespace, follower, labels=labels, metadata_only=True))

    def _alive(self, resource: Resource) -> Callable[[], None]:
        return lambda: self._health.heartbeat(f"watch-{resource.plural}", PROMISED_S)

    def _deployment(self, body: JsonObject) -> None:
        self._controller.wake_sites_of(body["metadata"]["namespace"])

    def _job(self, body: JsonObject) -> None:
        metadata = body["metadata"]
        labels = metadata.get("labels") or {}
        kind: OwnerKind = "TwinModel" if labels.get(LABEL_OWNER_KIND) == "TwinModel" else "Scenario"
        key = Key(kind, metadata["namespace"], labels.get(LABEL_OWNER_NAME) or "")
        if self._store.has(key):
            self._controller.wake(key)

    def _config_map(self, body: JsonObject) -> None:
        self._controller.wake_sites_of(body["metadata"]["namespace"], config_map=body["metadata"]["name"])


async def lead(assembly: Assembly, known: asyncio.Event, health: Health) -> None:
    """Works whenever the lease is ours, until cancelled; then gives it up."""
    await known.wait()
    # A replica that stands by is as ready as it can be.
    health.set_ready(True)
    try:
        while True:
            await assembly.lease.acquire()
            work = asyncio.create_task(assembly.controller.run(), name="controller")
            keep = asyncio.create_task(assembly.lease.keep(), name="lease")
            try:
                await asyncio.wait({work, keep}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                keep.cancel()
                work.cancel()
                ends = await asyncio.gather(work, keep, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception):
                    raise end
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await assembly.lease.release()


async def run(settings: OperatorSettings, context: Context) -> None:
    """The operator: makes twins in Ditto and devices in Hono for Site, Rack and CoolingUnit resources, and keeps them
    so."""
    try:
        cluster = find_cluster()
    except (NoClusterError, KeyError, OSError) as error:
        raise Fatal(f"{error}; set KUBECONFIG to a kubeconfig file") from error
    # Its warnings are about its own event loop; failures reach us as exceptions.
    logging.getLogger("kafka").setLevel(logging.ERROR)
    async with assemble(settings, cluster, context, secrets.token_bytes) as assembly:
        triggers = Triggers(assembly, context.health, settings.namespace_list())
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, assembly.controller.sweep_now)
        tasks = [asyncio.create_task(watch.run(), name="watch") for watch in triggers.watches]
        tasks.append(asyncio.create_task(lead(assembly, triggers.known, context.health), name="lead"))
        stopping = asyncio.create_task(context.stopped.wait(), name="stopping")
        try:
            await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, stopping):
                task.cancel()
            ends = await asyncio.gather(*tasks, stopping, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise Fatal(f"the operator broke: {type(end).__name__}: {end}") from end
