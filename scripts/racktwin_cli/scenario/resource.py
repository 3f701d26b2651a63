"""A Scenario in Kubernetes: made, watched until it ends, deleted. Next: `outcome` shows what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from racktwin.names import API_GROUP, API_VERSION
from racktwin_cli.failures import Failure
from racktwin_cli.kube import Cluster

Json = dict[str, Any]
PLURAL: Final = "scenarios"
_POLL_S: Final = 0.3


def site_of(cluster: Cluster, wanted: str | None) -> str:
    """The site to work on: the one named, or the only one.

    Raises:
        Failure: there is none, or more than one and none is named.
    """
    if wanted is not None:
        return wanted
    sites = cluster.sites()
    if len(sites) == 1:
        return sites[0]
    if not sites:
        raise Failure("there is no Site", "kubectl apply one")
    raise Failure(f"there are several sites: {', '.join(sites)}", "say which: --site")


def manifest(name: str, site: str, spec: Json) -> Json:
    """The Scenario."""
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": "Scenario",
        "metadata": {"name": name, "namespace": site},
        "spec": {"site": site, **spec},
    }


def check_room(cluster: Cluster, site: str, room: str) -> None:
    """See that the room is there. Raises Failure."""
    found = cluster.site(site)
    if found is None:
        raise Failure(f"there is no Site {site}", "kubectl get sites -A")
    rooms = [str(entry["name"]) for entry in found["spec"].get("rooms") or ()]
    if room not in rooms:
        raise Failure(f"site {site} has no room {room!r}", f"its rooms are {', '.join(rooms)}: say --room")


def wait(cluster: Cluster, site: str, name: str, *, timeout_s: float, tell: Callable[[str], None]) -> Json:
    """The Scenario once it is over.

    Raises:
        Failure: it failed (the text says why), went away, or did not end in time.
    """
    deadline = time.monotonic() + timeout_s
    told = ""
    while True:
        found = cluster.scenario(site, name)
        if found is None:
            raise Failure(f"Scenario {name} is gone", "make it again")
        status = found.get("status") or {}
        ready: Json = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), {})
        phase, message = status.get("phase") or "Pending", str(ready.get("message") or "waiting for the operator")
        if phase == "Done":
            return found
        if phase == "Failed":
            raise Failure(f"Scenario {name}: {message}", _next_step(str(ready.get("reason") or ""), site, name))
        if f"{phase}: {message}" != told:
            told = f"{phase}: {message}"
            tell(told)
        if time.monotonic() > deadline:
            raise Failure(
                f"Scenario {name} is {phase} after {timeout_s:.0f} s: {message}",
                f"look later: racktwin whatif --show {name} (or a longer --timeout); is the operator running?",
            )
        time.sleep(_POLL_S)


@contextmanager
def deleted_after(cluster: Cluster, site: str, name: str, *, wanted: bool) -> Iterator[None]:
    """Delete the Scenario, if that is wanted, whatever came of it."""
    try:
        yield
    finally:
        if wanted:
            cluster.delete_scenario(site, name)


def _next_step(reason: str, site: str, name: str) -> str:
    if reason == "JobFailed":
        return f"kubectl logs -n {site} job/scenario-{name}"
    return f"mend it and ask again with another --name; kubectl delete scenario -n {site} {name}"


def fresh_name(kind: str) -> str:
    """A name for a Scenario that nobody named."""
    return f"{kind}-t{int(time.time()) % 10_000_000}"


def progress(text: str) -> None:
    """On standard error: standard output is for the result."""
    click.echo(text, err=True)
