"""Takes keys from the queue, reconciles them, puts back what failed; runs the sweeps.

Triggers come from `main` (watches) and from here (sweeps, a Site that became ready for its racks). `main` runs this
while it holds the lease.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.desired.ownership import KINDS
from rack_operator.reconcile.conditions import condition_true, ready_of
from rack_operator.reconcile.inspection import Seen
from rack_operator.reconcile.model import ModelReconciler
from rack_operator.reconcile.queue import WorkQueue
from rack_operator.reconcile.resource import TwinReconciler
from rack_operator.reconcile.scenario import ScenarioReconciler
from rack_operator.reconcile.site import SiteReconciler
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.sweep import Sweeper
from racktwin.health import Health

JsonObject = dict[str, Any]
# A sweep may take this share of the time: with very many resources it comes less often.
_SWEEP_SHARE = 0.2
_LOOKS_AT_ONCE = 20
_log = structlog.get_logger(__name__)


class Controller:
    """The workers and the sweep over one store and one queue. Times in seconds."""

    def __init__(
        self,
        *,
        store: Store,
        queue: WorkQueue[Key],
        twins: TwinReconciler,
        sites: SiteReconciler,
        scenarios: ScenarioReconciler,
        models: ModelReconciler,
        sweeper: Sweeper,
        health: Health,
        workers: int,
        sweep_s: float,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._queue = queue
        self._twins = twins
        self._sites = sites
        self._scenarios = scenarios
        self._models = models
        self._sweeper = sweeper
        self._health = health
        self._workers = workers
        self._sweep_s = sweep_s
        self._clock = clock
        self._seen_sites: dict[Key, tuple[Any, ...]] = {}
        self._seen_models: dict[Key, tuple[Any, ...]] = {}
        self._unswept: set[Key] = set()
        self._swept = asyncio.Event()
        self._sweep_now = asyncio.Event()
        self._working = False
        self._parts: dict[tuple[str, str], tuple[Any, Any]] = {}

    async def run(self) -> None:
        """Works until cancelled. The store must hold a full list of every kind."""
        self._working = True
        every = self._store.keys()
        for key in every:
            # Those that say they are as desired wait for the sweep, which compares them in bulk.
            if not _says_it_is_settled(self._store.get(key) or {}):
                self.wake(key)
        tasks = [asyncio.create_task(self._work(), name=f"worker-{number}") for number in range(self._workers)]
        tasks.append(asyncio.create_task(self._sweep_for_ever(), name="sweep"))
        try:
            await asyncio.gather(*tasks)
        finally:
            self._working = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self, key: Key) -> None:
        """Asks for a reconcile of one resource. Nobody works before `run`, which begins with all that need it."""
        if self._working:
            self._queue.add(key)

    def sweep_now(self) -> None:
        """Asks for a sweep at once."""
        self._sweep_now.set()

    def gone(self, key: Key) -> None:
        """Notes that a resource is gone; racks of a site that went are told so."""
        self._store.drop(key)
        self._queue.forget(key)
        self._unswept.discard(key)
        self._swept.set()
        if key.kind == "Site":
            self._seen_sites.pop(key, None)
            self._seen_models.pop(key, None)
            self._wake_members(key)
        elif key.kind == "TwinModel":
            for site in self._store.keys("Site"):
                self._tell_members(site)

    def wake_sites_of(self, namespace: str, *, config_map: str | None = None) -> None:
        """Asks for a reconcile of the namespace's Sites, or of those that take a model from the ConfigMap, and of its
        TwinModels likewise."""
        for key in self._store.keys("TwinModel"):
            artifact = ((self._store.get(key) or {}).get("spec") or {}).get("artifact") or {}
            if key.namespace == namespace and config_map in (None, artifact.get("configMap")):
                self.wake(key)
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
                self._unswept.discard(key)
                if not self._unswept:
                    self._swept.set()

    async def _reconcile(self, key: Key) -> None:
        started = time.perf_counter()
        try:
            if key.kind == "Site":
                done = await self._sites.reconcile(key)
                self._tell_members(key)
            elif key.kind == "Scenario":
                done = await self._scenarios.reconcile(key)
            elif key.kind == "TwinModel":
                done = await self._models.reconcile(key)
                self._tell_members(Key("Site", key.namespace, self._store.site_of(key)))
            else:
                done = await self._twins.reconcile(key, first_try=self._queue.failures(key) == 0)
            outcome = "done" if done else "retry"
        except DependencyError as error:
            # Only the Kubernetes API itself ends here: without it there is no status to say it in.
            _log.warning("reconcile failed", resource=_spell(key), error=str(error))
            done, outcome = False, "failed"
        except Exception:
            # One resource that breaks the code must not stop the others.
            _log.exception("reconcile broke", resource=_spell(key))
            done, outcome = False, "failed"
        self._count(key, outcome, time.perf_counter() - started)
        if done:
            self._queue.forget(key)
        else:
            metrics.RETRIES.labels(key.kind).inc()
            self._queue.retry(key)

    def _count(self, key: Key, outcome: str, seconds: float) -> None:
        parts = self._parts.get((key.kind, outcome))
        if parts is None:
            labels = (key.kind, outcome)
            parts = metrics.RECONCILE_SECONDS.labels(*labels), metrics.RECONCILED.labels(*labels)
            self._parts[labels] = parts
        parts[0].observe(seconds)
        parts[1].inc()

    def _tell_members(self, key: Key) -> None:
        """Wakes a site's racks and cooling units when what they take from it has changed."""
        body = self._store.get(key)
        if body is None:
            return
        spec = body["spec"]
        predicted = tuple(self._predicts(model) for model in self._store.models_of(key.namespace, key.name))
        if self._seen_models.get(key, ()) != predicted:
            # The site's policy names what its models write; whether this came before or after the policy was last
            # looked at is not known here.
            self._seen_models[key] = predicted
            self.wake(key)
        now = (
            body["metadata"].get("deletionTimestamp"),
            condition_true(body, "TenantReady") and condition_true(body, "PolicyReady"),
            spec.get("ashraeClass"),
            tuple(gateway["name"] for gateway in spec.get("gateways") or ()),
            tuple(room["name"] for room in spec.get("rooms") or ()),
            tuple(model["name"] for model in spec.get("models") or ()),
            # What they predict has a place on the twins.
            predicted,
        )
        before = self._seen_sites.get(key)
        if before != now:
            self._seen_sites[key] = now
            # At a start the sweep asks for each rack already: only those that wait for the site are woken twice.
            self._wake_members(key, waiting_only=before is None)

    def _predicts(self, model: Key) -> tuple[Any, ...]:
        spec = (self._store.get(model) or {}).get("spec") or {}
        return model.name, spec.get("model"), spec.get("task"), spec.get("selector"), spec.get("output")

    def _wake_members(self, site: Key, *, waiting_only: bool = False) -> None:
        for member in self._store.members_of(site.namespace, site.name):
            if waiting_only and ready_of(self._store.get(member) or {})[0] == "True":
                continue
            # What failed for want of the site may now succeed: no need to sit out its backoff.
            self._queue.forget(member)
            self.wake(member)

    async def _sweep_for_ever(self) -> None:
        while True:
            started = time.monotonic()
            complete = await self._sweep()
            took_s = time.monotonic() - started
            self._health.heartbeat("sweep", self._sweep_s * 3 + took_s * 2 / _SWEEP_SHARE + 120)
            wait_s = max(self._sweep_s, took_s / _SWEEP_SHARE - took_s) if complete else min(self._sweep_s, 5.0)
            self._sweep_now.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._sweep_now.wait()
            except TimeoutError:
                continue

    async def _sweep(self) -> bool:
        """One sweep: sites first, which open the way to their dependencies; then what is read in bulk; then the rest.

        A resource that is not as desired is asked for as soon as that is seen. False when something could not be
        listed: then each resource is looked at by itself, and failures have their own backoff.
        """
        metrics.SWEEP_STARTED.set(self._clock() / 1000)
        for kind in KINDS:
            metrics.RESOURCES.labels(kind).set(len(self._store.keys(kind)))
        started = time.perf_counter()
        self._ask(self._store.keys("Site"))
        await self._answered()
        orphans, complete = [], True
        try:
            orphans = await self._sweeper.read_all()
        except DependencyError as error:
            _log.warning("not everything could be read in bulk", error=str(error))
            complete = False
        metrics.SWEEP_SECONDS.observe(time.perf_counter() - started)
        inspector = self._sweeper.inspector
        seen = await self._look()
        await inspector.compare_registered(seen, self._doubt)
        try:
            await self._sweeper.remove(orphans)
        except Exception:
            _log.exception("sweep broke")
            complete = False
        await self._answered()
        if complete:
            metrics.SWEEP_COMPLETED.set(self._clock() / 1000)
        await inspector.compare_logins(seen, self._doubt)
        await self._answered()
        if complete:
            metrics.SWEEP_LOGINS_COMPLETED.set(self._clock() / 1000)
        return complete

    async def _look(self) -> list[Seen]:
        """Compares all but sites with what was read in bulk; asks for a reconcile of those that it does not clear."""
        seen = []
        for number, key in enumerate([key for kind in KINDS if kind != "Site" for key in self._store.keys(kind)]):
            # Scenarios and models have no things to compare.
            cleared = None if key.kind in ("Scenario", "TwinModel") else self._sweeper.inspector.look(key)
            if cleared is None:
                self._doubt(key)
            else:
                seen.append(cleared)
            if number % _LOOKS_AT_ONCE == 0:
                # Watches, workers and the lease go on meanwhile.
                await asyncio.sleep(0)
        return seen

    def _doubt(self, key: Key) -> None:
        self._ask([key])

    def _ask(self, keys: list[Key]) -> None:
        """Asks for a reconcile of each."""
        self._unswept.update(keys)
        for key in keys:
            self.wake(key)

    async def _answered(self) -> None:
        """Waits until each that was asked for was tried once."""
        while self._unswept:
            self._swept.clear()
            await self._swept.wait()


def _says_it_is_settled(body: JsonObject) -> bool:
    metadata, status = body.get("metadata") or {}, body.get("status") or {}
    return (
        not metadata.get("deletionTimestamp")
        and status.get("observedGeneration") == metadata.get("generation")
        and ready_of(body)[0] == "True"
    )


def _spell(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name}"
