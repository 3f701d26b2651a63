"""One active replica: a `coordination.k8s.io/Lease`, held by renewing it, taken over when its holder falls silent.

As client-go does it: whoever waits measures the holder's silence on its own clock, from the moment it saw the last
change, so that clocks of machines need not agree. The holder stops its work well before its lease runs out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import LEASES, KubeClient

JsonObject = dict[str, Any]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """In seconds: how long a silent holder is respected, how often it renews, after how long it gives up itself."""

    duration_s: float = 15.0
    renew_s: float = 4.0
    give_up_s: float = 10.0
    retry_s: float = 2.0


class Lease:
    """The lease `name` as the replica `identity` sees it. `monotonic` measures silence, `clock` (ms) is written."""

    def __init__(
        self,
        kube: KubeClient,
        namespace: str,
        name: str,
        identity: str,
        *,
        clock: Callable[[], int],
        times: LeaseTimes | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._times = times or LeaseTimes()
        self._monotonic = monotonic
        self._seen: tuple[str, str, float] | None = None

    async def acquire(self) -> None:
        """Returns when the lease is ours."""
        waiting = False
        while True:
            try:
                if await self._try():
                    metrics.LEADER.set(1)
                    _log.info("leading", identity=self._identity)
                    return
                if not waiting:
                    holder = self._seen[1] if self._seen else None
                    _log.info("standing by", identity=self._identity, holder=holder)
                    waiting = True
            except DependencyError as error:
                _log.warning("lease not reached", error=str(error))
            await asyncio.sleep(self._times.retry_s)

    async def keep(self) -> None:
        """Renews the lease; returns when it is lost, or could not be renewed for `give_up_s`."""
        renewed = self._monotonic()
        try:
            while True:
                await asyncio.sleep(self._times.renew_s)
                left_s = renewed + self._times.give_up_s - self._monotonic()
                try:
                    async with asyncio.timeout(max(0.1, left_s)):
                        if not await self._try():
                            _log.warning("lease lost", identity=self._identity)
                            return
                    renewed = self._monotonic()
                except (DependencyError, TimeoutError) as error:
                    _log.warning("lease not renewed", error=str(error) or "no answer in time")
                    if self._monotonic() - renewed >= self._times.give_up_s - self._times.renew_s:
                        return
        finally:
            metrics.LEADER.set(0)

    async def release(self) -> None:
        """Gives the lease up at once, so that another replica need not wait. Failure is no harm: it runs out."""
        try:
            actual = await self._kube.get(LEASES, self._namespace, self._name)
            if actual is not None and actual["spec"].get("holderIdentity") == self._identity:
                await self._write(actual, {"holderIdentity": "", "leaseDurationSeconds": 1})
        except DependencyError as error:
            _log.warning("lease not released", error=str(error))

    async def _try(self) -> bool:
        """One attempt to take or renew; False while somebody else holds it."""
        actual = await self._kube.get(LEASES, self._namespace, self._name)
        if actual is None:
            body = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": self._spec(acquired=True, transitions=0),
            }
            return await self._kube.create(LEASES, body)
        spec = actual["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder == self._identity:
            return await self._write(actual, self._spec(acquired=False, transitions=spec.get("leaseTransitions", 0)))
        now = self._monotonic()
        version = str(actual["metadata"]["resourceVersion"])
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, holder, now)
        silent_s = now - self._seen[2]
        if holder and silent_s < float(spec.get("leaseDurationSeconds") or self._times.duration_s):
            return False
        return await self._write(actual, self._spec(acquired=True, transitions=spec.get("leaseTransitions", 0) + 1))

    async def _write(self, actual: JsonObject, spec: JsonObject) -> bool:
        """Writes over exactly the version that was read; False when another replica was faster."""
        patch = {"metadata": {"resourceVersion": actual["metadata"]["resourceVersion"]}, "spec": spec}
        try:
            return await self._kube.merge(LEASES, self._namespace, self._name, patch) is not None
        except DependencyError as error:
            if error.status == 409:
                return False
            raise

    def _spec(self, *, acquired: bool, transitions: int) -> JsonObject:
        now = datetime.fromtimestamp(self._clock() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: JsonObject = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration_s),
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        return spec | ({"acquireTime": now} if acquired else {})
