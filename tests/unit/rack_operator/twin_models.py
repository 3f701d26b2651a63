"""A world with one TwinModel and a registry that says what the test wants."""

from __future__ import annotations

from typing import Any

from tests.unit.rack_operator.fakes import World

from models.definition import Channel, Definition, Graph, Manifest, Target
from models.notes import Pointer, Promotion
from rack_operator.clients.http import DependencyError
from rack_operator.clients.registry import Standing
from rack_operator.reconcile.model import ModelReconciler
from rack_operator.reconcile.store import Key

NAME = Key("TwinModel", "lab", "warm")
V1, V2 = "0" * 12, "1" * 12


def manifest(version: str = V1, created: int = 1_600_000_000_000) -> Manifest:
    definition = Definition(
        name="warm", title="", package="warm", kinds=["rack"], horizon_s=900, window_s=3600, resolution_s=10,
        expiry_s=60, stale_after_s=30, coverage=0.9,
        channels=[Channel("top", "environment.top", "temperature", "Cel")], targets=[Target("top", "top")],
    )  # fmt: skip
    graph = Graph(file="model.onnx", sha256="", opset=17, input="inputs", outputs=[])
    told = {"description": "Simulated readings."}
    return Manifest(
        format=1, version=version, created=created, definition=definition, inputs=[], graph=graph, training=told,
        metrics={},
    )  # fmt: skip


class FakeRegistry:
    def __init__(self) -> None:
        self.held = Standing()
        self.down = False
        self.asked: str | None = None

    async def standing(self, model: str, group: str, version: str | None = None) -> Standing:
        self.asked = version
        assert (model, group) == ("warm", "racktwin-model-lab-warm")
        if self.down:
            raise DependencyError("Registry", "model warm", 0, "made to fail")
        return self.held

    def serves(self, version: str = V1, **more: Any) -> None:
        pointer = Pointer(version, [Promotion(version, 1, "training", "skill 0.40")])
        self.held = Standing(manifest(), pointer, **more)


class Bench:
    """A world with a site whose topics are there, and one TwinModel."""

    def __init__(self, *, with_registry: bool = True, **spec: Any) -> None:
        self.world = World()
        self.registry = FakeRegistry()
        topics = {"conditions": [{"type": "TopicsReady", "status": "True", "reason": "AsDesired", "message": ""}]}
        rooms = [{"name": "hall", "widthM": 8, "depthM": 6, "heightM": 3}]
        self._put("sites", "lab", {"rooms": rooms}, topics)
        self._put("twinmodels", "warm", {"site": "lab", **spec}, {})
        self.again: list[float] = []
        registry = self.registry if with_registry else None
        self._make = lambda: ModelReconciler(
            self.world.around,
            self.world.store,
            registry,  # type: ignore[arg-type]
            lambda _key, seconds: self.again.append(seconds),
        )
        self.reconciler: ModelReconciler | None = None

    def _put(self, plural: str, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": "lab"}
        self.world.kube.put(plural, {"metadata": metadata, "spec": spec, "status": status})

    async def reconcile(self, *, restarted: bool = False) -> bool:
        self.world.watch()
        if self.reconciler is None or restarted:
            self.reconciler = self._make()
        self.reconciler._store = self.world.store
        return await self.reconciler.reconcile(NAME)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.world.kube.objects["twinmodels", "lab", "warm"]["status"]
        return status

    def condition(self, type_: str) -> tuple[str, str, str]:
        one = next(c for c in self.status()["conditions"] if c["type"] == type_)
        return one["status"], one["reason"], one["message"]

    def deployment(self) -> dict[str, Any]:
        return self.world.kube.objects["deployments", "lab", "model-warm"]

    def environment(self) -> dict[str, str]:
        container = self.deployment()["spec"]["template"]["spec"]["containers"][0]
        return {entry["name"]: entry.get("value", "") for entry in container["env"]}

    def run_pods(self, ready: int | None = None, problem: str = "") -> None:
        body = self.deployment()
        count = body["spec"]["replicas"] if ready is None else ready
        said = [{"type": "Available", "status": "False", "message": problem}] if problem else []
        counts = {"readyReplicas": count, "updatedReplicas": count, "conditions": said}
        body["status"] = {"observedGeneration": body["metadata"]["generation"], **counts}
        self.world.kube.put("deployments", body)

    def jobs(self) -> list[dict[str, Any]]:
        found = [body for (plural, _, _), body in self.world.kube.objects.items() if plural == "jobs"]
        return sorted(found, key=lambda body: body["metadata"]["name"])

    def end_job(self, type_: str = "Complete", message: str = "") -> None:
        body = self.jobs()[-1]
        body["status"] = {"conditions": [{"type": type_, "status": "True", "message": message}]}
        self.world.kube.put("jobs", body)

    async def served(self) -> None:
        """Reconciled, with runners ready."""
        await self.reconcile()
        self.run_pods()
        assert await self.reconcile()
