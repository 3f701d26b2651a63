"""What runs on a node, how it is kept running, and its control groups."""

import json
import tomllib
from pathlib import Path

import pytest

from cluster.node import cgroups, config, spec
from cluster.node.config import NodePaths
from cluster.node.init import Programs
from cluster.node.spec import NodeProgram, NodeSpec
from cluster.plan import Plan


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_containerd_takes_its_images_from_the_cluster_alone() -> None:
    paths = NodePaths(Path("/state/n1"))
    document = tomllib.loads(config.containerd(paths, "/usr/sbin/runc", Path("/state/cni")))
    images = document["plugins"]["io.containerd.cri.v1.images"]
    assert images["registry"]["config_path"] == "/state/n1/config/registries"
    assert document["root"] == "/state/n1/containerd"
    hosts = tomllib.loads(config.registry_hosts("10.200.0.1:5000"))
    assert hosts["server"] == "http://10.200.0.1:5000"
    assert hosts["host"] == {"http://10.200.0.1:5000": {"capabilities": ["pull", "resolve"]}}


def test_pods_get_the_addresses_of_their_node() -> None:
    node = Plan(3).nodes[1]
    ranges = config.cni(node)["plugins"][0]["ipam"]["ranges"]
    assert ranges == [[{"subnet": "10.213.2.0/24"}]]


def test_the_kubelet_works_in_its_own_group_and_asks_who_is_there() -> None:
    plan = Plan(0)
    files = {name: Path(f"/{name}") for name in ("ca", "certificate", "key")}
    document = config.kubelet(plan, plan.nodes[0], NodePaths(Path("/state/n1")), **files)
    assert document["cgroupRoot"] == "/racktwin-c0-n1"
    assert document["authentication"]["anonymous"] == {"enabled": False}
    assert document["authorization"] == {"mode": "Webhook"}


def test_a_specification_survives_its_file(tmp_path: Path) -> None:
    written = NodeSpec(
        name="n1",
        cgroup="g",
        bridge="b",
        link="l",
        address="10.200.0.11/24",
        gateway="10.200.0.1",
        routes=(("10.210.2.0/24", "10.200.0.12"),),
        hidden=("/run",),
        kernel_settings=(("vm/panic_on_oom", "/f"),),
        path="/bin",
        programs=(NodeProgram("kubelet", ("kubelet", "--v=1"), "/log", "/socket"),),
    )
    file = tmp_path / "spec.json"
    file.write_text(written.dump())
    assert spec.load(file) == written
    assert json.loads(file.read_text())["programs"][0]["after"] == "/socket"


def test_what_ends_is_started_again_after_a_pause() -> None:
    clock = Clock()
    program = NodeProgram("kubelet", ("kubelet",), "/log")
    programs = Programs((program,), clock)
    assert programs.due() == [program]
    programs.started(program, 7)
    assert programs.due() == []
    assert programs.ended(99) is None
    assert programs.ended(7) == program
    assert programs.due() == []
    clock.now = 1.5
    assert programs.due() == [program]


def test_a_program_waits_for_its_file_but_not_for_ever(tmp_path: Path) -> None:
    clock = Clock()
    socket = tmp_path / "socket"
    program = NodeProgram("kubelet", ("kubelet",), "/log", after=str(socket))
    programs = Programs((program,), clock)
    assert programs.due() == []
    clock.now = 61
    assert programs.due() == [program]
    clock.now = 1
    socket.touch()
    assert programs.due() == [program]


@pytest.mark.parametrize("unified", [True, False])
def test_groups_are_made_and_removed_in_every_hierarchy(tmp_path: Path, unified: bool) -> None:
    if unified:
        (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
        (tmp_path / "cgroup.subtree_control").write_text("")
    else:
        for controller in ("cpu", "memory"):
            (tmp_path / controller).mkdir()
    cgroups.make("node", tmp_path)
    made = [hierarchy / "node" for hierarchy in cgroups.hierarchies(tmp_path)]
    assert len(made) == (1 if unified else 2)
    assert all(group.is_dir() for group in made)
    for group in made:
        (group / "pods" / "one").mkdir(parents=True)
        # The kernel's files vanish with their folder; here they are plain ones.
        (group / "cgroup.subtree_control").unlink(missing_ok=True)
    cgroups.remove("node", tmp_path)
    assert not any(group.exists() for group in made)
