"""One profile's life on the cluster: install, certificates, upgrade, rollback, uninstall; and what each must keep."""

from __future__ import annotations

import base64
import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from cryptography import x509

from check_charts import known_secrets
from check_charts.cluster import Cluster
from check_charts.rendering import EVERYTHING
from check_charts.tools import CHART, HELM, PROFILES, CheckError, run
from local_stack.pki import Authority

_LEAST_LEFT: Final = dt.timedelta(days=30)
READY_S: Final = "180s"
# What an upgrade may bring: other settings, other sizes, another component, and what changes the pods of every Job.
_CHANGES: Final = (
    "global.logLevel=debug",
    "pipeline.ingest.replicas=3",
    "backup.enabled=true",
    "global.tls.certificateDays=120",
    "global.tolerations[0].key=dedicated",
    "global.tolerations[0].operator=Exists",
    "global.images.pullSecrets[0]=mirror",
)


@dataclass
class Outcome:
    """What happened to one profile."""

    profile: str
    pods: int = 0
    upgraded: bool = False
    secrets: int = 0
    wrong: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)


class Life:
    """A release of one profile in a namespace of its own."""

    def __init__(self, cluster: Cluster, profile: str, release: str, say: Callable[[str], None]) -> None:
        """`release` is also the namespace and the site."""
        self._cluster, self._profile, self._release, self._say = cluster, profile, release, say
        self.outcome = Outcome(profile)
        self._claimed: dict[str, str] = {}

    def live(self) -> Outcome:
        """All of it. Raises CheckError where Kubernetes or helm refuse."""
        self._cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._release}}])
        began = time.monotonic()
        self._helm("install", self._release, CHART, "--wait", "--timeout", READY_S, *self._values())
        self._count_pods()
        before = self._passwords()
        self._claimed = self._volumes()
        self.outcome.secrets = len(before)
        self._say(f"{self._profile}: {self.outcome.pods} pods ready after {time.monotonic() - began:.0f} s")
        self._certificates()
        self._upgrade(before)
        self._roll_back(before)
        self._uninstall(before)
        return self.outcome

    def _values(self) -> list[str]:
        return ["-f", str(PROFILES / f"{self._profile}.yaml")]

    def _helm(self, *arguments: object) -> str:
        command = [str(HELM), *(str(part) for part in arguments), "--namespace", self._release]
        return run(command, environment={"KUBECONFIG": str(self._cluster.kubeconfig)}, timeout_s=300)

    def _count_pods(self) -> None:
        pods = self._cluster.get("pods", "-n", self._release)["items"]
        ready = [
            pod
            for pod in pods
            if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
        ]
        self.outcome.pods = len(ready)
        if not ready:
            self.outcome.wrong.append("no pod became ready")

    def _secret_objects(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._cluster.get("secrets", "-n", self._release)["items"]
        return [item for item in found if item["type"] == "Opaque"]

    def _volumes(self) -> dict[str, str]:
        """Claims of the release's data and the volume of each; not the backups', which an upgrade here adds."""
        claims = self._cluster.get("persistentvolumeclaims", "-n", self._release)["items"]
        return {
            claim["metadata"]["name"]: claim["spec"].get("volumeName", "")
            for claim in claims
            if not claim["metadata"]["name"].endswith("-backup")
        }

    def _passwords(self) -> dict[str, str]:
        """Everything secret that the chart made."""
        return known_secrets.secret_values(
            item
            for item in self._secret_objects()
            if not item["metadata"]["name"].endswith(("-tls", "-trust", "-authority"))
        )

    def _certificates(self) -> None:
        """What the Job would do, with the Job's own rights: certificates for all, and nothing at the second time."""
        issued = [self._provision(), self._provision()]
        self._renewal()
        objects = {item["metadata"]["name"]: item for item in self._secret_objects()}
        certificates = {name: item for name, item in objects.items() if name.endswith("-tls")}
        wanted = yaml.safe_load(self._certificate_list())
        missing = {f"{self._release}-{name}-tls" for name in wanted} - certificates.keys()
        self.outcome.wrong += [f"{name}: no certificate was made" for name in sorted(missing)]
        if issued[1] != 0:
            self.outcome.wrong.append(f"the second run issued {issued[1]} certificates")
        for name, item in certificates.items():
            pem = base64.b64decode(item["data"]["tls.crt"])
            left = x509.load_pem_x509_certificate(pem).not_valid_after_utc - dt.datetime.now(dt.UTC)
            if left < _LEAST_LEFT:
                self.outcome.wrong.append(f"{name}: ends in {left.days} days")

    def _renewal(self) -> None:
        """As if every certificate ended soon: all are issued anew, and what must be rolled is rolled."""
        wanted = yaml.safe_load(self._certificate_list())
        issued = self._provision(RACKTWIN_PROVISION_RENEW_DAYS="3650")
        if issued != len(wanted):
            self.outcome.wrong.append(f"{issued} of {len(wanted)} certificates were renewed")
        for workload in {workload for details in wanted.values() for workload in details.get("workloads") or []}:
            kind, _, name = workload.partition("/")
            found = self._cluster.get(kind.lower(), f"{self._release}-{name}", "-n", self._release)
            if "racktwin.io/certificates" not in found["spec"]["template"]["metadata"].get("annotations", {}):
                self.outcome.wrong.append(f"{workload} was not rolled after its certificate was renewed")

    def _certificate_list(self) -> str:
        found = self._cluster.get("configmap", f"{self._release}-certificates", "-n", self._release)
        return str(found["data"]["certificates.yaml"])

    def _provision(self, **more: str) -> int:
        name = f"{self._release}-certificates"
        listed = self._cluster.folder / f"{name}.yaml"
        listed.write_text(self._certificate_list(), encoding="utf-8")
        job = next(
            item
            for item in self._cluster.get("jobs", "-n", self._release)["items"]
            if item["metadata"]["name"].startswith(f"{name}-")
        )
        settings = {
            variable["name"]: variable["value"]
            for variable in job["spec"]["template"]["spec"]["containers"][0]["env"]
            if variable["name"].startswith("RACKTWIN_") and "value" in variable
        }
        for authority in [key for key in settings if key.startswith("RACKTWIN_PROVISION_CA_")]:
            # A stand-in for the authority that the user would bring.
            self._cluster.apply([_authority_secret(self._cluster, settings[authority], self._release)])
        result = subprocess.run(
            [sys.executable, "-m", "provision", "certificates", "--json"],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                **settings,
                **more,
                "RACKTWIN_PROVISION_CERTIFICATES": str(listed),
                "RACKTWIN_PROVISION_TRUSTSTORE_PASSWORD": "of-this-check-alone",
                "KUBECONFIG": str(self._cluster.account(self._release, name)),
                "NO_PROXY": "127.0.0.1,localhost",
            },
        )
        if result.returncode != 0:
            raise CheckError(f"{self._profile}: python -m provision certificates: {result.stderr.strip()}")
        return int(yaml.safe_load(result.stdout)["issued"])

    def _upgrade(self, before: dict[str, str]) -> None:
        sets = [part for change in _CHANGES for part in ("--set", change)]
        self._helm("upgrade", self._release, CHART, "--wait", "--timeout", READY_S, *self._values(), *sets)
        self._compare("upgrade", before)
        ingest = self._cluster.get("deployment", f"{self._release}-ingest", "-n", self._release)
        text = str(ingest["spec"]["template"])
        if "'debug'" not in text:
            self.outcome.wrong.append("the upgrade did not change the log level")
        self.outcome.upgraded = True

    def _roll_back(self, before: dict[str, str]) -> None:
        self._helm("rollback", self._release, "1", "--wait", "--timeout", READY_S)
        self._compare("rollback", before)
        ingest = self._cluster.get("deployment", f"{self._release}-ingest", "-n", self._release)
        if "'debug'" in str(ingest["spec"]["template"]):
            self.outcome.wrong.append("the rollback did not bring the log level back")

    def _compare(self, what: str, before: dict[str, str]) -> None:
        if self._volumes() != self._claimed:
            self.outcome.wrong.append(f"{what} changed volumes")
        now = self._passwords()
        changed = [place for place, value in before.items() if now.get(place) != value]
        self.outcome.wrong += [f"{what} changed {place}" for place in changed]

    def _uninstall(self, before: dict[str, str]) -> None:
        self._helm("uninstall", self._release, "--wait", "--timeout", READY_S)
        kept = self._passwords()
        if self._volumes() != self._claimed:
            self.outcome.wrong.append("uninstall took volumes")
        self.outcome.wrong += [
            f"uninstall changed {place}" for place in kept if place in before and kept[place] != before[place]
        ]
        kinds = ("secrets", "persistentvolumeclaims", "configmaps", "deployments", "statefulsets", "jobs", "services")
        for kind in kinds:
            items = self._cluster.get(kind, "-n", self._release)["items"]
            names = [item["metadata"]["name"] for item in items if item["metadata"]["name"] != "kube-root-ca.crt"]
            if names:
                self.outcome.left[kind] = len(names)
        unexpected = self.outcome.left.keys() - {"secrets", "persistentvolumeclaims"}
        self.outcome.wrong += [f"uninstall leaves {kind}" for kind in sorted(unexpected)]
        self._say(f"{self._profile}: uninstalled; left: {self.outcome.left}")


def _authority_secret(cluster: Cluster, name: str, namespace: str) -> dict[str, Any]:
    authority = Authority(cluster.folder / "authority", "stand-in")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {"ca.crt": authority.pair.certificate.read_text(encoding="utf-8")},
    }


def side_by_side(cluster: Cluster, say: Callable[[str], None]) -> list[str]:
    """Two releases of everything in one cluster, in namespaces of their own; what collides, a line each."""
    wrong: list[str] = []
    passwords: list[dict[str, str]] = []
    sets = [part for setting in EVERYTHING for part in ("--set", setting)]
    environment = {"KUBECONFIG": str(cluster.kubeconfig)}
    sites = ("north", "south")
    for site in sites:
        cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": site}}])
        command = [str(HELM), "install", site, str(CHART), "--namespace", site, "--wait", "--timeout", READY_S, *sets]
        try:
            run(command, environment=environment)
        except CheckError as error:
            return [f"{site}: {error}"]
        items = cluster.get("secrets", "-n", site)["items"]
        values = known_secrets.secret_values(item for item in items if item["type"] == "Opaque")
        passwords.append({place.removeprefix(f"{site}-"): value for place, value in values.items()})
    shared = [place for place, value in passwords[0].items() if passwords[1].get(place) == value]
    wrong += [f"{place}: the same in two releases" for place in shared]
    for site in sites:
        run([HELM, "uninstall", site, "--namespace", site, "--wait"], environment=environment)
    say("two releases side by side")
    return wrong
