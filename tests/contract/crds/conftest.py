"""A real kube-apiserver with the CRDs applied, and a namespace of its own for these tests."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_stack import Stack
from rack_operator.crds import DEFAULT_DIR

JsonObject = dict[str, Any]


class Kubectl:
    """kubectl against the stack's API server."""

    def __init__(self, binary: str, kubeconfig: str, namespace: str) -> None:
        self._command = [binary, "--kubeconfig", kubeconfig]
        self.namespace = namespace

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One call; the caller looks at the exit code."""
        return subprocess.run(
            [*self._command, *arguments], input=stdin, text=True, capture_output=True, timeout=180, check=False
        )

    def dry_run(self, document: JsonObject) -> tuple[bool, str]:
        """Whether the API server would take the document, and what it says."""
        answer = self.run("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(document))
        return answer.returncode == 0, answer.stdout if answer.returncode == 0 else answer.stderr


@pytest.fixture(scope="session")
def kubectl() -> Iterator[Kubectl]:
    """kubectl with the CRDs applied as they are in the chart."""
    stack = Stack(os.environ.get("RACKTWIN_STACK", "test"))
    stack.ensure(["kube-apiserver"])
    endpoints = stack.endpoints()
    client = Kubectl(endpoints["kubectl"], endpoints["kubeconfig"], f"crds-{uuid.uuid4().hex[:8]}")
    for path in sorted(Path(DEFAULT_DIR).glob("*.yaml")):
        applied = client.run("apply", "--server-side", "--force-conflicts", "-f", str(path))
        assert applied.returncode == 0, applied.stderr
    for plural in ("coolingunits", "racks", "scenarios", "sites", "twinmodels"):
        established = client.run("wait", "--for=condition=Established", f"crd/{plural}.racktwin.io", "--timeout=120s")
        assert established.returncode == 0, established.stderr
    assert client.run("create", "namespace", client.namespace).returncode == 0
    yield client
    client.run("delete", "namespace", client.namespace, "--wait=false")
