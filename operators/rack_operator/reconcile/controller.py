"""Takes keys from the queue, reconciles them, puts back what failed; runs the sweeps.

Triggers come from `main` (watches) and from here (sweeps, a Site that became ready for its racks).
A lease for a second replica would wrap `run`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.reconcile.conditions import condition_true, ready_of
from rack_operator.reconcile.queue import WorkQueue
from rack_operator.reconcile.rack import RackReconciler
from rack_operator.reconcile.site import SiteReconciler
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.sweep import Sweeper
from racktwin.health import Health

JsonObject = dict[str, Any]
_log = structlog.get_logger(__name__)


class Controller:
    """The workers and the sweep over one store and one queue. Times in seconds."""

    def __init__(
        self,
        *,
        store: Store,
        queue: WorkQueue[Key],
        racks: RackReconciler,
        sites: SiteReconciler,
        sweeper: Sweeper,
        health: Health,
        workers: int,
        sweep_s: float,
    ) -> None:
        self._store = store
        self._queue = queue
        self._racks = racks
        self._sites = sites
        self._sweeper = sweeper
        self._health = health
        self._workers = workers
        self._sweep_s = sweep_s
        self._seen_sites: dict[Key, tuple[Any, ...]] = {}

    async def run(self) -> None:
        """Works until cancelled. Ready after the first full list."""
        tasks = [asyncio.create_task(self._work(), name=f"worker-{number}") for number in range(self._workers)]
        tasks.append(asyncio.create_task(self._sweep_for_ever(), name="sweep"))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self, key: Key) -> None:
        """Asks for a reconcile of one resource."""
        self._queue.add(key)
        metrics.QUEUE_DEPTH.set(len(self._queue))

    def gone(self, key: Key) -> None:
        """Notes that a resource is gone; racks of a site that went are told so."""
        self._store.drop(key)
        self._queue.forget(key)
        if key.kind == "Site":
            self._seen_sites.pop(key, None)
            self._wake_racks(key)

    def wake_sites_of(self, namespace: str, *, config_map: str | None = None) -> None:
        """Asks for a reconcile of the namespace's Sites, or of those that take a model from the ConfigMap."""
        for key in self._store.keys("Site"):
            if key.namespace != namespace:
                continue
            models = ((self._store.get(key) or {}).get("spec") or {}).get("models") or []
            if config_map is None or any(model["artifact"]["configMap"] == config_map for model in models):
                self.wake(key)

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                await self._reconcile(key)
            finally:
                self._queue.done(key)
                metrics.QUEUE_DEPTH.set(len(self._queue))
                self._health.heartbeat("workers", self._sweep_s * 3 + 120)

    async def _reconcile(self, key: Key) -> None:
        started = time.perf_counter()
        try:
            if key.kind == "Site":
                done = await self._sites.reconcile(key)
                self._tell_racks(key)
            else:
                done = await self._racks.reconcile(key, first_try=self._queue.failures(key) == 0)
            outcome = "done" if done else "retry"
        except DependencyError as error:
            # Only the Kubernetes API itself ends here: without it there is no status to say it in.
            _log.warning("reconcile failed", resource=_spell(key), error=str(error))
            done, outcome = False, "failed"
        except Exception:
            # One resource that breaks the code must not stop the others.
            _log.exception("reconcile broke", resource=_spell(key))
            done, outcome = False, "failed"
        metrics.RECONCILE_SECONDS.labels(key.kind, outcome).observe(time.perf_counter() - started)
        if done:
            self._queue.forget(key)
        else:
            metrics.RETRIES.labels(key.kind).inc()
            self._queue.retry(key)

    def _tell_racks(self, key: Key) -> None:
        """Wakes a site's racks when what they take from it has changed."""
        body = self._store.get(key)
        if body is None:
            return
        spec = body["spec"]
        now = (
            body["metadata"].get("deletionTimestamp"),
            condition_true(body, "TenantReady") and condition_true(body, "PolicyReady"),
            spec.get("ashraeClass"),
            tuple(gateway["name"] for gateway in spec.get("gateways") or ()),
            tuple(room["name"] for room in spec.get("rooms") or ()),
            tuple(model["name"] for model in spec.get("models") or ()),
        )
        before = self._seen_sites.get(key)
        if before != now:
            self._seen_sites[key] = now
            # At a start the sweep asks for each rack already: only those that wait for the site are woken twice.
            self._wake_racks(key, waiting_only=before is None)

    def _wake_racks(self, site: Key, *, waiting_only: bool = False) -> None:
        for rack in self._store.racks_of(site.namespace, site.name):
            if waiting_only and ready_of(self._store.get(rack) or {})[0] == "True":
                continue
            # What failed for want of the site may now succeed: no need to sit out its backoff.
            self._queue.forget(rack)
            self.wake(rack)

    async def _sweep_for_ever(self) -> None:
        while True:
            started = time.perf_counter()
            complete = await self._sweep()
            metrics.SWEEP_SECONDS.observe(time.perf_counter() - started)
            # Without a list nothing is known: try again soon. Ready or not is then a matter of seconds.
            await asyncio.sleep(self._sweep_s if complete else min(self._sweep_s, 2.0))

    async def _sweep(self) -> bool:
        """One sweep; False when the resources could not even be listed."""
        try:
            for key in await self._sweeper.refresh():
                self.wake(key)
            self._health.set_ready(True)
            self._health.heartbeat("sweep", self._sweep_s * 3 + 120)
        except DependencyError as error:
            _log.warning("sweep failed", error=str(error))
            return False
        try:
            await self._sweeper.remove_orphans()
        except DependencyError as error:
            # The next sweep looks again; resources that wait for the same dependency have their own backoff.
            _log.warning("orphans not looked for", error=str(error))
        except Exception:
            _log.exception("sweep broke")
        return True


def _spell(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name}"
