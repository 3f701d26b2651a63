"""The chart rendered, linted and unit-tested with helm alone; no cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from check_charts.tools import CHART, HELM, PROFILES, UNITTEST, run

Document = dict[str, Any]
SITE = "berlin"
# Definitions and dashboards are long: libyaml, where PyYAML has it, reads them in a tenth of the time.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Who may come from outside the namespace, and that there is somebody who scrapes: no profile knows them.
CLIENTS: Final[dict[str, Any]] = {"ipBlock": {"cidr": "192.0.2.0/24"}}
MONITORING: Final[dict[str, Any]] = {"namespaceSelector": {"matchLabels": {"team": "watch"}}}
# Where KEDA is installed by its own instructions.
KEDA: Final[dict[str, Any]] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}
CLOSED: Final = (
    "global.networkPolicies.clients[0].ipBlock.cidr=192.0.2.0/24",
    "global.networkPolicies.monitoring[0].namespaceSelector.matchLabels.team=watch",
    "global.monitoring.serviceMonitors=true",
)

# What no profile has on, so that it is looked at all the same.
EVERYTHING: Final = (
    *CLOSED,
    "gateway.enabled=true",
    "collector.enabled=true",
    "collector.uplink=amqp",
    # Not a LoadBalancer: nobody gives one an address on the cluster of the check, and helm waits for it.
    "collector.serviceType=NodePort",
    "collector.collectors[0].name=posts",
    "collector.collectors[0].protocol=push",
    "collector.collectors[0].wsPort=8089",
    "collector.files.places\\.csv=device",
    "hono.amqp.enabled=true",
    "backup.enabled=true",
    "neighbours.dcim.enabled=true",
    "neighbours.dcim.url=https://netbox.example",
    "neighbours.dcim.secret=netbox",
    "neighbours.dcim.webhooks=true",
    "neighbours.dcim.apply=true",
    "neighbours.exporter.enabled=true",
    "neighbours.exporter.secret=scrape",
    "neighbours.notify.enabled=true",
    "neighbours.notify.url=https://hooks.example/racktwin",
    "neighbours.notify.secret=hooks",
    "neighbours.nodes.enabled=true",
    "pipeline.optimiser.prices.tariff.csv=time\\,EUR/kWh",
    "global.autoscaling.mode=keda",
    "global.tls.mode=cert-manager",
)


def render(
    profile: str | None = None, settings: Sequence[str] = (), release: str = SITE, files: Sequence[Path] = ()
) -> list[Document]:
    """The documents of a profile, with values files and settings over it. Raises CheckError."""
    chosen = [PROFILES / f"{profile}.yaml"] if profile else []
    given = [part for file in (*chosen, *files) for part in ("-f", file)]
    sets = [part for setting in settings for part in ("--set", setting)]
    text = run([HELM, "template", release, CHART, "--namespace", release, *given, *sets])
    return [document for document in yaml.load_all(text, Loader=_LOADER) if document]


def lint(profile: str) -> None:
    """helm's own opinion. Raises CheckError."""
    run([HELM, "lint", CHART, "--strict", "--quiet", "--namespace", SITE, "-f", PROFILES / f"{profile}.yaml"])


def unit_tests() -> None:
    """tests/*_test.yaml of the chart, by helm-unittest. Raises CheckError."""
    try:
        run([UNITTEST, "--color=false", "--strict", CHART])
    finally:
        # It makes a folder for snapshots, which are not used.
        with contextlib.suppress(OSError):
            (CHART / "tests" / "__snapshot__").rmdir()


def pod_specs(documents: Sequence[Document]) -> list[tuple[str, Document]]:
    """(kind/name, pod spec) of everything that makes pods."""
    found: list[tuple[str, Document]] = []
    for document in documents:
        name = f"{document['kind']}/{document['metadata']['name']}"
        spec = document.get("spec", {})
        if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            found.append((name, spec["template"]["spec"]))
        elif document["kind"] == "CronJob":
            found.append((name, spec["jobTemplate"]["spec"]["template"]["spec"]))
        elif document["kind"] == "Pod":
            found.append((name, spec))
    return found
