"""The stack that `bench.operator` measures on, and how it looks into it: Kubernetes, Ditto, processes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import psutil
import yaml

from local_stack import Stack, cluster, paths
from local_stack.components import COMPONENTS, kubernetes

JsonObject = dict[str, Any]
NEEDED: Final = ("kube-apiserver", "kafka", "ditto-lite", "definitions", "hono-registry")
WATCHED: Final = ("etcd", *NEEDED)
ALL_RACKS: Final = "/apis/racktwin.io/v1alpha1/racks"
RACKS: Final = "/apis/racktwin.io/v1alpha1/namespaces/{site}/racks"
_DITTO: Final = {"x-ditto-pre-authenticated": "nginx:operator"}


class _Meta(msgspec.Struct):
    name: str
    version: str = msgspec.field(name="resourceVersion")
    namespace: str = ""


class _Condition(msgspec.Struct):
    type: str
    status: str


class _Status(msgspec.Struct):
    conditions: list[_Condition] = []


class _Rack(msgspec.Struct):
    metadata: _Meta
    status: _Status = msgspec.field(default_factory=_Status)


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Versions(msgspec.Struct):
    items: list[_Rack]
    metadata: dict[str, Any] = {}


class Cluster:
    """The Kubernetes API and Ditto as a person with all rights reaches them. One event loop."""

    def __init__(self, endpoints: Mapping[str, Any], kube: aiohttp.ClientSession, plain: aiohttp.ClientSession) -> None:
        self.endpoints = endpoints
        self._server = str(endpoints["kubernetes_url"])
        self._kube = kube
        self._plain = plain

    async def kube(self, method: str, path: str, body: Any = None, *, merge: bool = False, **query: str) -> Any:
        """One request; its JSON. Raises RuntimeError for a refusal other than 404 (None)."""
        kind = "application/merge-patch+json" if merge else "application/json"
        data = None if body is None else msgspec.json.encode(body)
        async with self._kube.request(
            method, self._server + path, data=data, params=query, headers={"content-type": kind}
        ) as answer:
            content = await answer.read()
            if answer.status == 404:
                return None
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
            return msgspec.json.decode(content)

    async def plain(self, method: str, url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request to Ditto or Hono: status and JSON."""
        data = None if body is None else msgspec.json.encode(body)
        sent = {"content-type": "application/json", **_DITTO, **headers}
        async with self._plain.request(method, url, data=data, headers=sent) as answer:
            content = await answer.read()
            return answer.status, msgspec.json.decode(content) if content else None

    async def apply_all(self, bodies: Iterable[JsonObject]) -> None:
        """Creates racks, 32 at a time: a person's `kubectl apply` is slower, and is not what is measured."""
        waiting = iter(bodies)

        async def work() -> None:
            for body in waiting:
                await self.kube("POST", RACKS.format(site=body["metadata"]["namespace"]), body)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(32):
                tasks.create_task(work())

    async def until_ready(self, sites: tuple[str, ...], count: int, began: asyncio.Event, within_s: float) -> None:
        """Watches the sites' racks from before they are made, until `count` of them are Ready."""
        path, ready = ALL_RACKS, {site: set[str]() for site in sites}
        version = (await self.kube("GET", path, limit="1"))["metadata"]["resourceVersion"]
        began.set()
        async with asyncio.timeout(within_s):
            while _total(ready) < count:
                # The API server ends the watches of a kind that is new.
                version = await self._follow(path, version, ready, count)

    async def _follow(self, path: str, version: str, ready: dict[str, set[str]], count: int) -> str:
        events, racks = msgspec.json.Decoder(_Event), msgspec.json.Decoder(_Rack)
        query = {"watch": "1", "resourceVersion": version}
        async with self._kube.get(self._server + path, params=query) as answer:
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = events.decode(line)
                    if event.type == "ERROR":
                        raise RuntimeError(f"the watch broke: {bytes(event.object)!r}")
                    rack = racks.decode(event.object)
                    version = rack.metadata.version
                    among = ready.get(rack.metadata.namespace)
                    if among is not None and any(
                        c.type == "Ready" and c.status == "True" for c in rack.status.conditions
                    ):
                        among.add(rack.metadata.name)
                if _total(ready) >= count:
                    break
        return version

    async def versions(self, path: str, **query: str) -> dict[str, str]:
        """Resource versions of all objects of a collection, by name."""
        found: dict[str, str] = {}
        decoder, token = msgspec.json.Decoder(_Versions), ""
        while True:
            asked = {"limit": "500", **query} | ({"continue": token} if token else {})
            async with self._kube.get(self._server + path, params=asked) as answer:
                page = decoder.decode(await answer.read())
            found |= {item.metadata.name: item.metadata.version for item in page.items}
            token = page.metadata.get("continue") or ""
            if not token:
                return found

    async def revisions(self, site: str) -> dict[str, int]:
        """Revisions of all of the site's things, by id."""
        found: dict[str, int] = {}
        url, cursor = f"{self.endpoints['ditto_url']}/api/2/search/things", None
        while True:
            option = "size(200)" + (f",cursor({cursor})" if cursor else ",sort(+thingId)")
            query = {"namespaces": f"racktwin.{site}", "fields": "thingId,_revision", "option": option}
            async with self._plain.get(url, params=query, headers=_DITTO) as answer:
                page = msgspec.json.decode(await answer.read())
            found |= {item["thingId"]: item["_revision"] for item in page["items"]}
            cursor = page.get("cursor")
            if cursor is None:
                return found


def _total(ready: dict[str, set[str]]) -> int:
    return sum(len(names) for names in ready.values())


def _tls(kubeconfig: Path) -> ssl.SSLContext:
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    context = ssl.create_default_context(cafile=config["clusters"][0]["cluster"]["certificate-authority"])
    user = config["users"][0]["user"]
    context.load_cert_chain(user["client-certificate"], user["client-key"])
    return context


@asynccontextmanager
async def connect(stack: Stack) -> AsyncIterator[Cluster]:
    """A `Cluster` of the running stack."""
    endpoints = stack.endpoints()
    context = _tls(Path(endpoints["kubeconfig"]))
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0), timeout=timeout) as kube,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32), timeout=timeout) as plain,
    ):
        yield Cluster(endpoints, kube, plain)


class OperatorProcess:
    """The operator as its own process, with the environment that the stack gives it."""

    def __init__(self, stack: Stack, **settings: str) -> None:
        self._log = stack.instance.logs / "operator.log"
        environment = {**os.environ, **stack.env_for("operator"), **settings}
        self._metrics = f"http://127.0.0.1:{environment['RACKTWIN_HEALTH_PORT']}/metrics"
        self.began = time.time()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rack_operator"], env=environment, stdout=log, stderr=log
            )
        self._watched = psutil.Process(self._process.pid)
        self.peak_mb = 0.0

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        times = self._watched.cpu_times()
        return float(times.user + times.system)

    def look(self) -> None:
        """Notes the memory in use. Raises RuntimeError when the process has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the operator ended; its log is {self._log}")
        self.peak_mb = max(self.peak_mb, self._watched.memory_info().rss / 1e6)

    def sweep(self) -> None:
        """Asks for a sweep at once."""
        self._process.send_signal(signal.SIGUSR1)

    async def metric(self, cluster: Cluster, name: str, **labels: str) -> float:
        """Sum of the metric's samples that carry the labels; 0 while there is none."""
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(self._metrics) as answer:
                    text = await answer.text()
            except aiohttp.ClientError:
                return 0.0
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = [line for line in text.splitlines() if line.startswith((name + "{", name + " "))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(part in line for part in wanted))

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


def cpu_of(stack: Stack) -> dict[str, float]:
    """CPU seconds of each component so far."""
    used = {}
    for name in WATCHED:
        state = stack.process(name)
        if state is not None and state.alive:
            times = psutil.Process(state.pid).cpu_times()
            used[name] = float(times.user + times.system)
    return used


def install_finalizer_policy(stack: Stack) -> None:
    """Has the API server put the operator's finalizer on new resources, as the chart does; returns when it does so."""
    kubeconfig = kubernetes.kubeconfig(stack.instance)
    cluster.kubectl(
        kubeconfig, "apply", "-f", str(paths.repository() / "operators" / "rack_operator" / "admission.yaml")
    )
    probe = {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "Site",
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {"rooms": [{"name": "hall", "widthM": 1, "depthM": 1, "heightM": 1}]},
    }
    text, deadline = msgspec.json.encode(probe).decode(), time.monotonic() + 60
    while time.monotonic() < deadline:
        # The API server learns the schema of a new CRD within some seconds, and refuses until then.
        with contextlib.suppress(cluster.KubectlError):
            made = cluster.kubectl(kubeconfig, "create", "--dry-run=server", "-o", "yaml", "-f", "-", stdin=text)
            if "racktwin.io/twin" in made:
                return
        time.sleep(0.3)
    raise RuntimeError("the API server does not put the finalizer on new resources")


def set_ditto_rates(stack: Stack, profile: str) -> None:
    """Restarts ditto_lite so that it keeps to a rate profile; what it stores stays."""
    component = COMPONENTS["ditto-lite"]
    before: Callable[..., Mapping[str, str]] = component.environment
    COMPONENTS["ditto-lite"] = dataclasses.replace(
        component, environment=lambda instance: {**before(instance), "RACKTWIN_DITTO_LITE_RATE_PROFILE": profile}
    )
    stack.restart(["ditto-lite"])
