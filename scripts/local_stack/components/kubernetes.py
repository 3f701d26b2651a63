"""The Kubernetes API: etcd and kube-apiserver on loopback, with authorities, RBAC and kubeconfigs of the stack's own.

No controller manager, scheduler or kubelet runs: our operator and local_node are the controllers here. Clients log in
with certificates; those of our processes carry the names of the service accounts they would have in a cluster, so the
same RBAC applies.
"""

from pathlib import Path

import yaml

from local_stack import cluster
from local_stack.component import Component, NotReadyError
from local_stack.instance import LOOPBACK, Instance
from local_stack.pki import Authority, Pair, signing_key
from local_stack.probes import http_ok
from local_stack.toolchain.catalogue import ETCD, KUBERNETES

_SERVICE_RANGE = "10.96.0.0/16"
_HOSTS = (LOOPBACK, "localhost")
# With Go's own setting (100) a fifth of the API server's CPU time goes into collecting a small heap again and again.
_GARBAGE_COLLECTION = {"GOGC": "400", "GOMEMLIMIT": "3GiB"}


def _etcd_authority(instance: Instance) -> Authority:
    # An authority of its own: a client certificate of the API must not open the store behind it.
    return Authority(instance.folder / "pki" / "etcd", "racktwin local etcd")


def authority(instance: Instance) -> Authority:
    """The authority of the API server and its clients."""
    return Authority(instance.folder / "pki" / "kubernetes", "racktwin local kubernetes")


def _etcd_server(instance: Instance) -> Pair:
    return _etcd_authority(instance).issue("server", "etcd", hosts=_HOSTS)


def _etcd_client(instance: Instance) -> Pair:
    return _etcd_authority(instance).issue("client", "kube-apiserver")


def _etcd(instance: Instance) -> list[str]:
    server, ca = _etcd_server(instance), _etcd_authority(instance).pair.certificate
    client_url, peer_url = instance.url("etcd-client", "https"), instance.url("etcd-peer", "https")
    return [
        str(ETCD.folder / "bin" / "etcd"),
        "--name=racktwin",
        f"--data-dir={instance.data('etcd')}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=racktwin={peer_url}",
        "--client-cert-auth",
        f"--trusted-ca-file={ca}",
        f"--cert-file={server.certificate}",
        f"--key-file={server.key}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={ca}",
        f"--peer-cert-file={server.certificate}",
        f"--peer-key-file={server.key}",
        "--log-level=warn",
        # A laptop's disk takes up to 30 ms per sync, and a demo's data need not outlive a power cut.
        "--unsafe-no-fsync",
        "--auto-compaction-retention=1h",
    ]


def _etcd_probe(instance: Instance) -> None:
    ca = _etcd_authority(instance).pair.certificate
    http_ok(instance.url("etcd-client", "https") + "/health", ca=ca, certificate=_etcd_client(instance).as_tuple())


def _apiserver(instance: Instance) -> list[str]:
    ca = authority(instance)
    serving = ca.issue(
        "apiserver",
        "kube-apiserver",
        hosts=(*_HOSTS, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1"),
    )
    tokens = signing_key(instance.folder / "pki" / "kubernetes", "service-accounts")
    store = _etcd_client(instance)
    return [
        str(KUBERNETES.folder / "bin" / "kube-apiserver"),
        f"--etcd-servers={instance.url('etcd-client', 'https')}",
        f"--etcd-cafile={_etcd_authority(instance).pair.certificate}",
        f"--etcd-certfile={store.certificate}",
        f"--etcd-keyfile={store.key}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={instance.port('kube-apiserver')}",
        f"--advertise-address={LOOPBACK}",
        # The Service `kubernetes` needs no endpoint here, and a loopback one is refused.
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range={_SERVICE_RANGE}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        f"--client-ca-file={ca.pair.certificate}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        "--profiling=false",
    ]


def admin(instance: Instance) -> Pair:
    """The certificate of a cluster administrator."""
    return authority(instance).issue("admin", "admin", organisations=("system:masters",))


def _apiserver_probe(instance: Instance) -> None:
    ca = authority(instance).pair.certificate
    http_ok(instance.url("kube-apiserver", "https") + "/readyz", ca=ca, certificate=admin(instance).as_tuple())
    if not kubeconfig(instance).exists():
        raise NotReadyError("the kubeconfig is not written yet")


def kubeconfig(instance: Instance) -> Path:
    """The administrator's kubeconfig."""
    return instance.folder / "kubeconfig"


def process_kubeconfig(instance: Instance, account: str) -> Path:
    """The kubeconfig of one of our processes."""
    return instance.config_dir / "kubeconfigs" / account


def _kubeconfig(instance: Instance, user: str, pair: Pair, namespace: str) -> str:
    context = f"racktwin-{instance.name}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": context,
                "cluster": {
                    "server": instance.url("kube-apiserver", "https"),
                    "certificate-authority": str(authority(instance).pair.certificate),
                },
            }
        ],
        "users": [{"name": user, "user": {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user, "namespace": namespace}}],
        "current-context": context,
    }
    return yaml.safe_dump(document, sort_keys=False)


def _files(instance: Instance) -> dict[Path, str]:
    files = {kubeconfig(instance): _kubeconfig(instance, "admin", admin(instance), "default")}
    for account in cluster.ACCOUNTS:
        user = f"system:serviceaccount:{cluster.SYSTEM_NAMESPACE}:{account}"
        groups = (
            "system:serviceaccounts",
            f"system:serviceaccounts:{cluster.SYSTEM_NAMESPACE}",
            "system:authenticated",
        )
        pair = authority(instance).issue(account, user, organisations=groups)
        files[process_kubeconfig(instance, account)] = _kubeconfig(instance, account, pair, cluster.SYSTEM_NAMESPACE)
    return files


def _after_ready(instance: Instance) -> None:
    cluster.set_up(kubeconfig(instance))


COMPONENTS = (
    Component(
        name="etcd",
        why="store of the Kubernetes API",
        command=_etcd,
        probe=_etcd_probe,
        artefacts=("etcd",),
        ports=("etcd-client", "etcd-peer"),
    ),
    Component(
        name="kube-apiserver",
        why="Kubernetes API, where racks are declared",
        command=_apiserver,
        probe=_apiserver_probe,
        after=("etcd",),
        artefacts=("kubernetes",),
        ports=("kube-apiserver",),
        files=_files,
        environment=lambda _instance: _GARBAGE_COLLECTION,
        after_ready=_after_ready,
    ),
)
