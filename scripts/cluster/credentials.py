"""Certificates and kubeconfigs of a cluster: one authority for the Kubernetes API, another for the store behind it."""

from pathlib import Path

import yaml

from cluster.place import Place
from cluster.plan import API_SERVICE, CLUSTER_DOMAIN, NodePlan
from local_stack.instance import write_private
from local_stack.pki import Authority, Pair, signing_key

_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}")


def etcd_authority(place: Place) -> Authority:
    """Of the store: a client certificate of the API must not open what lies behind it."""
    return Authority(place.folder / "pki" / "etcd", f"racktwin {place.name} etcd")


def authority(place: Place) -> Authority:
    """Of the API server, the kubelets and their clients."""
    return Authority(place.folder / "pki" / "kubernetes", f"racktwin {place.name} kubernetes")


def api_server(place: Place) -> Pair:
    """What the API server shows to its clients."""
    hosts = (place.plan.host, place.plan.loopback, "127.0.0.1", "localhost", API_SERVICE, *_API_NAMES)
    return authority(place).issue("apiserver", "kube-apiserver", hosts=hosts)


def kubelet_client(place: Place) -> Pair:
    """What the API server shows to kubelets (logs, exec)."""
    return authority(place).issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client")


def kubelet_server(place: Place, node: NodePlan) -> Pair:
    """What a kubelet shows to the API server."""
    return authority(place).issue(f"kubelet-{node.name}", f"system:node:{node.name}", hosts=(node.address, node.name))


def service_account_keys(place: Place) -> Pair:
    """Sign and check the tokens of pods."""
    return signing_key(place.folder / "pki" / "kubernetes", "service-accounts")


def _write(place: Place, file: Path, user: str, pair: Pair) -> Path:
    cluster = f"racktwin-{place.name}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {
                    "server": place.plan.api_url,
                    "certificate-authority": str(authority(place).pair.certificate),
                },
            }
        ],
        "users": [{"name": user, "user": {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    text = yaml.safe_dump(document, sort_keys=False)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_private(file, text)
    return file


def administrator(place: Place) -> Path:
    """The kubeconfig of an administrator."""
    pair = authority(place).issue("admin", "admin", organisations=("system:masters",))
    return _write(place, place.kubeconfig, "admin", pair)


def component(place: Place, name: str) -> Path:
    """The kubeconfig of a component that Kubernetes knows as `system:<name>`."""
    pair = authority(place).issue(name, f"system:{name}")
    return _write(place, place.config_dir / f"{name}.kubeconfig", f"system:{name}", pair)


def kubelet(place: Place, node: NodePlan) -> Path:
    """The kubeconfig of a node's kubelet."""
    user = f"system:node:{node.name}"
    pair = authority(place).issue(f"node-{node.name}", user, organisations=("system:nodes",))
    return _write(place, place.config_dir / f"kubelet-{node.name}.kubeconfig", user, pair)
