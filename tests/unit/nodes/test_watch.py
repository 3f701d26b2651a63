"""From an API server and kubelets to Hono's adapter, over real sockets with small servers at both ends."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog
from kubernetes import client

from nodes.cluster import ClusterError, Nodes, Racks
from nodes.uplink import Uplink
from nodes.watch import Watch
from racktwin import senml


class Peer:
    """The API server and Hono's adapter in one: answers by path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.posts: list[tuple[str, list[dict[str, Any]]]] = []
        self.adapter_status = 202
        self.url = ""

    def secret(self, server: str) -> None:
        data = {
            "host": "127.0.0.1", "port": "1883", "username": f"racktwin.lab_server-{server}@lab",
            "password": "p-" + server,
            "tenant": "lab", "deviceId": f"racktwin.lab:server-{server}", "httpUrl": self.url,
        }  # fmt: skip
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.answers[f"/api/v1/namespaces/lab/secrets/server-{server}-device"] = (200, {"data": encoded})


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = peer.answers.get(self.path.partition("?")[0], (404, {"message": "not found"}))
            text = body if isinstance(body, str) else json.dumps(body)
            self._send(status, text.encode(), "text/plain" if isinstance(body, str) else "application/json")

        def do_POST(self) -> None:
            pack = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if peer.adapter_status < 300:
                user = base64.b64decode(self.headers["Authorization"].split()[1]).decode().partition("@")[0]
                peer.posts.append((user, pack))
            self._send(peer.adapter_status, b"", "text/plain")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    peer.url = f"http://127.0.0.1:{server.server_address[1]}"
    servers = [{"name": "s1", "position": 1, "followsNode": "n1"}, {"name": "s2", "position": 2, "followsNode": "n2"}]
    peer.answers["/apis/racktwin.io/v1alpha1/namespaces/lab/racks"] = (
        200, {"items": [{"metadata": {"name": "r1"}, "spec": {"servers": servers}}], "metadata": {}},
    )  # fmt: skip
    peer.answers["/api/v1/nodes"] = (
        200,
        {
            "items": [
                {"metadata": {"name": n}, "status": {"capacity": {"cpu": "4", "memory": "8Gi"}}} for n in ("n1", "n2")
            ]
        },
    )
    peer.secret("s1")
    peer.secret("s2")
    yield peer
    server.shutdown()
    server.server_close()


class Bench:
    def __init__(self, peer: Peer, source: str = "auto", backlog: int = 100) -> None:
        configuration = client.Configuration()
        configuration.host = peer.url
        api = client.ApiClient(configuration)
        racks = Racks(api, "lab")
        self.uplink = Uplink(racks, backlog, structlog.get_logger())
        self.now = 1_790_000_000_000
        self.watch = Watch(
            racks,
            Nodes(api),
            source,
            offer=self.uplink.offer,
            clock=lambda: self.now,
            log=structlog.get_logger(),
        )
        self.watch.refresh()


def metrics_api(peer: Peer, second: int, **cpu: str) -> None:
    items = [
        {
            "metadata": {"name": name}, "timestamp": f"2026-11-21T08:00:{second:02d}Z", "window": "15s",
            "usage": {"cpu": value, "memory": "2Gi"},
        }
        for name, value in cpu.items()
    ]  # fmt: skip
    peer.answers["/apis/metrics.k8s.io/v1beta1/nodes"] = (200, {"kind": "NodeMetricsList", "items": items})


def test_the_metrics_api(peer: Peer) -> None:
    metrics_api(peer, 5, n1="1", n2="500m")
    bench = Bench(peer)
    assert bench.watch.look() == "" and bench.uplink.flush() == ""
    assert [user for user, _ in peer.posts] == ["racktwin.lab_server-s1", "racktwin.lab_server-s2"]
    resolved = {
        record.name: (record.value, record.unit)
        for record in senml.resolve(senml.decode(json.dumps(peer.posts[0][1]).encode()), bench.now)
    }
    assert resolved["cpu/utilization"] == (25.0, "%") and resolved["memory/used"] == (2.0 * 2**30, "By")
    # The cluster measures every 15 s; the same sample is not sent twice.
    bench.watch.look()
    bench.uplink.flush()
    assert len(peer.posts) == 2
    metrics_api(peer, 20, n1="2")
    bench.watch.look()
    bench.uplink.flush()
    assert len(peer.posts) == 3


def kubelet(peer: Peer, node: str, seconds: float, at: int) -> None:
    text = (
        f"# TYPE node_cpu_usage_seconds_total counter\nnode_cpu_usage_seconds_total {seconds} {at}\n"
        f"# TYPE node_memory_working_set_bytes gauge\nnode_memory_working_set_bytes 1e9 {at}\n"
    )
    peer.answers[f"/api/v1/nodes/{node}/proxy/metrics/resource"] = (200, text)


def test_kubelets_where_there_is_no_metrics_server(peer: Peer) -> None:
    bench = Bench(peer)
    kubelet(peer, "n1", 100, bench.now)
    assert bench.watch.look() == ""
    kubelet(peer, "n1", 110, bench.now + 10_000)
    assert bench.watch.look() == "" and bench.uplink.flush() == ""
    packs = [{record["n"]: record["v"] for record in pack} for _, pack in peer.posts]
    assert "cpu/utilization" not in packs[0] and packs[1]["cpu/utilization"] == 25.0


def test_a_cluster_without_either_says_so(peer: Peer) -> None:
    peer.answers["/api/v1/nodes/n1/proxy/metrics/resource"] = (403, {"message": "forbidden"})
    told = Bench(peer).watch.look()
    assert "the metrics API (metrics.k8s.io): 404: there is none: is a metrics server installed?" in told
    assert "kubelet of n1: 403: this account may not read it" in told
    assert "kubelet" not in Bench(peer, "metrics").watch.look()
    peer.answers["/api/v1/nodes"] = (403, {})
    with pytest.raises(ClusterError, match="nodes: 403"):
        Bench(peer)


def test_one_server_without_login_does_not_hold_the_others(peer: Peer) -> None:
    del peer.answers["/api/v1/namespaces/lab/secrets/server-s1-device"]
    metrics_api(peer, 5, n1="1", n2="1")
    bench = Bench(peer)
    bench.watch.look()
    assert "server-s1-device: 404; the operator makes it" in bench.uplink.flush()
    assert [user for user, _ in peer.posts] == ["racktwin.lab_server-s2"]
    peer.secret("s1")
    assert bench.uplink.flush() == "" and len(peer.posts) == 2


def test_what_waits_is_bounded_and_keeps_its_order(peer: Peer) -> None:
    bench = Bench(peer, backlog=3)
    peer.adapter_status = 503
    for second in range(5):
        metrics_api(peer, second, n1=f"{second}")
        bench.watch.look()
        assert "503" in bench.uplink.flush()
    peer.adapter_status = 202
    assert bench.uplink.flush() == ""
    assert [pack[0]["v"] for _, pack in peer.posts] == [50.0, 75.0, 100.0]
    # What Hono will never take is dropped, and the next is sent.
    peer.adapter_status = 400
    metrics_api(peer, 30, n1="1")
    bench.watch.look()
    assert bench.uplink.flush() == "" and len(peer.posts) == 3
