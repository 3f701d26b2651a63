"""The site's resources and Secrets, backed up and restored on a real API server with the rights of the chart's Jobs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, Final

from check_charts import rendering, restoring
from check_charts.cluster import Cluster
from check_charts.tools import CHART
from check_charts.upgrading import examples

_NAMESPACE: Final = "recovered"
_KINDS: Final = "secrets,sites,coolingunits,racks"
_JOBS_RIGHTS: Final = ("ServiceAccount", "Role", "RoleBinding")


def recovered(cluster: Cluster, say: Callable[[str], None]) -> list[str]:
    """Back up, delete, restore, compare; what differs, a line each. Raises CheckError where something is refused."""
    account = f"{_NAMESPACE}-backup"
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}])
    definitions = sorted((CHART.parent / "racktwin-crds" / "templates").glob("*.yaml"))
    for path in definitions:
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"-f={path}" for path in definitions))
    settings = ("global.maintenance=true", "backup.enabled=true", "backup.restore=any")
    rights = [
        document
        for document in rendering.render(settings=settings, release=_NAMESPACE)
        if document["kind"] in _JOBS_RIGHTS and document["metadata"]["name"] == account
    ]
    device, *resources = examples(_NAMESPACE)
    # As the operator marks them: a finalizer of before would keep a resource that is deleted later.
    resources[0]["metadata"]["finalizers"] = ["racktwin.io/twin"]
    resources[-1]["metadata"]["labels"] = {"row": "r01"}
    release = {**device, "metadata": {**device["metadata"], "name": f"{_NAMESPACE}-kafka-admin"}}
    release["metadata"]["labels"] = {"app.kubernetes.io/part-of": "racktwin"}
    stays = {**release, "metadata": {**release["metadata"], "name": f"{_NAMESPACE}-stays"}}
    cluster.apply([*rights, device, release, stays, *resources])
    before = _there(cluster)
    with tempfile.TemporaryDirectory(prefix="racktwin-recover-") as folder:
        shared = {
            "RACKTWIN_BACKUP_DIR": folder,
            "RACKTWIN_PROVISION_NAMESPACE": _NAMESPACE,
            "KUBECONFIG": str(cluster.account(_NAMESPACE, account)),
        }
        manifest = restoring.provision(["backup"], shared)
        site = ("sites", _NAMESPACE, "-n", _NAMESPACE)
        cluster.kubectl("patch", *site, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        cluster.kubectl("delete", "sites,coolingunits,racks", "--all", "-n", _NAMESPACE, "--wait")
        names = [body["metadata"]["name"] for body in (device, release)]
        cluster.kubectl("delete", "secrets", *names, "-n", _NAMESPACE, "--wait")
        changed = {**stays, "stringData": {"password": "newer-than-the-backup"}}
        cluster.apply([changed])
        kept = _there(cluster)
        made = restoring.provision(["restore", manifest["name"]], shared)["resources"]
        again = restoring.provision(["restore", manifest["name"]], shared)["resources"]
    now = _there(cluster)
    stayed = f"Secret {_NAMESPACE}-stays"
    wrong = [] if now[stayed] == kept[stayed] else [f"restore changed {stayed}, which was there"]
    expected = {**before, stayed: kept[stayed]}
    wrong += [f"restore: {name} is not as it was" for name in expected if now.get(name) != expected[name]]
    wrong += [f"restore made {name}" for name in now.keys() - expected.keys()]
    if sum(made.values()) != len(before) - 1 or sum(again.values()) != 0:
        wrong.append(f"restore made {made}, and at the second time {again}")
    say(f"restored on the API server: {made}")
    return wrong


def _there(cluster: Cluster) -> dict[str, Any]:
    """What people see of each object."""
    return {
        f"{item['kind']} {item['metadata']['name']}": (
            item["metadata"].get("labels"),
            item.get("data") or item.get("spec"),
        )
        for item in cluster.get(_KINDS, "-n", _NAMESPACE)["items"]
    }
