"""Addresses and names of a cluster follow from its index, and clusters share none."""

import ipaddress

import pytest

from cluster.place import choose_index
from cluster.plan import MAX_INDEX, Plan


def test_nodes_lie_on_the_bridge_and_have_pods_of_their_own() -> None:
    plan = Plan(0)
    assert [node.name for node in plan.nodes] == ["n1", "n2"]
    network = ipaddress.IPv4Network(plan.network)
    assert all(ipaddress.ip_address(node.address) in network for node in plan.nodes)
    ranges = [ipaddress.IPv4Network(node.pods) for node in plan.nodes]
    assert not ranges[0].overlaps(ranges[1])
    assert all(part.subnet_of(ipaddress.IPv4Network(plan.pods)) for part in ranges)


def test_clusters_share_no_address() -> None:
    networks = [
        ipaddress.IPv4Network(text)
        for index in range(MAX_INDEX + 1)
        for text in (Plan(index).network, Plan(index).pods)
    ]
    for position, one in enumerate(networks):
        assert not any(one.overlaps(other) for other in networks[position + 1 :])


def test_device_names_fit_into_what_linux_allows() -> None:
    plan = Plan(MAX_INDEX, 9)
    # The free end of a cable has one letter more.
    assert all(len(f"{node.link}p") <= 15 for node in plan.nodes)


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (MAX_INDEX + 1, 2), (0, 0), (0, 10)])
def test_impossible_clusters_are_refused(index: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"0 to 9|1 to 9"):
        Plan(index, count)


def test_an_unknown_node_is_named() -> None:
    with pytest.raises(KeyError, match="no node 'n7'"):
        Plan(0).node("n7")


def test_the_index_avoids_other_clusters_and_the_hosts_networks() -> None:
    assert choose_index(set(), []) == 0
    assert choose_index({0}, []) == 1
    assert choose_index({0}, ["10.200.1.0/24"]) == 2
    assert choose_index(set(), ["10.210.0.0/16", "192.0.2.0/24", "10.211.7.1"]) == 2
    with pytest.raises(RuntimeError, match="no free addresses"):
        choose_index(set(), ["10.0.0.0/8"])
