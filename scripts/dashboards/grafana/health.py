"""What a running Grafana made of its provisioning: dashboards, data source, rules, contact points, policies.

All by its own API. Next: `screen` looks at the pages one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Protocol

from dashboards.frame import TAG

_CONTACT_POINT: Final = "racktwin"


class Api(Protocol):
    """A Grafana."""

    def get(self, path: str, **query: Any) -> Any:
        """JSON below ``/api``."""


def boards(grafana: Api) -> dict[str, Mapping[str, Any]]:
    """Its provisioned dashboards by uid."""
    found = grafana.get("/search", type="dash-db", tag=TAG)
    return {each["uid"]: grafana.get(f"/dashboards/uid/{each['uid']}") for each in found}


def rules(grafana: Api) -> dict[str, Mapping[str, Any]]:
    """How its alert rules do, by title: state, health, when it looked last."""
    groups = grafana.get("/prometheus/grafana/api/v1/rules")["data"]["groups"]
    return {rule["name"]: rule for group in groups for rule in group["rules"]}


def unlike(grafana: Api, found: Mapping[str, Mapping[str, Any]], uids: Collection[str]) -> Iterator[str]:
    """What it did not take over as provisioned, one line each."""
    for uid in sorted(set(uids) ^ found.keys()):
        yield f"dashboard {uid}: {'missing' if uid in uids else 'not one of ours'}"
    for uid, board in found.items():
        if not board["meta"].get("provisioned"):
            yield f"dashboard {uid}: not from the provisioned file"
    source = grafana.get("/datasources/uid/racktwin")
    if not source.get("readOnly") or source["type"] != "influxdb":
        yield f"data source racktwin: {source['type']}, read-only {source.get('readOnly')}"
    points = {each["name"] for each in grafana.get("/v1/provisioning/contact-points")}
    if _CONTACT_POINT not in points:
        yield f"contact point {_CONTACT_POINT}: not among {', '.join(sorted(points)) or 'none'}"
    policy = grafana.get("/v1/provisioning/policies")
    if policy.get("receiver") != _CONTACT_POINT:
        yield f"notification policy: sends to {policy.get('receiver')}"
    templates = {each["name"] for each in grafana.get("/v1/provisioning/templates")}
    if _CONTACT_POINT not in templates:
        yield f"message templates: {', '.join(sorted(templates)) or 'none'}"


def unwell(known: Mapping[str, Mapping[str, Any]], titles: Collection[str]) -> Iterator[str]:
    """Rules that its scheduler does not evaluate, or not without an error; one line each."""
    for title in titles:
        rule = known.get(title)
        if rule is None:
            yield f"rule {title}: missing"
        elif rule.get("health") != "ok" or rule.get("lastError"):
            yield f"rule {title}: {rule.get('health')} {rule.get('lastError') or ''}".strip()
        elif str(rule.get("lastEvaluation", "0001")).startswith("0001"):
            yield f"rule {title}: never evaluated"
