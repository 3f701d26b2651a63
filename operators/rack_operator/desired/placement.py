"""Where the operator's pods run, and how their image is pulled: as the installation asks of all its pods. Pure.

What an installation no longer asks for must go from the Deployments that are there, so `pod_patch` names it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Final

JsonObject = dict[str, Any]
_HOST: Final = "kubernetes.io/hostname"
_ZONE: Final = "topology.kubernetes.io/zone"
# Fields of a pod's spec that are made here, and that the API server leaves out where they are empty.
_FIELDS: Final = (
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "tolerations",
    "topologySpreadConstraints",
)


@dataclass(frozen=True, slots=True)
class Placement:
    """What an installation asks of every pod."""

    pull_secrets: tuple[str, ...] = ()
    """Secrets of the site's namespace by which images are pulled."""
    pull_policy: str | None = None
    node_selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[JsonObject, ...] = ()
    priority_class: str | None = None
    spread: str = "preferred"
    """required: runners wait for a node rather than crowd one; preferred: they crowd."""


def placed(workload: JsonObject, placement: Placement) -> JsonObject:
    """A Deployment or Job whose pods run where they are to."""
    changed = copy.deepcopy(workload)
    spec = changed["spec"]["template"]["spec"]
    spec["enableServiceLinks"] = False
    if placement.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in placement.pull_secrets]
    if placement.node_selector:
        spec["nodeSelector"] = dict(placement.node_selector)
    if placement.tolerations:
        spec["tolerations"] = [dict(toleration) for toleration in placement.tolerations]
    if placement.priority_class:
        spec["priorityClassName"] = placement.priority_class
    if placement.pull_policy:
        for container in spec["containers"]:
            container["imagePullPolicy"] = placement.pull_policy
    return changed


def spread(selector: JsonObject, placement: Placement) -> list[JsonObject]:
    """The constraints that keep as many of a workload's pods on one node, and in one zone, as on another.

    Not an anti-affinity: there may be more runners than nodes.
    """
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": unsatisfied,
            "labelSelector": {"matchLabels": selector},
            # Pods of before a rollout are on their way out.
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key, unsatisfied in (
            (_HOST, "DoNotSchedule" if placement.spread == "required" else "ScheduleAnyway"),
            (_ZONE, "ScheduleAnyway"),
        )
    ]


def pod_patch(actual: JsonObject, desired: JsonObject) -> JsonObject:
    """The merge patch of a pod's spec: `desired`, with nulls for what `actual` has of before; those alone are news."""
    patch = {**desired, **{field: None for field in _FIELDS if actual.get(field) and field not in desired}}
    if "nodeSelector" in desired:
        gone = {label: None for label in actual.get("nodeSelector") or {} if label not in desired["nodeSelector"]}
        patch["nodeSelector"] = {**gone, **desired["nodeSelector"]}
    return patch
