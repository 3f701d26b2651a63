"""The same trial ground where Docker and kind exist: nodes are kind's, images are the published ones.

Only our own image is built, by `charts/images/Dockerfile`. What is installed is the profile `laptop` of the chart, with
Ditto and Hono as published.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable

import yaml

from cluster.charts import INSTALL_S, SITE, chart
from cluster.images.python import version
from cluster.shell import ClusterError, run
from local_stack import model, paths
from local_stack.toolchain.builder import Builder
from local_stack.toolchain.chart_tools import HELM

_PROGRAMS = ("docker", "kind", "kubectl")
_BUILD_S = 1800.0


def configuration(nodes: int) -> dict[str, object]:
    """kind's own: one control plane, and workers."""
    roles = [{"role": "control-plane"}, *({"role": "worker"} for _ in range(nodes))]
    return {"apiVersion": "kind.x-k8s.io/v1alpha4", "kind": "Cluster", "nodes": roles}


def _require() -> None:
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        raise ClusterError(
            f"CLUSTER=kind needs {', '.join(missing)}\n"
            "  next: install Docker and kind (https://kind.sigs.k8s.io), or as root without both: make cluster"
        )
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        raise ClusterError("docker does not answer: start it, or add yourself to the group docker")


def _name(name: str) -> str:
    return f"racktwin-{name}"


def up(name: str, nodes: int, say: Callable[[str], None]) -> None:
    """Cluster, our image, the chart. Raises ClusterError, BuildError, TrainingError."""
    _require()
    Builder().make([HELM])
    image = f"racktwin/racktwin:{version()}"
    root = paths.repository()
    if _name(name) not in run("kind", "get", "clusters").split():
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(configuration(nodes), file)
            file.flush()
            run("kind", "create", "cluster", "--name", _name(name), "--config", file.name, timeout_s=_BUILD_S)
    say("docker build of our image")
    run("docker", "build", "-t", image, "-f", str(root / "charts/images/Dockerfile"), str(root), timeout_s=_BUILD_S)
    run("kind", "load", "docker-image", image, "--name", _name(name), timeout_s=_BUILD_S)
    context = f"kind-{_name(name)}"
    say("helm install with the published images of Kafka, MongoDB, Ditto, Hono, InfluxDB and Grafana")
    run(
        *(str(HELM.folder / "bin" / "helm"), "upgrade", "--install", SITE, str(chart())),
        *("--kube-context", context, "-n", SITE, "--create-namespace"),
        *("-f", str(chart() / "profiles" / "laptop.yaml")),
        *("--wait", "--timeout", f"{3 * INSTALL_S}s"),
        timeout_s=3 * INSTALL_S + 60,
    )
    folders = model.ensure_all_trained(model.names())
    # One List: not every kubectl takes several JSON documents in a row.
    trained = [model.config_map(name, SITE, folder) for name, folder in folders.items()]
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": trained})
    run("kubectl", "--context", context, "apply", "--server-side", "-f", "-", stdin=items)
    examples = root / "operators" / "examples" / SITE
    run("kubectl", "--context", context, "apply", "--server-side", "-f", str(examples))
    say(f"next: kubectl --context {context} get racks,pods -n {SITE}; helm test {SITE} -n {SITE}")


def down(name: str) -> None:
    """Delete the cluster. Raises ClusterError."""
    _require()
    run("kind", "delete", "cluster", "--name", _name(name), timeout_s=300)
