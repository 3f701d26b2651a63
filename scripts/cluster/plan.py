"""Addresses, names and ports of a cluster, from its index. Pure; everything else takes them from here.

Clusters with different indices share no address, so that several can run on one machine.
"""

import dataclasses

API_PORT = 6443
REGISTRY_PORT = 5000
CLUSTER_DOMAIN = "cluster.local"
SERVICE_RANGE = "10.96.0.0/16"
"""The same in each cluster: it is only known inside the nodes."""
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
MAX_INDEX = 9


@dataclasses.dataclass(frozen=True)
class NodePlan:
    """One node."""

    cluster: int
    number: int
    """From 1."""

    @property
    def name(self) -> str:
        """Its name as a host and in Kubernetes."""
        return f"n{self.number}"

    @property
    def address(self) -> str:
        """Its address on the cluster's bridge."""
        return f"10.200.{self.cluster}.{10 + self.number}"

    @property
    def pods(self) -> str:
        """The addresses of its pods."""
        return f"10.{210 + self.cluster}.{self.number}.0/24"

    @property
    def link(self) -> str:
        """The end of its cable at the bridge."""
        return f"rtc{self.cluster}n{self.number}"

    @property
    def cgroup(self) -> str:
        """The control group of all its pods, below the root of each hierarchy."""
        return f"racktwin-c{self.cluster}-{self.name}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """One cluster.

    Raises:
        ValueError: the index is not 0 to 9, or there are not 1 to 9 nodes.
    """

    index: int
    count: int = 2

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.index <= MAX_INDEX:
            raise ValueError(f"cluster index {self.index}: 0 to {MAX_INDEX}")
        if not 1 <= self.count <= 9:
            raise ValueError(f"{self.count} nodes: 1 to 9")

    @property
    def bridge(self) -> str:
        """The network device that joins host and nodes."""
        return f"rtc{self.index}"

    @property
    def host(self) -> str:
        """The host's address on the bridge: API server and registry listen there, and nowhere else."""
        return f"10.200.{self.index}.1"

    @property
    def network(self) -> str:
        """The addresses on the bridge."""
        return f"10.200.{self.index}.0/24"

    @property
    def pods(self) -> str:
        """The addresses of all pods."""
        return f"10.{210 + self.index}.0.0/16"

    @property
    def loopback(self) -> str:
        """A loopback address of the cluster's own, for what only the host may reach."""
        return f"127.77.{self.index}.1"

    @property
    def api_url(self) -> str:
        """The API server."""
        return f"https://{self.host}:{API_PORT}"

    @property
    def registry(self) -> str:
        """Host and port of the registry."""
        return f"{self.host}:{REGISTRY_PORT}"

    @property
    def nodes(self) -> tuple[NodePlan, ...]:
        """The nodes, in order."""
        return tuple(NodePlan(self.index, number) for number in range(1, self.count + 1))

    def node(self, name: str) -> NodePlan:
        """A node by its name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(f"no node {name!r}; there are {', '.join(node.name for node in self.nodes)}")
