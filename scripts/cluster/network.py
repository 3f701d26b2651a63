"""The network of a cluster on the host: one bridge with the nodes' cables, and routes to their pods. All of it goes
with the bridge; no forwarding, no firewall rule and no setting of the host is changed."""

from cluster.plan import Plan
from cluster.shell import run, try_run


def exists(plan: Plan) -> bool:
    """Whether the bridge is there."""
    return bool(try_run(["ip", "-br", "link", "show", plan.bridge]))


def make(plan: Plan) -> None:
    """Make bridge and routes if they are not there. Raises ClusterError."""
    if not exists(plan):
        run("ip", "link", "add", plan.bridge, "type", "bridge")
    run("ip", "addr", "replace", f"{plan.host}/24", "dev", plan.bridge)
    run("ip", "link", "set", plan.bridge, "up")
    for node in plan.nodes:
        run("ip", "route", "replace", node.pods, "via", node.address, "dev", plan.bridge)


def remove(plan: Plan) -> None:
    """Remove the bridge, its routes and what is left of cables."""
    for device in (*(node.link for node in plan.nodes), plan.bridge):
        try_run(["ip", "link", "del", device])
