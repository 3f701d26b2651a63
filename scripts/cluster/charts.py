"""Installs Racktwin on a cluster with Helm: the stand-ins, the models, the chart, the example site."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.place import Place
from cluster.shell import ClusterError
from local_stack import cluster as kube
from local_stack import model, paths
from local_stack.instance import write_private
from local_stack.toolchain.catalogue import HONO, INFLUXD, KAFKA
from local_stack.toolchain.chart_tools import HELM

SITE = "berlin"
STAND_INS = "stand-ins"
MODEL = "inlet-temperature"
MQTT_NODE_PORT, HTTP_NODE_PORT = 31883, 31880
INSTALL_S = 600
_FOLDER = Path(__file__).parent
_POLL_S = 0.5
# `helm list` may see a release that an interrupted install left half done; it is taken over.
_HALF_DONE = ("pending-install", "pending-upgrade", "pending-rollback")


def helm(place: Place, *arguments: str, timeout_s: float = 120) -> str:
    """Run Helm on the cluster; its output. Raises ClusterError."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HELM_")},
        "KUBECONFIG": str(place.kubeconfig),
        "NO_PROXY": place.plan.host,
        # No repository is used; what the user has configured must not matter.
        "HELM_REPOSITORY_CONFIG": str(place.folder / "helm-repositories.yaml"),
    }
    command = [str(HELM.folder / "bin" / "helm"), *arguments]
    try:
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"`helm {' '.join(arguments[:3])}` did not end within {timeout_s:.0f} s") from error
    if result.returncode != 0:
        said = (result.stderr + result.stdout).strip()[-2000:]
        raise ClusterError(f"`helm {' '.join(arguments[:3])}` ended with {result.returncode}: {said}")
    return result.stdout


def chart() -> Path:
    """The chart under trial."""
    return paths.repository() / "charts" / "racktwin"


def generated_values(place: Place, digests: Mapping[str, str]) -> dict[str, Any]:
    """What the values file cannot know: addresses, and which content the images have now."""

    def image(name: str, version: str) -> dict[str, str]:
        return {"digest": digests[f"racktwin/{name}:{version}"]}

    entry = place.plan.nodes[0].address
    ours = next(key for key in digests if key.startswith("racktwin/racktwin:"))
    return {
        "global": {
            "images": {
                "racktwin": {"tag": ours.rpartition(":")[2], "digest": digests[ours]},
                "kafka": image("kafka", KAFKA.version),
                "influxdb": image("influxdb", INFLUXD.version.removeprefix("v")),
            },
            "external": {
                "hono": {
                    "mqttHost": entry,
                    "mqttPort": MQTT_NODE_PORT,
                    "httpUrl": f"http://{entry}:{HTTP_NODE_PORT}",
                }
            },
        }
    }


def stand_in_values(digests: Mapping[str, str]) -> dict[str, Any]:
    """The stand-ins' images by their content, and their ports."""
    ours = next(key for key in digests if key.startswith("racktwin/racktwin:"))
    hono = f"racktwin/hono:{HONO.version}"
    return {
        "images": {"hono": f"{hono}@{digests[hono]}", "racktwin": f"{ours}@{digests[ours]}"},
        "release": SITE,
        "mqttNodePort": MQTT_NODE_PORT,
        "httpNodePort": HTTP_NODE_PORT,
    }


@contextmanager
def training_beside(trained: Path | None = None) -> Iterator[Callable[[], dict[str, Path]]]:
    """Train the example's models that are not there while the body of the `with` runs; `trained` replaces `MODEL`.

    Yields a function that waits for the models' folders and returns them by name, or raises TrainingError.
    """
    given = {MODEL: trained} if trained is not None else {}
    wanted = [name for name in model.names() if name not in given]
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(model.ensure_all_trained, wanted)

        def folders() -> dict[str, Path]:
            return training.result() | given

        yield folders


class Site:
    """Racktwin on a cluster: one release, one site, one namespace."""

    def __init__(self, place: Place, digests: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Nothing is installed yet; `digests` are those of the built images."""
        self.place = place
        self._digests = digests
        self._say = say

    def prepare(self, trained: Mapping[str, Path]) -> None:
        """Namespace, models (from their folders) and stand-ins, which the chart takes as given; not waited for."""
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SITE}}
        kube.apply(self.place.kubeconfig, [namespace])
        kube.apply(self.place.kubeconfig, [model.config_map(name, SITE, folder) for name, folder in trained.items()])
        values = self._values("stand-ins.json", stand_in_values(self._digests))
        self._release_free(STAND_INS)
        helm(self.place, "upgrade", "--install", STAND_INS, str(_FOLDER / "stand-ins"), "-n", SITE, "-f", values)

    def install(self, *more: str) -> float:
        """Install or upgrade the chart and wait for it; the seconds that took. `more` are further arguments."""
        values = self._values("racktwin.json", generated_values(self.place, self._digests))
        self._release_free(SITE)
        began = time.monotonic()
        helm(
            self.place,
            *("upgrade", "--install", SITE, str(chart()), "-n", SITE),
            *("-f", str(_FOLDER / "values.yaml"), "-f", values, *more),
            *("--wait", "--wait-for-jobs", "--timeout", f"{INSTALL_S}s"),
            timeout_s=INSTALL_S + 60,
        )
        return time.monotonic() - began

    def fingerprint(self) -> str:
        """Changes when an install would do something: over both charts, their values and the images."""
        digest = hashlib.sha256()
        folders = (chart(), chart().with_name("racktwin-crds"), _FOLDER / "stand-ins")
        files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
        for file in (*files, _FOLDER / "values.yaml"):
            digest.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
        values = (generated_values(self.place, self._digests), stand_in_values(self._digests))
        digest.update(json.dumps(values, sort_keys=True).encode())
        return digest.hexdigest()

    def is_current(self) -> bool:
        """Whether what would be installed is what was installed last, and is still there."""
        if self.place.state().get("installed") != self.fingerprint():
            return False
        listed = json.loads(helm(self.place, "list", "-n", SITE, "--deployed", "--output", "json"))
        return {item["name"] for item in listed} >= {SITE, STAND_INS}

    def apply_example(self) -> int:
        """Apply the example site; how many racks that is. Waits until the API server knows the resources."""
        folder = paths.repository() / "operators" / "examples" / SITE
        deadline = time.monotonic() + INSTALL_S
        while True:
            try:
                kube.kubectl(self.place.kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", str(folder))
                return len(self.racks())
            except kube.KubectlError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)

    def racks(self) -> list[dict[str, Any]]:
        """The site's racks."""
        return list(kube.get(self.place.kubeconfig, "racks.racktwin.io", "-n", SITE)["items"])

    def racks_ready(self) -> int:
        """How many are ready."""
        return sum(1 for rack in self.racks() if is_ready(rack))

    def pods(self) -> list[dict[str, Any]]:
        """The namespace's pods, without those whose work is done."""
        items = kube.get(self.place.kubeconfig, "pods", "-n", SITE)["items"]
        return [pod for pod in items if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}]

    def pods_ready(self) -> int:
        """How many pods are ready and not about to end."""
        return sum(1 for pod in self.pods() if is_ready(pod) and "deletionTimestamp" not in pod["metadata"])

    def pods_wanted(self) -> int:
        """How many pods the workloads ask for now; a model's runners are more or fewer as they lag behind."""
        items = kube.get(self.place.kubeconfig, "deployments,statefulsets", "-n", SITE)["items"]
        return sum(int(item["spec"].get("replicas", 1)) for item in items)

    def pods_unready(self) -> int:
        """How many pods are not ready yet, or about to end."""
        return len(self.pods()) - self.pods_ready()

    def _values(self, name: str, values: Mapping[str, Any]) -> str:
        file = self.place.folder / "values" / name
        write_private(file, json.dumps(values, indent=1))
        return str(file)

    def _release_free(self, release: str) -> None:
        listed = json.loads(helm(self.place, "list", "-n", SITE, "--all", "--output", "json"))
        state = next((item["status"] for item in listed if item["name"] == release), "")
        if state in _HALF_DONE:
            self._say(f"release {release} is {state}; its last revision is removed")
            label = f"owner=helm,name={release},status={state}"
            kube.kubectl(self.place.kubeconfig, "delete", "secret", "-n", SITE, "-l", label)


def is_ready(item: Mapping[str, Any]) -> bool:
    """Whether a resource says that it is ready."""
    conditions = (item.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
