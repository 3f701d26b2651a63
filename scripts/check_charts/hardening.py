"""What every pod of the chart must have, and every workload beside it. Pure; each finding is one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from check_charts.rendering import Document, pod_specs

_PINNED = re.compile(r"(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$")


def findings(documents: Sequence[Document]) -> list[str]:
    """Everything that is missing."""
    wrong = [line for name, spec in pod_specs(documents) for line in _pod(name, spec)]
    return wrong + _beside(documents)


def _pod(name: str, spec: Document) -> list[str]:
    context = spec.get("securityContext", {})
    checks = {
        "runs as root": context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0,
        "no seccomp profile": context.get("seccompProfile", {}).get("type") == "RuntimeDefault",
        "service links": spec.get("enableServiceLinks") is False,
        "a token without an account of its own": not spec.get("automountServiceAccountToken", True)
        or "serviceAccountName" in spec,
        "no anti-affinity": "podAntiAffinity" in spec.get("affinity", {}),
    }
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    wrong = [f"{name}: {what}" for what, good in checks.items() if not good]
    for container in containers:
        wrong += [f"{name}/{container['name']}: {what}" for what in _container(name, container)]
    mounted = {mount["name"] for container in containers for mount in container.get("volumeMounts", [])}
    wrong += [f"{name}: volume {v['name']} is not used" for v in spec.get("volumes", []) if v["name"] not in mounted]
    return wrong


def _container(pod: str, container: Document) -> list[str]:
    context = container.get("securityContext", {})
    resources = container.get("resources", {})
    checks = {
        "privilege escalation": context.get("allowPrivilegeEscalation") is False,
        "a writable root file system": context.get("readOnlyRootFilesystem") is True,
        "capabilities": context.get("capabilities", {}).get("drop") == ["ALL"],
        "no requests": {"cpu", "memory"} <= resources.get("requests", {}).keys(),
        "no memory limit": "memory" in resources.get("limits", {}),
        "an image that is not pinned": bool(_PINNED.search(container["image"])) and ":latest" not in container["image"],
        "runs as root": context.get("runAsUser", 1) > 0,
    }
    if pod.startswith(("Deployment/", "StatefulSet/")) and container.get("ports"):
        checks["no liveness probe"] = "livenessProbe" in container
        checks["no readiness probe"] = "readinessProbe" in container or container["name"] == "nginx"
    return [what for what, good in checks.items() if not good]


def _beside(documents: Sequence[Document]) -> list[str]:
    """Budgets and policies for each workload."""
    wrong = []
    budgets = [d["spec"]["selector"]["matchLabels"] for d in documents if d["kind"] == "PodDisruptionBudget"]
    policies = [d for d in documents if d["kind"] == "NetworkPolicy"]
    covered = [p["spec"]["podSelector"].get("matchLabels", {}) for p in policies]
    for document in documents:
        name = f"{document['kind']}/{document['metadata']['name']}"
        if document["kind"] in ("Deployment", "StatefulSet"):
            labels = document["spec"]["template"]["metadata"]["labels"]
            if not any(_matches(selector, labels) for selector in budgets):
                wrong.append(f"{name}: no disruption budget")
        labels = _pod_labels(document)
        if labels is not None and sum(_matches(selector, labels) for selector in covered) < 2:
            wrong.append(f"{name}: no network policy of its own beside the default")
    for document in documents:
        if document["kind"] in ("ClusterRole", "ClusterRoleBinding") and not _about_nodes(document):
            wrong.append(f"{document['kind']}/{document['metadata']['name']}: rights beyond the namespace")
    return wrong


def _about_nodes(document: Document) -> bool:
    """Whether rights are those of who follows nodes, which belong to no namespace: to read them and their metrics, and
    nothing of their kubelets."""
    if document["metadata"].get("labels", {}).get("app.kubernetes.io/name") != "nodes":
        return False
    return all(
        set(rule["resources"]) == {"nodes"} and set(rule["verbs"]) <= {"get", "list"}
        for rule in document.get("rules", ())
    )


def _pod_labels(document: Document) -> dict[str, Any] | None:
    spec = document.get("spec", {})
    if document["kind"] in ("Deployment", "StatefulSet", "Job"):
        labels: dict[str, Any] = spec["template"]["metadata"]["labels"]
        return labels
    if document["kind"] == "CronJob":
        nested: dict[str, Any] = spec["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        return nested
    return None


def _matches(selector: Document, labels: Document) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
