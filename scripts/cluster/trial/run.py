"""The course of `make cluster-test`, and its figures.

1. Nodes from nothing, stand-ins, `helm install --wait`, racks.
2. Devices publish, a simulated fleet inside the cluster and two outside of it; the main job's figures for a minute.
3. `helm test`.
4. A TwinModel without any artifact is trained by a Job, promoted in the registry's volume, and served from there.
5. Pods are killed one after the other, then a node as by a power cut, while readings flow.
6. An upgrade that replaces every pod of ours, and keeps secrets and data.
7. Every numbered reading since the beginning must be in InfluxDB.
8. Uninstall, and the host as it was.
"""

import dataclasses
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cluster import charts
from cluster.charts import SITE
from cluster.lifecycle import Cluster
from cluster.shell import ClusterError
from cluster.trial import outside
from cluster.trial.outside import Device, Login
from cluster.trial.watching_pod import Observer
from local_stack import cluster as kube
from local_stack.model import TrainingError

Say = Callable[[str], None]
# The node that is killed; devices outside reach the cluster over the first one.
VICTIM = "n2"
_OUTSIDE_RACKS = ("outside-mqtt", "outside-http")
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
# One of each kind that carries readings.
_KILLED = (
    "kafka",
    "ingest",
    "historian",
    "bridge",
    "operator",
    "influxdb",
    "ditto-lite",
    "artemis",
    "hono-mqtt",
    "model",
)
_FRESH_MS = 6_000
_RECOVERY_S = 300.0
_SETTLE_S = 120.0
# A model without a ConfigMap, of one rack: it can only serve what a Job trains and promotes.
_TRAINED_HERE = "trained-here"
_TRAINED_MODEL = "sensor-faults"
_TRAINING_S = 600.0


@dataclasses.dataclass
class Figures:
    """What is printed last."""

    nodes: int = 0
    pods_ready: int = 0
    pods: int = 0
    install_s: float = 0.0
    racks_ready: int = 0
    readings_sent: int = 0
    readings_in_influx: int = 0
    predictions_on_twins: int = 0
    helm_test: str = "not run"
    model_trained_to_serving_s: float = 0.0
    model_served_from_registry: str = ""
    node_kill_recovery_s: float = 0.0
    pods_killed: int = 0
    upgrade_s: float = 0.0
    secrets_changed_by_upgrade: list[str] = dataclasses.field(default_factory=list)
    outside_sent: int = 0
    outside_in_influx: int = 0
    left_by_uninstall: int = 0
    left_on_host: list[str] = dataclasses.field(default_factory=list)

    def line(self, main_job: dict[str, Any]) -> str:
        """One JSON line."""
        return json.dumps({**dataclasses.asdict(self), **main_job})


class Trial:
    """One run on a fresh cluster."""

    def __init__(self, cluster: Cluster, say: Say) -> None:
        """Nothing is started yet."""
        self._cluster = cluster
        self._place = cluster.place
        self._say = say
        self._observer = Observer(cluster.place)
        self._devices: list[Device] = []
        self.figures = Figures()
        self.main_job: dict[str, Any] = {}
        self.problems: list[str] = []
        self._began_ms = 0

    # -- the steps ----------------------------------------------------------------------------------------------------

    def install(self, trained: Path | None) -> charts.Site:
        """Nodes, stand-ins, chart, racks."""
        with charts.training_beside(trained) as model_folder:
            digests = self._cluster.up()
            site = charts.Site(self._place, digests, self._say)
            site.prepare(model_folder())
        with ThreadPoolExecutor(1) as pool:
            applied = pool.submit(site.apply_example)
            self.figures.install_s = round(site.install(), 1)
            racks = applied.result()
        self._say(f"helm install --wait took {self.figures.install_s} s")
        kube.apply(self._place.kubeconfig, self._outside_racks(site))
        racks += len(_OUTSIDE_RACKS)
        self._cluster.wait("racks ready", racks, site.racks_ready, 180)
        self._cluster.wait("pods ready", 0, lambda: -site.pods_unready(), 180)
        self.figures.nodes = len(self._cluster.ready_nodes())
        self.figures.racks_ready = site.racks_ready()
        self.figures.pods, self.figures.pods_ready = len(site.pods()), site.pods_ready()
        image = next(f"{name}@{digest}" for name, digest in digests.items() if name.startswith("racktwin/racktwin:"))
        self._observer.start(image, self._place.plan.nodes[0].name)
        return site

    def _outside_racks(self, site: charts.Site) -> list[dict[str, Any]]:
        """A second gateway, which nobody simulates, and racks that belong to it: their devices are ours."""
        document = kube.get(self._place.kubeconfig, "sites.racktwin.io", "-n", SITE, SITE)
        changed = {key: document[key] for key in ("apiVersion", "kind", "spec")}
        changed["metadata"] = {"name": SITE, "namespace": SITE}
        changed["spec"]["gateways"] = [{"name": "main"}, {"name": "outside"}]
        pattern = next(rack for rack in site.racks() if rack["metadata"]["name"] == "a-r01-02")["spec"]
        racks = [
            {
                "apiVersion": document["apiVersion"],
                "kind": "Rack",
                "metadata": {"name": name, "namespace": SITE},
                # A server has one place, so the pattern's are not theirs.
                "spec": {**pattern, "servers": [], "gateways": ["outside"], "row": "r09", "facilityId": f"T{number}"},
            }
            for number, name in enumerate(_OUTSIDE_RACKS)
        ]
        return [changed, *racks]

    def start_devices(self) -> None:
        """Devices outside of the cluster begin; those inside run since the install."""
        ways = {"outside-mqtt": outside.over_mqtt, "outside-http": outside.over_http}
        self._began_ms = time.time_ns() // 1_000_000
        for rack, way in ways.items():
            secret = kube.get(self._place.kubeconfig, "secret", "-n", SITE, f"rack-{rack}-device")
            login = Login.parse(secret)
            device = Device(rack, login, way(login))
            device.start()
            self._devices.append(device)

    def watch(self, seconds: int) -> None:
        """The main job's figures, seen from inside."""
        self._say(f"readings flow from inside and outside; watching for {seconds} s")
        answer = self._observer.ask("watch", "--seconds", str(seconds), timeout_s=seconds + 120)
        self.problems += [f"main job: {problem}" for problem in answer.pop("problems")]
        self.main_job = {f"watched_{key}" if key.startswith("readings") else key: answer[key] for key in answer}
        counted = self._observer.ask("predictions")
        self.figures.predictions_on_twins = int(counted["predictions_on_twins"])

    def helm_test(self) -> None:
        """`helm test`: the doctor follows a reading."""
        try:
            charts.helm(self._place, "test", SITE, "-n", SITE, "--timeout", "180s", timeout_s=200)
            self.figures.helm_test = "passed"
        except ClusterError as error:
            self.figures.helm_test = "failed"
            log = kube.kubectl(self._place.kubeconfig, "logs", "-n", SITE, f"{SITE}-doctor", "--tail=30")
            self.problems.append(f"helm test: {error}\n{log}")
        self._say(f"helm test: {self.figures.helm_test}")

    def train_and_serve(self) -> None:
        """From a TwinModel that has nothing but a registry to its verdict from what a Job trained."""
        document = {
            "apiVersion": "racktwin.io/v1alpha1",
            "kind": "TwinModel",
            "metadata": {"name": _TRAINED_HERE, "namespace": SITE},
            "spec": {
                "site": SITE,
                "model": _TRAINED_MODEL,
                "task": "detect",
                "selector": {"kinds": ["rack"], "names": [_OUTSIDE_RACKS[0]]},
                "training": {"history": "simulated", "onDrift": False},
            },
        }
        began = time.monotonic()
        kube.apply(self._place.kubeconfig, [document])
        self._cluster.wait("model trained, promoted and served", 1, self._serves_from_registry, _TRAINING_S)
        self.figures.model_trained_to_serving_s = round(time.monotonic() - began, 1)
        self._say(f"version {self.figures.model_served_from_registry} was trained by a Job and serves from the volume")

    def _serves_from_registry(self) -> int:
        """1 once what serves was promoted in the registry; notes the version, and what stands in the way."""
        status = kube.get(self._place.kubeconfig, "twinmodels.racktwin.io", "-n", SITE, _TRAINED_HERE).get("status", {})
        conditions = {c["type"]: c for c in status.get("conditions") or ()}
        if (status.get("training") or {}).get("result") == "Failed":
            raise ClusterError(f"the training failed: {status['training'].get('message')}")
        promoted, serving = (conditions.get(name, {}) for name in ("Promoted", "Serving"))
        good = promoted.get("reason") == "Promoted" and serving.get("status") == "True"
        self.figures.model_served_from_registry = str(status.get("version")) if good else ""
        return int(good)

    def kill_pods(self, site: charts.Site) -> None:
        """One pod after the other dies at once; all are ready again before the next."""
        for part in _KILLED:
            pods = [pod for pod in site.pods() if _is_part(pod["metadata"]["name"], part)]
            if not pods:
                self.problems.append(f"no pod of {part} to kill")
                continue
            name = pods[0]["metadata"]["name"]
            began = time.monotonic()
            kube.kubectl(
                self._place.kubeconfig, "delete", "pod", "-n", SITE, name, "--grace-period=0", "--force", "--wait=true"
            )
            self.figures.pods_killed += 1
            ready = f"pods ready after {name} was killed"
            self._cluster.wait(ready, 0, lambda: -site.pods_unready(), _RECOVERY_S, quiet=True)
            self._say(f"killed {name}: all pods ready again after {time.monotonic() - began:.1f} s")

    def kill_node(self, site: charts.Site) -> None:
        """A power cut; then what an administrator or a cloud does for a node that is gone; then the power is back."""
        self._say(f"power cut at {VICTIM}, which has {self._pods_on(VICTIM)} of {len(site.pods())} pods")
        began = time.monotonic()
        self._cluster.kill_node(VICTIM)
        self._cluster.wait(f"{VICTIM} missed", 0, lambda: -self._cluster.ready_nodes().count(VICTIM), 60)
        # Without this Kubernetes would wait for ever for StatefulSets: the node might only be cut off, and still write.
        self._taint(f"{_OUT_OF_SERVICE}")
        self._cluster.wait("all pods ready on the other node", 0, lambda: -self._missing_elsewhere(site), _RECOVERY_S)
        self._cluster.wait("readings in InfluxDB from inside and outside", 1, self._flows, _RECOVERY_S)
        self.figures.node_kill_recovery_s = round(time.monotonic() - began, 1)
        self._say(f"recovered {self.figures.node_kill_recovery_s} s after the power cut")
        self._cluster.start_node(VICTIM)
        self._taint(f"{_OUT_OF_SERVICE}-")
        self._cluster.wait(
            "nodes ready again", len(self._place.plan.nodes), lambda: len(self._cluster.ready_nodes()), 120
        )

    def upgrade(self, site: charts.Site) -> None:
        """Another log level replaces every pod of ours; logins and data stay."""
        before = self._secrets()
        self.figures.upgrade_s = round(site.install("--set", "global.logLevel=warning"), 1)
        after = self._secrets()
        self.figures.secrets_changed_by_upgrade = [name for name in before if after.get(name) != before[name]]
        self._cluster.wait("pods ready after the upgrade", 0, lambda: -site.pods_unready(), 180)
        self._say(f"upgrade took {self.figures.upgrade_s} s")

    def count(self) -> None:
        """Every number that a device gave must be in InfluxDB."""
        for device in self._devices:
            if not device.stop():
                self.problems.append(f"{device.name}: not everything was taken by Hono in time")
            self._say(f"{device.name}: {device.sent} readings taken, {device.retries} attempts more than that")
        until = time.time_ns() // 1_000_000
        deadline = time.monotonic() + _SETTLE_S
        while True:
            missing = self._compare(until)
            if not missing or time.monotonic() > deadline:
                break
            time.sleep(3)
        self.problems += missing[:10]

    def _compare(self, until: int) -> list[str]:
        found = self._observer.ask("count", "--since", str(self._began_ms), "--until", str(until), timeout_s=120)
        exact = {f"{device.thing} environment.{outside.SENSOR}": device.sent for device in self._devices}
        nothing = {series: {"sent": 0, "stored": 0} for series in exact}
        sent = stored = outside_stored = 0
        missing = []
        for series, numbers in {**nothing, **found}.items():
            wanted = exact.get(series, numbers["sent"])
            sent, stored = sent + wanted, stored + numbers["stored"]
            outside_stored += numbers["stored"] if series in exact else 0
            if numbers["stored"] != wanted:
                missing.append(f"{series}: {numbers['stored']} of {wanted} readings are in InfluxDB")
        self.figures.readings_sent, self.figures.readings_in_influx = sent, stored
        self.figures.outside_sent, self.figures.outside_in_influx = sum(exact.values()), outside_stored
        return missing

    def uninstall(self) -> None:
        """The site's resources first, while the operator is there to tidy up; then the releases; then what is left."""
        self._observer.stop()
        for kind in ("scenarios", "twinmodels", "racks", "coolingunits", "sites"):
            command = ("delete", f"{kind}.racktwin.io", "--all", "-n", SITE, "--timeout=120s")
            kube.kubectl(self._place.kubeconfig, *command, timeout_s=130)
        for release in (SITE, charts.STAND_INS):
            charts.helm(self._place, "uninstall", release, "-n", SITE, "--wait", "--timeout", "180s", timeout_s=200)
        kinds = "pods,services,deployments,statefulsets,jobs,cronjobs,secrets,configmaps,persistentvolumeclaims"
        items = kube.get(self._place.kubeconfig, kinds, "-n", SITE)["items"]
        left = [
            f"{item['kind']}/{item['metadata']['name']}"
            for item in items
            if item["metadata"]["name"] != "kube-root-ca.crt" and "deletionTimestamp" not in item["metadata"]
        ]
        self.figures.left_by_uninstall = len(left)
        self._say(f"uninstalled; it leaves {', '.join(sorted(left)) or 'nothing'}")

    # -- small things -------------------------------------------------------------------------------------------------

    def _taint(self, taint: str) -> None:
        kube.kubectl(self._place.kubeconfig, "taint", "node", VICTIM, taint, "--overwrite")

    def _pods_on(self, node: str) -> int:
        items = kube.get(self._place.kubeconfig, "pods", "-n", SITE, "--field-selector", f"spec.nodeName={node}")
        running = [item for item in items["items"] if item["status"].get("phase") not in {"Succeeded", "Failed"}]
        return len(running)

    def _missing_elsewhere(self, site: charts.Site) -> int:
        """Pods that are asked for and not ready, and those still accounted to the dead node."""
        return self._pods_on(VICTIM) + max(site.pods_wanted() - site.pods_ready(), site.pods_unready())

    def _flows(self) -> int:
        """1 when the newest readings of a simulated rack and of each device outside are a few seconds old."""
        now = time.time_ns() // 1_000_000
        newest: dict[str, int] = self._observer.ask("newest")
        things = [f"racktwin.{SITE}:rack-a-r01-02", *(device.thing for device in self._devices)]
        return int(all(now - newest.get(thing, 0) < _FRESH_MS for thing in things))

    def _secrets(self) -> dict[str, Any]:
        """All Secrets but Helm's own records."""
        items = kube.get(self._place.kubeconfig, "secrets", "-n", SITE)["items"]
        return {
            item["metadata"]["name"]: item["data"]
            for item in items
            if not item["type"].startswith("helm.sh/") and "data" in item
        }


def _is_part(pod: str, part: str) -> bool:
    return pod.startswith((f"{SITE}-{part}-", f"{part}-"))


def run(
    cluster: Cluster, say: Say, *, seconds: int, keep: bool = False, trained: Path | None = None
) -> tuple[str, list[str]]:
    """The whole course on a cluster that is emptied first; the JSON line, and what went wrong."""
    trial = Trial(cluster, say)
    cluster.clean()
    try:
        site = trial.install(trained)
        trial.start_devices()
        trial.watch(seconds)
        trial.helm_test()
        trial.train_and_serve()
        trial.kill_pods(site)
        trial.kill_node(site)
        trial.upgrade(site)
        trial.count()
        if not keep:
            trial.uninstall()
    except (ClusterError, kube.KubectlError, TrainingError) as error:
        trial.problems.append(str(error))
    finally:
        if keep:
            say(f"kept: KUBECONFIG={cluster.place.kubeconfig}")
        else:
            trial.figures.left_on_host = cluster.clean()
    trial.problems += [f"left on the host: {thing}" for thing in trial.figures.left_on_host]
    return trial.figures.line(trial.main_job), trial.problems
