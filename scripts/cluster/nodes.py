"""Turns the plan of a node into files and into the program that supervisord runs for it."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import yaml

from cluster import credentials
from cluster.node import config
from cluster.node.config import NodePaths
from cluster.node.spec import NodeProgram, NodeSpec
from cluster.place import Place
from cluster.plan import NodePlan
from cluster.shell import ClusterError
from local_stack.instance import write_private
from local_stack.supervision import Program
from local_stack.toolchain import node_programs

_HIDDEN = ("/run", "/var/lib", "/var/log")
# Not the caller's: another shell would be another specification, and restart the node.
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# Longer than a node gives its pods to end.
_STOP_SECONDS = 25


def _keep(file: Path, text: str) -> Path:
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_private(file, text)
    return file


def _cni_bin(place: Place) -> Path:
    """One folder with links to all CNI programs."""
    folder = place.folder / "cni-bin"
    folder.mkdir(parents=True, exist_ok=True)
    for tool in node_programs.CNI:
        link, target = folder / tool.program, tool.folder / "bin" / tool.program
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return folder


def _runc() -> str:
    found = shutil.which("runc")
    if found is None:
        raise ClusterError("runc is missing: apt-get install runc")
    return found


def _files(place: Place, node: NodePlan, paths: NodePaths) -> None:
    server = credentials.kubelet_server(place, node)
    ca = credentials.authority(place).pair.certificate
    proxy = credentials.component(place, "kube-proxy")
    kubelet = config.kubelet(place.plan, node, paths, ca=ca, certificate=server.certificate, key=server.key)
    _keep(paths.config / "cni" / "10-racktwin.conflist", json.dumps(config.cni(node), indent=1))
    _keep(paths.config / "containerd.toml", config.containerd(paths, _runc(), _cni_bin(place)))
    _keep(paths.config / "registries" / "_default" / "hosts.toml", config.registry_hosts(place.plan.registry))
    _keep(paths.config / "kubelet.yaml", yaml.safe_dump(kubelet))
    _keep(paths.config / "kube-proxy.yaml", yaml.safe_dump(config.kube_proxy(place.plan, node, proxy)))
    # No server of the host's: pods have no way to the Internet, and names outside the cluster are unknown at once.
    _keep(paths.config / "resolv.conf", "")
    for setting, value in config.KERNEL_SETTINGS.items():
        _keep(paths.config / "kernel" / setting.replace("/", "."), f"{value}\n")


def _programs(place: Place, node: NodePlan, paths: NodePaths) -> tuple[NodeProgram, ...]:
    agents = node_programs.NODE_AGENTS.folder / "bin"
    kubelet = (
        str(agents / "kubelet"),
        f"--config={paths.config / 'kubelet.yaml'}",
        f"--kubeconfig={credentials.kubelet(place, node)}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--root-dir={paths.kubelet}",
        f"--cert-dir={paths.config}",
        "--v=1",
    )
    containerd = str(node_programs.CONTAINERD.folder / "bin" / "containerd")
    return (
        NodeProgram(
            "containerd",
            (containerd, "--config", str(paths.config / "containerd.toml"), "--log-level", "warn"),
            str(paths.logs / "containerd.log"),
        ),
        NodeProgram("kubelet", kubelet, str(paths.logs / "kubelet.log"), after=config.CONTAINERD_SOCKET),
        NodeProgram(
            "kube-proxy",
            (str(agents / "kube-proxy"), f"--config={paths.config / 'kube-proxy.yaml'}"),
            str(paths.logs / "kube-proxy.log"),
        ),
    )


def spec(place: Place, node: NodePlan) -> NodeSpec:
    """Write the node's files and return what its launcher is told."""
    paths = NodePaths(place.node_dir(node.name))
    for folder in (paths.containerd, paths.kubelet, paths.logs / "pods"):
        folder.mkdir(parents=True, exist_ok=True)
    _files(place, node, paths)
    own = (node_programs.CONTAINERD, node_programs.CONTAINERD_SHIM)
    search = [*(str(tool.folder / "bin") for tool in own), *_SYSTEM_PATH]
    kernel = paths.config / "kernel"
    return NodeSpec(
        name=node.name,
        cgroup=node.cgroup,
        bridge=place.plan.bridge,
        link=node.link,
        address=f"{node.address}/24",
        gateway=place.plan.host,
        routes=tuple((other.pods, other.address) for other in place.plan.nodes if other != node),
        hidden=_HIDDEN,
        kernel_settings=tuple((name, str(kernel / name.replace("/", "."))) for name in config.KERNEL_SETTINGS),
        path=":".join(search),
        programs=_programs(place, node, paths),
    )


def program(place: Place, node: NodePlan) -> Program:
    """What supervisord runs for the node."""
    text = spec(place, node).dump()
    file = _keep(place.config_dir / f"node-{node.name}.json", text)
    return Program(
        name=f"node-{node.name}",
        command=[sys.executable, "-m", "cluster.node.launch", str(file)],
        # A changed specification changes the program's description, and so restarts the node.
        environment={"RACKTWIN_CONFIG_DIGEST": hashlib.sha256(text.encode()).hexdigest()[:16]},
        log=place.logs / f"node-{node.name}.log",
        stop_seconds=_STOP_SECONDS,
    )
