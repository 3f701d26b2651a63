"""A cluster's life: everything made and started until its nodes are ready; stopped again without a trace.

Whatever is healthy is left alone, so that `up` twice does nothing the second time. Next: `charts` installs Racktwin.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from cluster import control_plane, credentials, network, nodes, traces
from cluster.control_plane import Part
from cluster.images import recipes
from cluster.images.oci import Images
from cluster.node import cgroups
from cluster.place import Place
from cluster.plan import REGISTRY_PORT
from cluster.shell import ClusterError
from local_stack import cluster as kube
from local_stack.component import NotReadyError
from local_stack.instance import write_private
from local_stack.probes import http_ok
from local_stack.supervision import Program, Supervisor
from local_stack.toolchain import chart_tools, node_programs
from local_stack.toolchain.builder import Builder
from local_stack.toolchain.catalogue import ARTEMIS, CONSOLE_PAGE, ETCD, HONO, INFLUXD, KAFKA, KUBERNETES

Say = Callable[[str], None]
_POLL_S = 0.2
_NODES_READY_S = 120.0
_NAMES_READY_S = 120.0
ARTEFACTS = (
    *(KUBERNETES, ETCD, KAFKA, HONO, ARTEMIS, INFLUXD, CONSOLE_PAGE, chart_tools.CONTROL_PLANE, chart_tools.HELM),
    *node_programs.ALL,
)


def _registry(place: Place) -> list[str]:
    return [sys.executable, "-m", "cluster.registry", place.plan.host, str(REGISTRY_PORT), str(place.registry_dir)]


def _probe_registry(place: Place) -> None:
    http_ok(f"http://{place.plan.registry}/v2/")


def _volumes(place: Place) -> list[str]:
    ca = credentials.authority(place)
    pair = ca.issue("volumes", "system:racktwin-volumes")
    paths = (ca.pair.certificate, pair.certificate, pair.key, place.volumes_dir)
    return [sys.executable, "-m", "cluster.volumes", place.plan.api_url, *(str(path) for path in paths)]


def _always(_place: Place) -> None:
    return None


_OWN = (Part("registry", _registry, _probe_registry), Part("volumes", _volumes, _always, stop_seconds=5))


class Cluster:
    """One cluster by its place."""

    def __init__(self, place: Place, say: Say) -> None:
        """Nothing is read or started yet; `say` gets a line per step."""
        self.place = place
        self._say = say
        self._supervisor = Supervisor(place)

    # -- starting -----------------------------------------------------------------------------------------------------

    def up(self) -> dict[str, str]:
        """Bring everything to readiness; the images by name, each with the digest of its content.

        Raises:
            BuildError, ClusterError, SupervisionError: something could not be made or did not become ready.
        """
        Builder().make(ARTEFACTS)
        digests = self.build_images()
        with self.place.exclusive():
            self.place.keep()
            self._remember_host()
            network.make(self.place.plan)
            credentials.administrator(self.place)
            self._supervisor.ensure([*self._control_programs(), *self._node_programs()], keep=set())
            for part in (*control_plane.PARTS, *_OWN):
                self._bring_up(part)
            for node in self.place.plan.nodes:
                self._supervisor.start(f"node-{node.name}")
            self._apply_base()
            self._await_nodes()
            self._await_names()
        return digests

    def build_images(self) -> dict[str, str]:
        """Write the images that changed."""
        folder = self.place.registry_dir
        return recipes.build(Images(folder), folder / "compiled", self._say)

    def _remember_host(self) -> None:
        """Note how the host is before the first change."""
        file = self.place.folder / "host-before.json"
        if not network.exists(self.place.plan) and not self._supervisor.running():
            write_private(file, traces.take().dump())

    def _control_programs(self) -> list[Program]:
        return [
            Program(part.name, part.command(self.place), {}, self.place.logs / f"{part.name}.log", part.stop_seconds)
            for part in (*control_plane.PARTS, *_OWN)
        ]

    def _node_programs(self) -> list[Program]:
        return [nodes.program(self.place, node) for node in self.place.plan.nodes]

    def _bring_up(self, part: Part) -> None:
        self._supervisor.start(part.name)
        began = time.monotonic()
        reason = "no answer"
        while time.monotonic() - began < part.start_seconds:
            try:
                part.probe(self.place)
            except (OSError, NotReadyError) as error:
                reason = str(error)
                time.sleep(_POLL_S)
            else:
                if time.monotonic() - began > 1:
                    self._say(f"{part.name} is ready after {time.monotonic() - began:.1f} s")
                return
        raise ClusterError(f"{part.name} is not ready in time: {reason}\n  its log: {self.place.logs / part.name}.log")

    def _apply_base(self) -> None:
        text = (resources.files("cluster") / "manifests" / "base.yaml").read_text(encoding="utf-8")
        kube.apply(self.place.kubeconfig, [document for document in yaml.safe_load_all(text) if document])

    # -- waiting ------------------------------------------------------------------------------------------------------

    def ready_nodes(self) -> list[str]:
        """Names of the nodes that are ready."""
        items = kube.get(self.place.kubeconfig, "nodes")["items"]
        return [item["metadata"]["name"] for item in items if _condition(item, "Ready") == "True"]

    def _await_nodes(self) -> None:
        wanted = len(self.place.plan.nodes)
        self.wait("nodes ready", wanted, lambda: len(self.ready_nodes()), _NODES_READY_S)

    def _await_names(self) -> None:
        def ready() -> int:
            deployment = kube.get(self.place.kubeconfig, "deployment", "coredns", "-n", "kube-system")
            return int((deployment.get("status") or {}).get("readyReplicas") or 0)

        self.wait("name servers ready", 1, ready, _NAMES_READY_S)

    def wait(self, what: str, wanted: int, count: Callable[[], int], limit_s: float, *, quiet: bool = False) -> None:
        """Wait until `count` reaches `wanted`; unless `quiet`, tell when it took long. Raises ClusterError."""
        began = time.monotonic()
        found: int | str = 0
        while time.monotonic() - began < limit_s:
            try:
                found = count()
                if found >= wanted:
                    if time.monotonic() - began > 1 and not quiet:
                        self._say(f"{what} after {time.monotonic() - began:.1f} s")
                    return
            except kube.KubectlError as error:
                found = str(error)
            time.sleep(_POLL_S)
        raise ClusterError(
            f"{what}: {found} of {wanted} after {limit_s:.0f} s\n"
            f"  logs are in {self.place.logs} and {self.place.folder / 'nodes'}/*/logs\n"
            f"  next: KUBECONFIG={self.place.kubeconfig} kubectl get nodes,pods -A"
        )

    # -- nodes --------------------------------------------------------------------------------------------------------

    def kill_node(self, name: str) -> None:
        """End a node as a power cut does: every process in it at once. It stays down until `start_node`."""
        state = self._supervisor.states().get(f"node-{name}")
        if state is None or not state.pid:
            raise ClusterError(f"node {name} does not run")
        self._kill_first_process(state.pid)
        self._supervisor.stop(f"node-{name}")

    def _kill_first_process(self, launcher: int) -> None:
        for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text(encoding="utf-8").split():
            os.kill(int(child), 9)

    def start_node(self, name: str) -> None:
        """Start a node that was killed."""
        self._supervisor.start(f"node-{name}")

    # -- stopping -----------------------------------------------------------------------------------------------------

    def down(self) -> list[str]:
        """Stop everything, keep the data; what of the host is now different than before (nothing, as it should)."""
        with self.place.exclusive():
            states = self._supervisor.states()
            running = [f"node-{node.name}" for node in self.place.plan.nodes if f"node-{node.name}" in states]
            if running:
                self._say(f"stopping {', '.join(running)}")
                with ThreadPoolExecutor(len(running)) as pool:
                    list(pool.map(self._supervisor.stop, running))
            for part in reversed((*control_plane.PARTS, *_OWN)):
                if part.name in states:
                    self._supervisor.stop(part.name)
            self._supervisor.shutdown()
            for node in self.place.plan.nodes:
                cgroups.remove(node.cgroup)
            network.remove(self.place.plan)
            return self._changes_of_host()

    def _changes_of_host(self) -> list[str]:
        left = traces.processes_of(self.place.folder / "nodes") + traces.processes_of(self.place.config_dir)
        file = self.place.folder / "host-before.json"
        if file.exists():
            left += traces.differences(traces.Snapshot.parse(file.read_text(encoding="utf-8")), traces.take())
        return left

    def clean(self) -> list[str]:
        """Stop everything and remove the cluster's data and addresses; builds and images are kept."""
        changes = self.down()
        shutil.rmtree(self.place.folder, ignore_errors=True)
        return changes

    def running(self) -> bool:
        """Whether anything of it runs."""
        return self._supervisor.running()

    def states(self) -> dict[str, str]:
        """Each program and its state."""
        return {name: state.state for name, state in self._supervisor.states().items()}


def _condition(item: dict[str, Any], kind: str) -> str:
    conditions = (item.get("status") or {}).get("conditions") or []
    return next((str(condition["status"]) for condition in conditions if condition["type"] == kind), "Unknown")
