"""A release of the chart's previous version that becomes one of the present: what it has made and was given stays."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from check_charts import previous
from check_charts.cluster import Cluster
from check_charts.installing import READY_S, Life
from check_charts.tools import CHART, PROFILES
from local_stack import paths

# With volumes for backups and models beside those of the data.
_PROFILE: Final = "lab-1k"
_SETS: Final = ("--set", "global.registry.enabled=true")
_NAMESPACE: Final = "elder"
_RESOURCES: Final = "sites,coolingunits,racks"
DEFINITIONS: Final = "app.kubernetes.io/part-of=racktwin"


def examples(namespace: str) -> list[dict[str, Any]]:
    """A site with what belongs to it, and the Secret of a device of it."""
    api = "racktwin.io/v1alpha1"
    place = {"xM": 1, "yM": 1}
    rack = {"site": namespace, "room": "hall", "row": "r01", "position": place}
    unit = {**rack, "racks": ["r1"], "capacityW": 30000, "airflowM3s": 2.5}
    del unit["row"]
    bodies = [
        ("Site", namespace, {"rooms": [{"name": "hall", "widthM": 10, "depthM": 8, "heightM": 3}]}),
        ("CoolingUnit", "cu-1", unit),
        ("Rack", "r1", rack),
    ]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "rack-r1-device", "namespace": namespace},
        "stringData": {"password": "of-this-check-alone"},
    }
    named: list[dict[str, Any]] = [
        {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
        for kind, name, spec in bodies
    ]
    return [secret, *named]


def upgraded(cluster: Cluster, say: Callable[[str], None]) -> tuple[str | None, list[str]]:
    """The version that was upgraded from, and what went wrong, a line each; None where the history has no other.

    The cluster's resource definitions are made anew: they are part of what is upgraded. Raises CheckError where
    Kubernetes or helm refuse.
    """
    repository = paths.repository()
    found = previous.find(repository)
    if found is None:
        say("upgrade from the previous version: NOT DONE, git's history has no other version of the chart")
        return None, []
    cluster.kubectl("delete", "customresourcedefinitions", "-l", DEFINITIONS, "--wait")
    with tempfile.TemporaryDirectory(prefix="racktwin-previous-") as folder:
        old = previous.extract(repository, found.commit, Path(folder))
        return found.version, _Upgrade(cluster, old, say).live_on(found.version)


class _Upgrade(Life):
    def __init__(self, cluster: Cluster, old: Path, say: Callable[[str], None]) -> None:
        super().__init__(cluster, _PROFILE, _NAMESPACE, say)
        self._old = old

    def live_on(self, version: str) -> list[str]:
        """From the old chart to the present one, and to its end; what went wrong."""
        self._cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}])
        profile = self._old / "profiles" / f"{_PROFILE}.yaml"
        self._helm("install", _NAMESPACE, self._old, "--wait", "--timeout", READY_S, "-f", profile, *_SETS)
        self._count_pods()
        self._provision()
        self._cluster.apply(examples(_NAMESPACE))
        passwords, self._claimed = self._passwords(), self._volumes()
        secrets, resources = self._everything("secrets"), self._everything(_RESOURCES)
        self._say(f"{_PROFILE} of version {version}: {self.outcome.pods} pods, {len(secrets)} Secrets")
        profile = PROFILES / f"{_PROFILE}.yaml"
        self._helm("upgrade", _NAMESPACE, CHART, "--wait", "--timeout", READY_S, "-f", profile, *_SETS)
        self._compare(f"the upgrade from {version}", passwords)
        now = {**self._everything("secrets"), **self._everything(_RESOURCES)}
        lost = [name for name, content in {**secrets, **resources}.items() if now.get(name) != content]
        self.outcome.wrong += [f"the upgrade from {version} changed {name}" for name in lost]
        (release,) = json.loads(self._helm("list", "-o", "json"))
        if release["chart"] == f"racktwin-{version}" or release["revision"] != "2":
            self.outcome.wrong.append(f"the upgrade from {version} left the release at {release['chart']}")
        self._uninstall(passwords)
        return [f"{_PROFILE}: {line}" for line in self.outcome.wrong]

    def _volumes(self) -> dict[str, str]:
        """Every claim, as itself and with its volume."""
        claims = self._cluster.get("persistentvolumeclaims", "-n", self._release)["items"]
        return {
            claim["metadata"]["name"]: f"{claim['metadata']['uid']} {claim['spec'].get('volumeName', '')}"
            for claim in claims
        }

    def _everything(self, kinds: str) -> dict[str, Any]:
        """Each object of these kinds but helm's own, as itself: its identity and what is in it."""
        return {
            f"{item['kind']} {item['metadata']['name']}": (
                item["metadata"]["uid"],
                item.get("data") or item.get("spec"),
            )
            for item in self._cluster.get(kinds, "-n", self._release)["items"]
            if not item.get("type", "").startswith("helm.sh/")
        }
