"""Who may reach whom, by the network policies of rendered documents, and whether what is scraped can be.

Pure, and about the documents alone: no policy is enforced here. `rendering` makes them; each finding is one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from check_charts.rendering import Document, pod_specs

Peer = Mapping[str, Any]
"""A peer of a network policy, as values name it."""


@dataclass(frozen=True)
class Pods:
    """The pods of one workload: their labels, and the numbers of their ports by name."""

    name: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]


def pods(documents: Sequence[Document]) -> list[Pods]:
    """Everything that makes pods."""
    specs = dict(pod_specs(documents))
    found = []
    for document in documents:
        name = f"{document['kind']}/{document['metadata']['name']}"
        if name in specs:
            ports = [port for container in specs[name]["containers"] for port in container.get("ports", [])]
            found.append(Pods(name, _labels(document), {port["name"]: port["containerPort"] for port in ports}))
    return found


def admits(documents: Sequence[Document], target: Pods, port: int, peer: Peer | Pods) -> bool:
    """Whether pods let somebody in at a port: pods of the same namespace, or a peer that values name."""
    policies = [
        policy["spec"]
        for policy in documents
        if policy["kind"] == "NetworkPolicy"
        and "Ingress" in policy["spec"]["policyTypes"]
        and selects(policy["spec"]["podSelector"], target.labels)
    ]
    rules = [rule for policy in policies for rule in policy.get("ingress") or []]
    return not policies or any(_opens(rule, target, port) and _names(rule, peer) for rule in rules)


def findings(documents: Sequence[Document]) -> list[str]:
    """What a policy lets out towards pods of the release that do not listen there, or do not let it in."""
    everybody = pods(documents)
    wrong = set()
    for policy in documents:
        if policy["kind"] != "NetworkPolicy":
            continue
        sources = [one for one in everybody if selects(policy["spec"]["podSelector"], one.labels)]
        for port, target in _ways_out(policy, everybody):
            for source in sources:
                if port not in target.ports.values():
                    wrong.add(f"{source.name}: may go to port {port} of {target.name}, which has no such port")
                elif not admits(documents, target, port, source):
                    wrong.add(f"{source.name}: may go to port {port} of {target.name}, which does not let it in")
    return sorted(wrong)


def scraped(documents: Sequence[Document]) -> list[tuple[str, Pods, int]]:
    """What monitors name: (kind/name of the monitor, pods, number of the port)."""
    everybody = pods(documents)
    services = [document for document in documents if document["kind"] == "Service"]
    found = []
    for monitor in documents:
        name = f"{monitor['kind']}/{monitor['metadata']['name']}"
        if monitor["kind"] == "PodMonitor":
            wanted = [endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]]
            targets = [one for one in everybody if selects(monitor["spec"]["selector"], one.labels)]
            found += [(name, one, one.ports[port]) for one in targets for port in wanted if port in one.ports]
        elif monitor["kind"] == "ServiceMonitor":
            wanted = [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]]
            shown = [one for one in services if selects(monitor["spec"]["selector"], one["metadata"]["labels"])]
            for service in shown:
                selector = {"matchLabels": service["spec"]["selector"]}
                targets = [one for one in everybody if selects(selector, one.labels)]
                for port in service["spec"]["ports"]:
                    if port["name"] in wanted:
                        found += [(name, one, one.ports[port["targetPort"]]) for one in targets]
    return found


def unscraped(documents: Sequence[Document], monitoring: Peer) -> list[str]:
    """Monitors that find nothing, and those whose targets do not let `monitoring` in."""
    found = scraped(documents)
    seen = {name for name, _, _ in found}
    monitors = [f"{d['kind']}/{d['metadata']['name']}" for d in documents if d["kind"].endswith("Monitor")]
    wrong = [f"{name}: finds nothing to scrape" for name in monitors if name not in seen]
    return wrong + [
        f"{name}: {one.name} does not let it in at port {port}"
        for name, one, port in found
        if not admits(documents, one, port, monitoring)
    ]


def selects(selector: Document, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes pods with these labels."""
    exact: Mapping[str, str] = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in exact.items()) and all(
        labels.get(expression["key"]) in expression["values"] for expression in selector.get("matchExpressions") or []
    )


def _ways_out(policy: Document, everybody: Sequence[Pods]) -> Iterator[tuple[int, Pods]]:
    for rule in policy["spec"].get("egress") or []:
        selectors = [peer["podSelector"] for peer in rule.get("to") or [] if "podSelector" in peer]
        for target in everybody:
            if any(selects(selector, target.labels) for selector in selectors):
                yield from ((port["port"], target) for port in rule["ports"])


def _opens(rule: Document, target: Pods, port: int) -> bool:
    ports = [entry["port"] for entry in rule.get("ports") or []]
    return not ports or any(target.ports.get(entry, entry) == port for entry in ports)


def _names(rule: Document, peer: Peer | Pods) -> bool:
    named = rule.get("from")
    if not named:
        return True
    if not isinstance(peer, Pods):
        return peer in named
    return any(_takes(one, peer) for one in named)


def _takes(named: Peer, peer: Pods) -> bool:
    """Whether a peer of a policy is pods of the same namespace, these among them."""
    return named.keys() == {"podSelector"} and selects(named["podSelector"], peer.labels)


def _labels(document: Document) -> Mapping[str, str]:
    spec = document["spec"]
    if document["kind"] == "Pod":
        metadata = document["metadata"]
    elif document["kind"] == "CronJob":
        metadata = spec["jobTemplate"]["spec"]["template"]["metadata"]
    else:
        metadata = spec["template"]["metadata"]
    labels: Mapping[str, str] = metadata["labels"]
    return labels
