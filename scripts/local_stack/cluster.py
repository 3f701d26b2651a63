"""What the Kubernetes API must hold before our processes run: namespace, service accounts, roles, CRDs.

No controller manager runs, so what one would do for a new cluster (nothing else that we need) is done here. Objects
are applied with kubectl on the server's side, so a repeat changes nothing. The operator's own manifests are taken
from where its author keeps them.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from local_stack import paths
from local_stack.toolchain.catalogue import KUBERNETES

SYSTEM_NAMESPACE = "racktwin-system"
_ESTABLISHED_S = 30.0
FIELD_MANAGER = "racktwin-local-stack"

OPERATOR_ACCOUNT = "racktwin-operator"

# Service account -> the rules of its cluster role. The operator's author keeps the operator's own.
ACCOUNTS: dict[str, list[dict[str, list[str]]]] = {
    OPERATOR_ACCOUNT: [],
    "local-node": [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments/status"], "verbs": ["patch"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["batch"], "resources": ["jobs/status"], "verbs": ["patch"]},
        # What pod templates refer to.
        {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get"]},
    ],
    # Scenarios are asked for in the console.
    "console": [
        {"apiGroups": ["racktwin.io"], "resources": ["scenarios"], "verbs": ["get", "list", "create", "delete"]},
    ],
    "gateway": [
        {
            "apiGroups": ["racktwin.io"],
            "resources": ["sites", "racks", "coolingunits"],
            "verbs": ["get", "list", "watch"],
        },
        # It is the devices, so it holds their passwords.
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},
    ],
}


class KubectlError(Exception):
    """kubectl refused; the text is what it said."""


def kubectl(kubeconfig: Path, *arguments: str, stdin: str | None = None, timeout_s: float = 60) -> str:
    """Run the stack's own kubectl and return its output. Raises KubectlError."""
    # No proxy may come between kubectl and this machine; the network is that of clusters with nodes.
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "NO_PROXY": "127.0.0.1,localhost,10.200.0.0/16"}
    result = subprocess.run(
        [str(KUBERNETES.folder / "bin" / "kubectl"), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout_s,
        check=False,
    )
    if result.returncode != 0:
        raise KubectlError(f"kubectl {' '.join(arguments[:3])}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def get(kubeconfig: Path, *arguments: str) -> Any:
    """`kubectl get … -o json`, parsed."""
    return json.loads(kubectl(kubeconfig, "get", *arguments, "-o", "json"))


def apply(kubeconfig: Path, documents: Iterable[dict[str, Any]]) -> None:
    """Apply objects on the server's side, and take over fields that someone else set."""
    # As JSON: Go's YAML reads a bare `y` as true, which PyYAML writes for the text "y".
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
    kubectl(
        kubeconfig,
        "apply",
        "--server-side",
        "--force-conflicts",
        f"--field-manager={FIELD_MANAGER}",
        "-f",
        "-",
        stdin=text,
    )


def base_objects() -> list[dict[str, Any]]:
    """Namespace, service accounts, cluster roles and their bindings."""
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}},
    ]
    for account, rules in ACCOUNTS.items():
        if not rules:
            continue
        name = f"racktwin-{account}"
        subject = {"kind": "ServiceAccount", "name": account, "namespace": SYSTEM_NAMESPACE}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        rbac = "rbac.authorization.k8s.io/v1"
        objects += [
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": account, "namespace": SYSTEM_NAMESPACE},
            },
            {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
            {
                "apiVersion": rbac,
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": reference,
                "subjects": [subject],
            },
        ]
    return objects


def _documents(files: Iterable[Path]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in files:
        found += [document for document in yaml.safe_load_all(file.read_text(encoding="utf-8")) if document]
    return found


def crd_files() -> list[Path]:
    """The CRDs as the chart installs them."""
    return sorted((paths.repository() / "charts" / "racktwin-crds" / "templates").glob("*.yaml"))


def set_up(kubeconfig: Path) -> None:
    """Apply namespace, accounts and roles. Raises KubectlError."""
    operator_rbac = paths.repository() / "operators" / "rack_operator" / "rbac.yaml"
    apply(kubeconfig, base_objects() + _documents([operator_rbac] if operator_rbac.exists() else []))


def _established(crd: dict[str, Any]) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def install_crds(kubeconfig: Path) -> None:
    """Apply the CRDs, and wait until the API serves them. Raises KubectlError."""
    crds = _documents(crd_files())
    if not crds:
        return
    apply(kubeconfig, crds)
    names = [f"customresourcedefinition/{crd['metadata']['name']}" for crd in crds]
    deadline = time.monotonic() + _ESTABLISHED_S
    # Not `kubectl wait`: it ends with an error on a CRD so new that it has no status yet.
    while not all(_established(crd) for crd in get(kubeconfig, *names)["items"]):
        if time.monotonic() > deadline:
            raise KubectlError(f"the API server does not serve {', '.join(names)} after {_ESTABLISHED_S:.0f} s")
        time.sleep(0.1)
