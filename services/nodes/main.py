"""`python -m nodes`: puts the parts together."""

from __future__ import annotations

import time

from kubernetes import client
from kubernetes import config as kube_config

from nodes.cluster import ClusterError, Nodes, Racks
from nodes.settings import NodesSettings
from nodes.uplink import Uplink
from nodes.watch import Watch
from racktwin import process
from racktwin.process import Context, Fatal


def run(settings: NodesSettings, context: Context) -> None:
    """Report the load of Kubernetes nodes as that of the servers that follow them."""
    try:
        kube_config.load_config()
        here = client.ApiClient()
        there = kube_config.new_client_from_config(settings.nodes_kubeconfig) if settings.nodes_kubeconfig else here
    except (kube_config.ConfigException, OSError) as error:
        raise Fatal(f"Kubernetes: {error}; set KUBECONFIG and RACKTWIN_NODES_KUBECONFIG") from error
    racks = Racks(here, settings.nodes_site)
    uplink = Uplink(racks, settings.nodes_backlog, context.log)
    watch = Watch(racks, Nodes(there), settings.nodes_source, offer=uplink.offer, clock=context.clock, log=context.log)
    context.health.set_ready(False, "not looked yet", part="metrics")
    context.health.set_ready(True)
    next_refresh = 0.0
    while not context.stop.is_set():
        context.health.heartbeat("look", settings.nodes_interval_s + 300)
        problem = ""
        if time.monotonic() >= next_refresh:
            problem = _refresh(watch)
            next_refresh = time.monotonic() + (settings.nodes_refresh_s if not problem else settings.nodes_interval_s)
        problem = problem or watch.look()
        context.health.set_ready(not problem, problem, part="metrics")
        stuck = uplink.flush()
        context.health.set_ready(not stuck, stuck, part="hono")
        context.stop.wait(settings.nodes_interval_s)


def _refresh(watch: Watch) -> str:
    try:
        watch.refresh()
    except ClusterError as error:
        return str(error)
    return ""


def main() -> None:
    """Run the process."""
    process.main("nodes", NodesSettings, run)
