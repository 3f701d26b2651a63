"""Configuration of what runs on a node: containerd, CNI, kubelet, kube-proxy. Pure, but for the paths it is given."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from cluster.plan import CLUSTER_DOMAIN, DNS_SERVICE, NodePlan, Plan

# Both lie in the node's own /run, which is empty at each start, as after a boot.
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
CONTAINERD_STATE = "/run/containerd"
PAUSE_IMAGE = "registry.k8s.io/pause:3.10"


@dataclasses.dataclass(frozen=True)
class NodePaths:
    """Files of one node below its folder."""

    folder: Path

    @property
    def containerd(self) -> Path:
        """Images and file systems of containers."""
        return self.folder / "containerd"

    @property
    def kubelet(self) -> Path:
        """Volumes of pods."""
        return self.folder / "kubelet"

    @property
    def config(self) -> Path:
        """What this module writes."""
        return self.folder / "config"

    @property
    def logs(self) -> Path:
        """Logs of the node's programs and of its pods."""
        return self.folder / "logs"


def cni(node: NodePlan) -> dict[str, Any]:
    """The pod network: a link of its own for each pod, so that no traffic bypasses kube-proxy's rules."""
    return {
        "cniVersion": "1.0.0",
        "name": "racktwin",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": node.pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": "/run/cni/addresses",
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def containerd(paths: NodePaths, runc: str, cni_bin: Path) -> str:
    """containerd's configuration (TOML); JSON strings are TOML strings."""
    text = {name: json.dumps(str(value)) for name, value in (("root", paths.containerd), ("cni", cni_bin))}
    config = {name: json.dumps(str(paths.config / name)) for name in ("cni", "registries")}
    return f"""\
version = 3
root = {text["root"]}
state = "{CONTAINERD_STATE}"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins.'io.containerd.internal.v1.opt']
  path = "{CONTAINERD_STATE}/opt"
[plugins.'io.containerd.nri.v1.nri']
  disable = true
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = {config["registries"]}
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{PAUSE_IMAGE}"
[plugins.'io.containerd.cri.v1.runtime']
  # Root in a virtual machine or container may lack the right to lower a score.
  restrict_oom_score_adj = true
  # Profiles are loaded into the host's kernel and would stay there.
  disable_apparmor = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
      BinaryName = {json.dumps(runc)}
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [{text["cni"]}]
    conf_dir = {config["cni"]}
"""


def registry_hosts(registry: str) -> str:
    """Sends pulls of every registry's images to the cluster's own; nothing is fetched from elsewhere."""
    return f'server = "http://{registry}"\n[host."http://{registry}"]\n  capabilities = ["pull", "resolve"]\n'


def kubelet(plan: Plan, node: NodePlan, paths: NodePaths, *, ca: Path, certificate: Path, key: Path) -> dict[str, Any]:
    """The kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(ca)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(paths.config / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "podLogsDir": str(paths.logs / "pods"),
        "volumePluginDir": str(paths.kubelet / "volume-plugins"),
        "serializeImagePulls": False,
        "maxParallelImagePulls": 3,
        "imageMinimumGCAge": "24h",
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": 12,
        "containerLogMaxSize": "5Mi",
        "shutdownGracePeriod": "0s",
        "registerWithTaints": [],
        "nodeStatusReportFrequency": "1m",
        "syncFrequency": "30s",
        "registerNode": True,
        "providerID": f"racktwin://{plan.index}/{node.name}",
    }


def kube_proxy(plan: Plan, node: NodePlan, kubeconfig: Path) -> dict[str, Any]:
    """kube-proxy's configuration. Zeros leave the kernel's connection tracking as it is."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": plan.pods,
        "hostnameOverride": node.name,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "healthzBindAddress": f"{node.address}:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "nodePortAddresses": ["primary"],
    }


# Kernel settings the kubelet wants to see, and would otherwise set for the whole machine.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
