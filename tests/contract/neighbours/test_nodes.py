"""A metrics server behind the real API server's aggregator, asked with the rights that the chart gives and no more."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from tests.contract.crds.conftest import Kubectl

from local_stack.pki import Authority
from nodes.cluster import ClusterError, Nodes, Racks

Say = Callable[[str, str], None]
ACCOUNT = "racktwin-test-nodes"


@pytest.fixture
def metrics_server(tmp_path: Path) -> Iterator[tuple[int, Say]]:
    """A metrics server as the aggregator asks it; `say(node, cpu)` sets what it tells."""
    told: dict[str, str] = {}
    group = "metrics.k8s.io/v1beta1"
    resource = {
        "name": "nodes",
        "singularName": "",
        "namespaced": False,
        "kind": "NodeMetrics",
        "verbs": ["get", "list"],
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            status, body = 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}
            if path == f"/apis/{group}":
                status = 200
                body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [resource]}
            elif path == f"/apis/{group}/nodes":
                status, body = 200, {"kind": "NodeMetricsList", "apiVersion": group, "metadata": {}, "items": items()}
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    def items() -> list[dict[str, Any]]:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return [
            {"metadata": {"name": name}, "timestamp": now, "window": "15s", "usage": {"cpu": cpu, "memory": "1Gi"}}
            for name, cpu in told.items()
        ]

    pair = Authority(tmp_path, "metrics", dt.datetime.now(dt.UTC)).issue("server", "localhost", hosts=("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield int(server.server_address[1]), told.__setitem__
    server.shutdown()
    server.server_close()


def rules(source: str) -> list[dict[str, Any]]:
    """The rights of the chart's ClusterRole for a source."""
    reading = {"verbs": ["get", "list"], "resources": ["nodes"]}
    found = [{"apiGroups": [""], **reading}]
    return [*found, {"apiGroups": ["metrics.k8s.io"], **reading}] if source == "metrics" else found


def cluster_documents(port: int, namespace: str) -> list[dict[str, Any]]:
    """A node, the aggregated API of the metrics server on `port`, and an account with the chart's rights."""
    return [
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics", "namespace": namespace},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": "metrics", "namespace": namespace, "port": port},
            },
        },
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "racktwin-test-node"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ACCOUNT},
            "rules": rules("metrics"),
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": ACCOUNT},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT},
            "subjects": [{"kind": "User", "name": ACCOUNT, "apiGroup": "rbac.authorization.k8s.io"}],
        },
    ]  # fmt: skip


@pytest.fixture
def cluster(kubectl: Kubectl, metrics_server: tuple[int, Say]) -> Iterator[None]:
    """All of that on the API server."""
    port, _ = metrics_server
    text = "\n---\n".join(map(json.dumps, cluster_documents(port, kubectl.namespace)))
    applied = kubectl.run("apply", "-f", "-", stdin=text)
    assert applied.returncode == 0, applied.stderr
    capacity = {"status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "10"}}}
    patched = kubectl.run(
        "patch", "node", "racktwin-test-node", "--subresource=status", "--type=merge", "-p", json.dumps(capacity)
    )
    assert patched.returncode == 0, patched.stderr
    waited = kubectl.run("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=120s")
    assert waited.returncode == 0, waited.stderr + waited.stdout
    yield
    kubectl.run("delete", "--wait=false", "-f", "-", stdin=text)


def test_usage_comes_through_the_aggregator_with_the_charts_rights(
    api: client.ApiClient, cluster: None, metrics_server: tuple[int, Say]
) -> None:
    _, say = metrics_server
    say("racktwin-test-node", "1500m")
    api.set_default_header("Impersonate-User", ACCOUNT)
    nodes = Nodes(api)
    assert nodes.read_all()["racktwin-test-node"].cores == 4
    usages, problems = nodes.usage("metrics", ["racktwin-test-node", "other"], 0)
    assert usages["racktwin-test-node"].cpu_cores == pytest.approx(1.5)
    assert problems == ["node other: the metrics API has nothing of it"]
    # Kubelets are another right, which the chart does not give; neither are racks without the Role.
    with pytest.raises(ClusterError, match="kubelet of racktwin-test-node: 403: this account may not read it"):
        nodes.usage("kubelet", ["racktwin-test-node"], 0)
    with pytest.raises(ClusterError, match="racks in nowhere: 403"):
        Racks(api, "nowhere").read_all()
