"""Command lines and probes of the control plane: etcd, API server, controller manager, scheduler, on the host.

They listen on the bridge's address or on a loopback address of the cluster's own, so clusters do not meet.
"""

import dataclasses
from collections.abc import Callable

from cluster import credentials
from cluster.place import Place
from cluster.plan import API_PORT, SERVICE_RANGE
from local_stack.probes import http_ok
from local_stack.toolchain.catalogue import ETCD, KUBERNETES
from local_stack.toolchain.chart_tools import CONTROL_PLANE

_ETCD_PORT, _ETCD_PEER_PORT = 2379, 2380
_MANAGER_PORT, _SCHEDULER_PORT = 10257, 10259
# A node that is silent for 16 s is taken for dead, and its pods move 10 s later: a trial need not wait for the
# defaults of 50 s and five minutes.
_NODE_GRACE = "16s"
_TOLERATION_S = 10


@dataclasses.dataclass(frozen=True)
class Part:
    """One process of the control plane."""

    name: str
    command: Callable[[Place], list[str]]
    probe: Callable[[Place], None]
    """Returns when it can work; raises NotReadyError or OSError."""
    start_seconds: float = 60
    stop_seconds: int = 20


def _etcd(place: Place) -> list[str]:
    ca = credentials.etcd_authority(place)
    server = ca.issue("server", "etcd", hosts=(place.plan.loopback,))
    client, peer = (f"https://{place.plan.loopback}:{port}" for port in (_ETCD_PORT, _ETCD_PEER_PORT))
    return [
        str(ETCD.folder / "bin" / "etcd"),
        "--name=racktwin",
        f"--data-dir={place.data('etcd')}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=racktwin={peer}",
        "--client-cert-auth",
        f"--trusted-ca-file={ca.pair.certificate}",
        f"--cert-file={server.certificate}",
        f"--key-file={server.key}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={ca.pair.certificate}",
        f"--peer-cert-file={server.certificate}",
        f"--peer-key-file={server.key}",
        "--log-level=warn",
        # A trial's data need not outlive a power cut.
        "--unsafe-no-fsync",
    ]


def _probe_etcd(place: Place) -> None:
    ca = credentials.etcd_authority(place)
    client = ca.issue("client", "kube-apiserver")
    url = f"https://{place.plan.loopback}:{_ETCD_PORT}/health"
    http_ok(url, ca=ca.pair.certificate, certificate=client.as_tuple())


def _api_server(place: Place) -> list[str]:
    ca = credentials.authority(place).pair.certificate
    store = credentials.etcd_authority(place)
    client = store.issue("client", "kube-apiserver")
    serving, kubelets = credentials.api_server(place), credentials.kubelet_client(place)
    tokens = credentials.service_account_keys(place)
    return [
        str(KUBERNETES.folder / "bin" / "kube-apiserver"),
        f"--etcd-servers=https://{place.plan.loopback}:{_ETCD_PORT}",
        f"--etcd-cafile={store.pair.certificate}",
        f"--etcd-certfile={client.certificate}",
        f"--etcd-keyfile={client.key}",
        f"--bind-address={place.plan.host}",
        f"--secure-port={API_PORT}",
        f"--advertise-address={place.plan.host}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--anonymous-auth=false",
        "--allow-privileged=false",
        f"--client-ca-file={ca}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--kubelet-certificate-authority={ca}",
        f"--kubelet-client-certificate={kubelets.certificate}",
        f"--kubelet-client-key={kubelets.key}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        f"--default-not-ready-toleration-seconds={_TOLERATION_S}",
        f"--default-unreachable-toleration-seconds={_TOLERATION_S}",
        "--profiling=false",
    ]


def _probe_api_server(place: Place) -> None:
    ca = credentials.authority(place)
    admin = ca.issue("admin", "admin", organisations=("system:masters",))
    http_ok(f"{place.plan.api_url}/readyz", ca=ca.pair.certificate, certificate=admin.as_tuple())


def _controller_manager(place: Place) -> list[str]:
    config = credentials.component(place, "kube-controller-manager")
    return [
        str(CONTROL_PLANE.folder / "bin" / "kube-controller-manager"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--authentication-skip-lookup=true",
        f"--client-ca-file={credentials.authority(place).pair.certificate}",
        f"--root-ca-file={credentials.authority(place).pair.certificate}",
        f"--service-account-private-key-file={credentials.service_account_keys(place).key}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--allocate-node-cidrs=false",
        f"--node-monitor-grace-period={_NODE_GRACE}",
        "--node-monitor-period=2s",
        f"--bind-address={place.plan.loopback}",
        f"--secure-port={_MANAGER_PORT}",
        f"--cert-dir={place.data('kube-controller-manager')}",
        "--profiling=false",
    ]


def _scheduler(place: Place) -> list[str]:
    config = credentials.component(place, "kube-scheduler")
    return [
        str(CONTROL_PLANE.folder / "bin" / "kube-scheduler"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--authentication-skip-lookup=true",
        f"--client-ca-file={credentials.authority(place).pair.certificate}",
        "--leader-elect=false",
        f"--bind-address={place.plan.loopback}",
        f"--secure-port={_SCHEDULER_PORT}",
        f"--cert-dir={place.data('kube-scheduler')}",
        "--profiling=false",
    ]


def _probe_own_certificate(component: str, port: int) -> Callable[[Place], None]:
    """A probe of a component that made its serving certificate itself, in its folder."""

    def probe(place: Place) -> None:
        certificate = place.data(component) / f"{component}.crt"
        http_ok(f"https://{place.plan.loopback}:{port}/healthz", ca=certificate)

    return probe


PARTS = (
    Part("etcd", _etcd, _probe_etcd),
    Part("kube-apiserver", _api_server, _probe_api_server, start_seconds=120),
    Part(
        "kube-controller-manager",
        _controller_manager,
        _probe_own_certificate("kube-controller-manager", _MANAGER_PORT),
    ),
    Part("kube-scheduler", _scheduler, _probe_own_certificate("kube-scheduler", _SCHEDULER_PORT)),
)
"""In the order in which they start; they stop in the reverse one."""
