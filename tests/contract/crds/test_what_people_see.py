"""Promise: `kubectl get racks` shows site, room, ready, reason and age; short names work; status is a subresource."""

from __future__ import annotations

import json

from tests.contract.crds.conftest import Kubectl
from tests.contract.crds.test_rules_refuse import good_rack

CONDITION = {
    "type": "Ready",
    "status": "False",
    "reason": "SiteNotFound",
    "message": "there is no Site lab",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def test_the_table_of_racks(kubectl: Kubectl) -> None:
    document = good_rack(kubectl)
    document["metadata"]["name"] = "seen"
    assert kubectl.run("create", "-f", "-", stdin=json.dumps(document)).returncode == 0
    patch = json.dumps({"status": {"observedGeneration": 1, "conditions": [CONDITION], "devices": ["a", "b"]}})
    arguments = ("patch", "rack", "seen", "-n", kubectl.namespace, "--type=merge", "-p", patch)
    patched = kubectl.run(*arguments, "--subresource=status")
    assert patched.returncode == 0, patched.stderr
    table = kubectl.run("get", "rk", "seen", "-n", kubectl.namespace).stdout.splitlines()
    assert table[0].split() == ["NAME", "SITE", "ROOM", "READY", "REASON", "AGE"]
    assert table[1].split()[:5] == ["seen", "lab", "hall", "False", "SiteNotFound"]
    kubectl.run("delete", "rack", "seen", "-n", kubectl.namespace, "--wait=false")


def test_a_bad_condition_is_refused(kubectl: Kubectl) -> None:
    document = good_rack(kubectl)
    document["metadata"]["name"] = "conditioned"
    assert kubectl.run("create", "-f", "-", stdin=json.dumps(document)).returncode == 0
    patch = json.dumps({"status": {"conditions": [{**CONDITION, "status": "Perhaps"}]}})
    arguments = ("patch", "rack", "conditioned", "-n", kubectl.namespace, "--type=merge", "-p", patch)
    patched = kubectl.run(*arguments, "--subresource=status")
    assert patched.returncode != 0
    assert "status.conditions[0].status" in patched.stderr
    kubectl.run("delete", "rack", "conditioned", "-n", kubectl.namespace, "--wait=false")


def test_the_fields_are_explained(kubectl: Kubectl) -> None:
    explained = kubectl.run("explain", "racks.spec.servers.position").stdout
    assert "lowest U" in explained
