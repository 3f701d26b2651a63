"""The programs of real Kubernetes nodes and of the cluster's name service; `cluster` runs them.

runc is not among them: it is linked to libseccomp, so the distribution's own is used (`cluster.prerequisites`).
"""

from local_stack.toolchain.artefact import Artefact
from local_stack.toolchain.catalogue import of_kubernetes
from local_stack.toolchain.golang import GoProgram, main_source
from local_stack.toolchain.gotool import GoTool

CONTAINERD_VERSION = "v2.4.2"
CNI_VERSION = "v1.9.1"


def _cni(program: str, kind: str, why: str) -> GoTool:
    return GoTool(
        name=f"cni-{program}",
        version=CNI_VERSION,
        why=why,
        package=f"github.com/containernetworking/plugins/plugins/{kind}/{program}",
        program=program,
    )


NODE_AGENTS = of_kubernetes(
    "node-agents", "kubelet and kube-proxy: run Pods on a node and lead services to them", "kubelet", "kube-proxy"
)
CONTAINERD = GoTool(
    name="containerd",
    version=CONTAINERD_VERSION,
    why="runs the containers of a node",
    package="github.com/containerd/containerd/v2/cmd/containerd",
    program="containerd",
    tags="no_btrfs,no_devmapper,no_zfs",
)
CONTAINERD_SHIM = GoTool(
    name="containerd-shim",
    version=CONTAINERD_VERSION,
    why="stands between containerd and each container",
    package="github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    program="containerd-shim-runc-v2",
)
COREDNS = GoProgram(
    name="coredns",
    version="v1.15.0",
    why="the cluster's name service",
    module="github.com/coredns/coredns",
    main_source=main_source("coredns"),
    names=("coredns",),
)
CNI: tuple[GoTool, ...] = (
    _cni("ptp", "main", "connects each pod with its node by a link of its own"),
    _cni("host-local", "ipam", "gives pods their addresses"),
    _cni("portmap", "meta", "host ports of pods"),
    _cni("loopback", "main", "the loopback interface of pods"),
)

ALL: tuple[Artefact, ...] = (NODE_AGENTS, CONTAINERD, CONTAINERD_SHIM, COREDNS, *CNI)
