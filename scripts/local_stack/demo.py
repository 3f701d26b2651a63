"""`make demo`: the example site on a running stack, from `kubectl apply` to predictions on twins. Repeatable at every
point.

Measures `warm_start_s`: from the beginning to the first prediction that was made after it, when nothing had to be
built or trained.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from local_stack import cluster, config, model, paths
from local_stack.census import Census, Surveyor
from local_stack.components import influxdb, own
from local_stack.stack import Stack
from local_stack.steps import Steps
from local_stack.toolchain.builder import Builder
from local_stack.toolchain.catalogue import ARTEFACTS
from racktwin.ditto_client import DittoError

_POLL_S = 0.5


class DemoError(Exception):
    """The stack runs, but the site does not come to life; the text names what is missing and where to look."""


class _Training(threading.Thread):
    """Trains the models beside everything else; most of a first start is waiting for compilers and servers."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(name="training", daemon=True)
        self._models = names
        self.error: Exception | None = None
        self._folders: dict[str, Path] = {}

    def run(self) -> None:
        try:
            self._folders = model.ensure_all_trained(self._models)
        except Exception as error:
            self.error = error

    def finish(self) -> dict[str, Path]:
        """Wait for the end; the folder of each model. Raises TrainingError."""
        self.join()
        if self.error is not None:
            raise self.error
        return self._folders


class Demo:
    """One run of `make demo`."""

    def __init__(self, stack: Stack, steps: Steps) -> None:
        """Nothing happens yet."""
        self._settings = config.settings()["demo"]
        self._site = str(self._settings["site"])
        self._stack = stack
        self._steps = steps
        self._surveyor = Surveyor(stack)
        self._kubeconfig = Path(stack.endpoints()["kubeconfig"])

    def run(self) -> Census:
        """Bring everything up, apply the site, wait for the flow.

        Raises:
            BuildError, StackError, SupervisionError, KubectlError, TrainingError, DemoError: with the next step in
            the text.
        """
        names = model.names()
        states = {row.name: row.state for row in self._stack.status()}
        was_running = any(state != "stopped" for state in states.values())
        untrained = [name for name in names if not model.is_trained(model.folder(name))]
        cold = bool(Builder().missing(list(ARTEFACTS.values()))) or bool(untrained)
        if untrained:
            self._steps.say(f"training {', '.join(untrained)} on simulated history, beside the rest")
        began_ms = int(time.time() * 1000)
        training = _Training(names)
        training.start()

        def populate() -> None:
            cluster.install_crds(self._kubeconfig)
            self._apply("[0-3]*.yaml")
            folders = training.finish()
            instance = self._stack.instance
            secret = model.influx_secret(own.INFLUX_SECRET, self._site, influxdb.token(instance))
            config_maps = [model.config_map(name, self._site, folder) for name, folder in folders.items()]
            cluster.apply(self._kubeconfig, [*config_maps, secret])
            model.publish(instance.data("registry"), names)
            # Last: without a version in the registry the operator would begin a training of its own.
            self._apply("[4-9]*.yaml")

        # As soon as the operator is there: what consumes a site's topics becomes ready only when the operator has
        # made them.
        self._stack.ensure(progress=self._steps.component, hooks={"operator": populate})
        # Something built or trained, or found running, is no warm start.
        return self._await_flow(began_ms, measure=not was_running and not cold)

    def _apply(self, pattern: str) -> None:
        folder = paths.repository() / "operators" / "examples" / self._site
        self._steps.say(f"kubectl apply -f {folder.relative_to(paths.repository())}/{pattern}")
        files = [part for file in sorted(folder.glob(pattern)) for part in ("-f", str(file))]
        cluster.kubectl(self._kubeconfig, "apply", "--server-side", "--force-conflicts", *files)

    def _await_flow(self, began_ms: int, *, measure: bool) -> Census:
        """Wait until every rack is ready and has telemetry and a prediction on its twin, and history has readings."""
        deadline = time.monotonic() + float(self._settings["flow_seconds"])
        racks = cluster.get(self._kubeconfig, "racks.racktwin.io", "-n", self._site)["items"]
        wanted = len(racks)
        surveyor = self._surveyor
        self._await("racks ready", wanted, lambda: surveyor.take().racks_ready, deadline)
        self._await("twins with telemetry", wanted, lambda: surveyor.fresh_twins(began_ms), deadline)
        self._await("readings in InfluxDB", 1, lambda: surveyor.take().readings_last_minute, deadline)
        first = self._await("predictions on twins", 1, lambda: surveyor.predicted_since(began_ms), deadline)
        if measure:
            self._stack.instance.remember(warm_start_s=round(self._steps.elapsed_s, 1))
        if first < wanted:
            self._await("predictions on twins", wanted, lambda: surveyor.predicted_since(began_ms), deadline)
        return surveyor.take()

    def _await(self, what: str, wanted: int, count: Callable[[], int], deadline: float) -> int:
        problem = ""
        with self._steps.waiting(f"waiting for {what}") as show:
            while True:
                found = 0
                try:
                    found = count()
                except (DittoError, OSError) as error:
                    problem = str(error)
                if found >= wanted:
                    self._steps.say(f"{what}: {found}")
                    return found
                show(f"{found} of {wanted}")
                if time.monotonic() > deadline:
                    raise DemoError(self._explain(what, found, wanted, problem))
                time.sleep(_POLL_S)

    def _explain(self, what: str, found: int, wanted: int, problem: str) -> str:
        problems = [*self._surveyor.problems.items(), *([("Ditto", problem)] if problem else [])]
        unhealthy = [f"{row.name} is {row.state} {row.detail}" for row in self._stack.status() if row.state != "ready"]
        lines = [f"{what}: only {found} of {wanted} after {self._settings['flow_seconds']} s"]
        lines += [f"  {system}: {text}" for system, text in problems]
        lines += [f"  {text}" for text in unhealthy]
        lines += [
            f"  logs are in {self._stack.instance.logs}",
            f"  next: kubectl --kubeconfig {self._kubeconfig} get sites,racks,deployments -n {self._site};",
            "  make demo again goes on from here",
        ]
        return "\n".join(lines)


def summary(stack: Stack, census: Census) -> str:
    """What is where, and three commands to try."""
    where, site = stack.endpoints(), str(config.settings()["demo"]["site"])
    model_name = str(config.settings()["demo"]["model"])
    password = where["console_password_files"]["engineer"]
    rows = [
        ("Console", f"{where['console_url']}   user engineer, password in {password}"),
        ("Kubernetes API", f"{where['kubernetes_url']}   export KUBECONFIG={where['kubeconfig']}"),
        ("Ditto API", f"{where['ditto_url']}/api/2   (ditto_lite, our stand-in for Eclipse Ditto)"),
        (
            "InfluxDB",
            f"{where['influx_url']}   org {where['influx_org']}, bucket {site}, token in {where['influx_token_file']}",
        ),
        ("Kafka", where["kafka_bootstrap"]),
        ("Hono MQTT", f"{where['hono_mqtt_host']}:{where['hono_mqtt_port']}   (HTTP {where['hono_http_url']})"),
        ("Logs", where["logs"]),
    ]
    racks = (
        f"{where['ditto_url']}/api/2/search/things?filter=exists(features/prediction.{model_name}.top)&option=size(1)"
    )
    flux = f'from(bucket:"{site}") |> range(start:-1m) |> filter(fn:(r) => r._field == "temperature") |> last()'
    commands = [
        (
            "the racks, as Kubernetes sees them",
            f"{where['kubectl']} --kubeconfig {where['kubeconfig']} get racks -n {site}",
        ),
        ("a twin with its predictions", f"curl -s -H 'x-ditto-pre-authenticated: nginx:viewer' '{racks}'"),
        (
            "the newest temperatures in the history",
            f"curl -s '{where['influx_url']}/api/v2/query?org={where['influx_org']}' "
            f'-H "Authorization: Token $(cat {where["influx_token_file"]})" '
            f"-H 'Content-Type: application/vnd.flux' -d '{flux}'",
        ),
    ]
    lines = [
        "",
        f"{census.racks_ready} racks are ready, {census.things} things, {census.devices} devices; "
        f"{census.readings_last_minute} readings in the last minute, "
        f"{census.predictions_on_twins} twins with predictions.",
        "",
        *(f"  {name:<15} {place}" for name, place in rows),
        "",
        "Try next:",
        *(line for text, command in commands for line in (f"  # {text}", f"  {command}")),
        "",
        "make demo-status shows the state, make demo-stop stops everything.",
    ]
    return "\n".join(lines)
