"""The operator measured: from applied racks to Ready ones, a restart over unchanged racks, the repair of drift.

On a stack of its own, from an empty one: real kube-apiserver, etcd, Kafka and Hono registry; ditto_lite stands in for
Ditto. Each figure is of this one run. Racks stand in several sites (`--sites`): a Hono tenant is a site, and 1.0.3
searches all credentials of a tenant for each device that is asked for, so that one site of 10,000 racks costs more.
The API server puts the finalizer on new resources by the admission policy that comes with the operator.

- apply_to_ready_s: from the first rack's creation to the last one's Ready, both seen at the Kubernetes API.
- sequential_script_per_s: what a post-install script does for the same rack, one request after another: register the
  device, set its password, put policy and thing, each with curl and with the password in plain, for the registry to
  hash. Measured on a sample, beside nothing else. sequential_client_per_s is the same by one client that keeps its
  connection and sends hashes: the fairest thing that is still sequential.
- restart_resync_s: from the start of the operator's process until it has compared every rack with its status, Secret,
  thing, policy and device registration. restart_credentials_s: until it has compared the credentials at Hono as well,
  which it reads last, few at a time.
- noop_writes: what that operator counted as writes until then, and objects whose version or revision changed.
- drift_1pct_repair_s: from the sweep's start to all drifted objects being as desired again; drift_repairs_s by kind.
- cost_ratio: operator CPU per rack of all racks against that of a tenth of them.
- apply_to_ready_ditto_rates_s: as the first, with ditto_lite held to the rates measured on a real Ditto 3.9.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import string
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from bench.operator_script import sequential_client, sequential_script
from bench.operator_stack import (
    NEEDED,
    RACKS,
    Cluster,
    OperatorProcess,
    connect,
    cpu_of,
    install_finalizer_policy,
    set_ditto_rates,
)
from local_stack import Stack
from local_stack.components import COMPONENTS

JsonObject = dict[str, Any]
_API = "racktwin.io/v1alpha1"
_SECRETS = "/api/v1/namespaces/{site}/secrets"
_DRIFTS = (
    "thing changed", "thing deleted", "policy deleted", "device deleted", "credentials emptied", "secret deleted",
)  # fmt: skip


def say(text: str) -> None:
    """Tells a person; figures go to the last line of standard output alone."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def site(name: str) -> JsonObject:
    """A site with one hall."""
    return {
        "apiVersion": _API,
        "kind": "Site",
        "metadata": {"name": name, "namespace": name},
        "spec": {
            "rooms": [{"name": "hall", "widthM": 900, "depthM": 900, "heightM": 3}],
            "gateways": [{"name": "main"}],
        },
    }


def rack(of: str, number: int) -> JsonObject:
    """A rack with a row, a place, feeds and the usual two sensors."""
    return {
        "apiVersion": _API,
        "kind": "Rack",
        "metadata": {"name": f"r{number // 20:04d}-{number % 20:02d}", "namespace": of},
        "spec": {
            "site": of,
            "room": "hall",
            "row": f"r{number // 20:04d}",
            "position": {"xM": 1 + number % 20 * 0.6, "yM": 1 + number // 20 * 1.5, "yawDeg": 90},
            "facilityId": f"F{number:05d}",
            "availablePowerW": 12000,
            "coolingCapacityW": 12000,
            "feeds": [{"name": "A", "pdu": f"pdu-{number // 20}-a"}, {"name": "B", "pdu": f"pdu-{number // 20}-b"}],
            "gateways": ["main"],
        },
    }


@dataclass(frozen=True)
class Fleet:
    """Racks by number, spread over sites."""

    sites: tuple[str, ...]
    count: int

    @staticmethod
    def of(name: str, sites: int, count: int) -> Fleet:
        """A fleet whose sites are called after it."""
        return Fleet(tuple(f"{name}-{string.ascii_lowercase[number]}" for number in range(sites)), count)

    def rack(self, number: int) -> JsonObject:
        """One of its racks."""
        return rack(self.sites[number % len(self.sites)], number // len(self.sites))


async def make_sites(cluster: Cluster, fleet: Fleet) -> None:
    """The fleet's sites, ready."""
    await asyncio.gather(*(make_site(cluster, name) for name in fleet.sites))


async def make_site(cluster: Cluster, name: str) -> None:
    """Namespace and site; returns when the site is ready."""
    await cluster.kube("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    await cluster.kube("POST", f"/apis/{_API}/namespaces/{name}/sites", site(name))
    async with asyncio.timeout(90):
        while True:
            body = await cluster.kube("GET", f"/apis/{_API}/namespaces/{name}/sites/{name}")
            conditions = (body.get("status") or {}).get("conditions") or []
            if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
                return
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def looked_after(operator: OperatorProcess) -> AsyncIterator[None]:
    """Watches the operator's memory meanwhile."""

    async def look() -> None:
        while True:
            operator.look()
            await asyncio.sleep(0.25)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def make_racks(
    stack: Stack, cluster: Cluster, operator: OperatorProcess, fleet: Fleet, within_s: float
) -> tuple[float, float]:
    """Applies the fleet's racks; seconds until all are Ready, and the operator's CPU seconds for it."""
    began = asyncio.Event()
    watch = asyncio.create_task(cluster.until_ready(fleet.sites, fleet.count, began, within_s))
    await began.wait()
    used, cpu, start = cpu_of(stack), operator.cpu_s(), time.monotonic()
    what = f"{fleet.sites[0]}…: {fleet.count} racks"
    async with looked_after(operator):
        await cluster.apply_all(fleet.rack(number) for number in range(fleet.count))
        say(f"{what} applied after {time.monotonic() - start:.1f} s")
        await watch
    took, cpu = time.monotonic() - start, operator.cpu_s() - cpu
    others = ", ".join(f"{part} {now - used.get(part, 0):.1f}" for part, now in cpu_of(stack).items())
    say(f"{what} ready after {took:.1f} s; CPU s: operator {cpu:.1f}, {others}; load {os.getloadavg()[0]:.1f}")
    return took, cpu


# -- restart and drift ------------------------------------------------------------------------------------------------


async def versions(cluster: Cluster, fleet: Fleet) -> dict[str, Any]:
    """Versions of the fleet's racks, Secrets and things."""
    found: dict[str, Any] = {}
    for name in fleet.sites:
        racks = await cluster.versions(RACKS.format(site=name))
        held = await cluster.versions(_SECRETS.format(site=name))
        found |= {f"rack {name}/{k}": v for k, v in racks.items()}
        found |= {f"secret {name}/{k}": v for k, v in held.items()}
        found |= await cluster.revisions(name)
    return found


async def until_swept(
    cluster: Cluster, operator: OperatorProcess, after: float, within_s: float, *, logins: bool = False
) -> float:
    """Waits for the end of a whole sweep (`logins`: of its last part too) after the time; returns it, epoch seconds."""
    metric = f"racktwin_operator_sweep_{'logins_' if logins else ''}completed_seconds"
    async with asyncio.timeout(within_s), looked_after(operator):
        while True:
            completed = await operator.metric(cluster, metric)
            if completed > after:
                return completed
            await asyncio.sleep(0.25)


class Drift:
    """Changes behind the operator's back, one of six kinds for each rack in turn, and whether they are mended."""

    def __init__(self, cluster: Cluster, fleet: Fleet) -> None:
        self._cluster, self._fleet = cluster, fleet
        self._hono = cluster.endpoints["hono_registry_url"]
        self._ditto = f"{cluster.endpoints['ditto_url']}/api/2"

    def _places(self, number: int) -> tuple[str, str, str]:
        """Thing id; path of the device below the registry's collections; path of the Secret."""
        metadata = self._fleet.rack(number)["metadata"]
        name, label = metadata["namespace"], metadata["name"]
        thing = f"racktwin.{name}:rack-{label}"
        return thing, f"{name}/{thing}", f"{_SECRETS.format(site=name)}/rack-{label}-device"

    async def make(self, number: int) -> None:
        """Breaks one rack's twin, policy, device, credentials or Secret."""
        thing, device, secret = self._places(number)
        match number % 6:
            case 0:
                await self._cluster.plain("PUT", f"{self._ditto}/things/{thing}/attributes/row", "moved")
            case 1:
                await self._cluster.plain("DELETE", f"{self._ditto}/things/{thing}")
            case 2:
                await self._cluster.plain("DELETE", f"{self._ditto}/policies/{thing}")
            case 3:
                await self._cluster.plain("DELETE", f"{self._hono}/devices/{device}")
            case 4:
                await self._cluster.plain("PUT", f"{self._hono}/credentials/{device}", [])
            case _:
                await self._cluster.kube("DELETE", secret)

    async def mended(self, number: int) -> bool:
        """Whether what was broken is as it was."""
        thing, device, secret = self._places(number)
        match number % 6:
            case 0:
                _, row = await self._cluster.plain("GET", f"{self._ditto}/things/{thing}/attributes/row")
                return bool(row == self._fleet.rack(number)["spec"]["row"])
            case 1 | 2:
                return (await self._cluster.plain("GET", f"{self._ditto}/things/{thing}"))[0] == 200
            case 3:
                return (await self._cluster.plain("GET", f"{self._hono}/devices/{device}"))[0] == 200
            case 4:
                _, held = await self._cluster.plain("GET", f"{self._hono}/credentials/{device}")
                return bool(held)
            case _:
                return await self._cluster.kube("GET", secret) is not None


async def repair(cluster: Cluster, operator: OperatorProcess, fleet: Fleet) -> dict[str, float]:
    """Breaks every hundredth rack and asks for a sweep; seconds from its start to the last repair of each kind."""
    drift, count = Drift(cluster, fleet), fleet.count
    # A step that meets all six kinds.
    left = [step * 100 + step % 6 for step in range(count // 100) if step * 100 + step % 6 < count] or [0]
    for number in left:
        await drift.make(number)
    if any([await drift.mended(number) for number in left]):
        raise RuntimeError("drift was mended before the sweep, or was none")
    asked = time.time()
    operator.sweep()
    ends: dict[str, float] = {}
    async with asyncio.timeout(300), looked_after(operator):
        while left:
            mended = [number for number in left if await drift.mended(number)]
            ends |= {_DRIFTS[number % 6]: time.time() for number in mended}
            left = [number for number in left if number not in mended]
            await asyncio.sleep(0.1)
    started = await operator.metric(cluster, "racktwin_operator_sweep_started_seconds")
    return {kind: round(end - max(started, asked - 1), 1) for kind, end in ends.items()}


# -- all of it --------------------------------------------------------------------------------------------------------


async def measure(stack: Stack, count: int, sites: int, within_s: float) -> JsonObject:
    """The figures, in the order in which they are measured."""
    figures: JsonObject = {"racks": count, "sites": sites}
    small = max(20, count // 10)
    tenth, whole, rates = (
        Fleet.of("tenth", sites, small),
        Fleet.of("whole", sites, count),
        Fleet.of("rates", sites, count),
    )
    # Sweeps come when they are asked for, so that none falls into another figure.
    settings = {"RACKTWIN_SWEEP_S": "36000"}
    async with connect(stack) as cluster:
        operator = OperatorProcess(stack, **settings)
        try:
            await make_sites(cluster, tenth)
            took, cpu = await make_racks(stack, cluster, operator, tenth, within_s)
            per_rack = cpu / small
            figures["tenth"] = {"racks": small, "apply_to_ready_s": round(took, 1), "cpu_ms_per_rack": ms(per_rack)}
            figures["sequential_script_per_s"] = round(sequential_script(stack.endpoints(), tenth.sites[0]), 2)
            figures["sequential_client_per_s"] = round(sequential_client(stack.endpoints(), tenth.sites[0]), 1)
            await make_sites(cluster, whole)
            took, cpu = await make_racks(stack, cluster, operator, whole, within_s)
            figures["apply_to_ready_s"] = round(took, 1)
            figures["reconciles_per_s"] = round(count / took, 1)
            figures["ratio"] = round(count / took / figures["sequential_script_per_s"], 1)
            figures["cpu_ms_per_rack"] = ms(cpu / count)
            figures["cost_ratio"] = round(cpu / count / per_rack, 2)
            peak = operator.peak_mb
            operator.stop()
            before = await versions(cluster, whole)
            operator = OperatorProcess(stack, **settings)
            swept = await until_swept(cluster, operator, 0, within_s)
            figures["restart_resync_s"] = round(swept - operator.began, 1)
            figures["resync_cpu_s"] = round(operator.cpu_s(), 1)
            swept = await until_swept(cluster, operator, 0, within_s, logins=True)
            figures["restart_credentials_s"] = round(swept - operator.began, 1)
            after = await versions(cluster, whole)
            changed = sum(before.get(name) != after.get(name) for name in before.keys() | after.keys())
            counted = await operator.metric(cluster, "racktwin_operator_writes_total")
            leases = await operator.metric(cluster, "racktwin_operator_writes_total", dependency="KubernetesLease")
            figures["noop_writes"] = int(max(changed, counted - leases))
            figures["drift_repairs_s"] = await repair(cluster, operator, whole)
            figures["drift_1pct_repair_s"] = max(figures["drift_repairs_s"].values())
            figures["rss_mb"] = round(max(peak, operator.peak_mb))
            say("ditto_lite at the rates of a real Ditto 3.9")
            await asyncio.to_thread(set_ditto_rates, stack, "ditto-3.9")
            await make_sites(cluster, rates)
            took, _ = await make_racks(stack, cluster, operator, rates, within_s)
            figures["apply_to_ready_ditto_rates_s"] = round(took, 1)
            figures["load"] = round(os.getloadavg()[0], 1)
        finally:
            operator.stop()
    return figures


def ms(seconds: float) -> float:
    """Milliseconds, to two places."""
    return round(seconds * 1000, 2)


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.operator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--racks", type=int, default=10_000, help="how many racks (default 10,000)")
    parser.add_argument("--sites", type=int, default=5, help="over how many sites (default 5, at most 26)")
    parser.add_argument("--stack", default="bench-operator", help="name of the stack; its data is deleted first")
    parser.add_argument("--within", type=float, default=900, help="the longest wait for one figure, in seconds")
    parser.add_argument("--keep", action="store_true", help="leave the stack running at the end")
    arguments = parser.parse_args()
    stack = Stack(arguments.stack)
    say(f"an empty stack, then {arguments.racks} racks")
    stack.clean()
    stack = Stack(arguments.stack)
    try:
        stack.ensure(list(NEEDED))
        # What the stack does before it starts an operator: CRDs.
        COMPONENTS["operator"].before_start(stack.instance)
        install_finalizer_policy(stack)
        figures = asyncio.run(measure(stack, arguments.racks, arguments.sites, arguments.within))
    finally:
        if not arguments.keep:
            stack.stop()
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
