"""A cluster to install charts on: the local stack's real API server, real controllers and scheduler, simulated nodes.

Pods are scheduled and become ready without running anything, so what is proven is what Kubernetes itself does with
the chart: admission, defaults, ownership, volumes, readiness, rollouts.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from check_charts.tools import CheckError, run
from local_stack import Stack
from local_stack.components import kubernetes
from local_stack.toolchain import chart_tools
from local_stack.toolchain.catalogue import KUBERNETES

STACK: Final = "check-charts"
_KUBECTL: Final = KUBERNETES.folder / "bin" / "kubectl"
# As many as replicas that must not share a node, and one more for a rollout.
_NODES: Final = 8
_WAIT_S: Final = 90.0


class Cluster:
    """A running one."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig = kubeconfig
        self.folder = folder

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Its output. Raises CheckError."""
        return run([_KUBECTL, *arguments], stdin=stdin, environment={"KUBECONFIG": str(self.kubeconfig)})

    def get(self, *arguments: str) -> Any:
        """`kubectl get … -o json`, parsed. Raises CheckError."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, documents: Sequence[dict[str, Any]]) -> None:
        """Apply on the server's side. Raises CheckError."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def account(self, namespace: str, name: str) -> Path:
        """A kubeconfig of a service account, with its rights and no more. Raises CheckError."""
        token = self.kubectl("-n", namespace, "create", "token", name).strip()
        config = json.loads(self.kubectl("config", "view", "--raw", "-o", "json"))
        config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
        path = self.folder / f"kubeconfig-{namespace}-{name}"
        path.write_text(json.dumps(config), encoding="utf-8")
        path.chmod(0o600)
        return path


@contextlib.contextmanager
def running(say: Callable[[str], None]) -> Iterator[Cluster]:
    """A fresh cluster with simulated nodes and volumes; everything is stopped and removed at the end.

    Raises:
        CheckError: it did not come up.
    """
    stack = Stack(STACK)
    stack.clean()
    stack.ensure(["kube-apiserver"])
    instance = stack.instance
    folder = instance.folder / "check"
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(kubernetes.kubeconfig(instance), folder)
    children: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in _programs(cluster, instance.folder / "pki" / "kubernetes").items():
            with (folder / f"{name}.log").open("wb") as log:
                children.append(
                    subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", *command], stdout=log, stderr=log)
                )
        cluster.apply([*_nodes(), *_volumes()])
        _await_nodes(cluster)
        say(f"cluster: {_NODES} simulated nodes are ready")
        yield cluster
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        for child in children:
            child.wait(20)
        stack.clean()


def _programs(cluster: Cluster, pki: Path) -> dict[str, list[str]]:
    binaries = chart_tools.CONTROL_PLANE.folder / "bin"
    stages = sorted(chart_tools.KWOK_STAGES.folder.glob("*.yaml"))
    text = "\n---\n".join(stage.read_text(encoding="utf-8") for stage in stages)
    config = cluster.folder / "stages.yaml"
    config.write_text(text, encoding="utf-8")
    return {
        "controller-manager": [
            str(binaries / "kube-controller-manager"),
            f"--kubeconfig={cluster.kubeconfig}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--service-account-private-key-file={pki / 'service-accounts.key'}",
            "--leader-elect=false",
            "--secure-port=0",
        ],
        "scheduler": [
            str(binaries / "kube-scheduler"),
            f"--kubeconfig={cluster.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
        ],
        "kwok": [
            str(chart_tools.KWOK.folder / "bin" / "kwok"),
            f"--kubeconfig={cluster.kubeconfig}",
            f"--config={config}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
        ],
    }


def _nodes() -> list[dict[str, Any]]:
    room = {"cpu": "128", "memory": "512Gi", "pods": "200"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"node-{number}",
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {"kubernetes.io/hostname": f"node-{number}", "kubernetes.io/os": "linux"},
            },
            "status": {"allocatable": room, "capacity": room},
        }
        for number in range(_NODES)
    ]


def _volumes(count: int = 60) -> list[dict[str, Any]]:
    """Volumes for claims to bind to, as a provisioner would make them."""
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"volume-{number}"},
            "spec": {
                "capacity": {"storage": "10Ti"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"/simulated/{number}"},
            },
        }
        for number in range(count)
    ]


def _await_nodes(cluster: Cluster) -> None:
    deadline = time.monotonic() + _WAIT_S
    while True:
        nodes = cluster.get("nodes")["items"]
        ready = [
            n
            for n in nodes
            if any(c["type"] == "Ready" and c["status"] == "True" for c in n["status"].get("conditions", []))
        ]
        # Service accounts come from the controller manager.
        if len(ready) == _NODES and cluster.get("serviceaccounts", "-n", "default")["items"]:
            return
        if time.monotonic() > deadline:
            raise CheckError(f"nodes are not ready after {_WAIT_S:.0f} s; logs are in {cluster.folder}")
        time.sleep(0.5)
