"""A site as Kubernetes resources beside the streams' own: what the operator makes of it, and the model that runs on it.

The operator and the runner carry no readings, so more is asked of them than that none is lost: a rack applied while the
operator is dead becomes ready, and predictions go on after the runner died, without anybody's help.
"""

from __future__ import annotations

import uuid
from typing import Any

import psutil
from tests.e2e.conftest import MODEL, SITE, rack
from tests.e2e.harness import Harness, climate, eventually
from tests.faults.stage import Fault, Stage
from tests.faults.stream import now_ms

from local_stack import model

_RACK = "predicted"


def _site(stage: Stage) -> Harness:
    """The site, made when it is asked for first."""
    harness = Harness(stage.endpoints, SITE)
    if harness.condition("rack", _RACK) is not None:
        return harness
    harness.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SITE}})
    spec: dict[str, Any] = {
        "rooms": [{"name": "hall", "widthM": 10, "depthM": 10, "heightM": 3}],
        "gateways": [{"name": "main"}],
        "models": [{"name": MODEL, "artifact": {"configMap": f"model-{MODEL}"}}],
    }
    harness.apply(
        model.config_map(MODEL, SITE, model.ensure_trained(MODEL)),
        {
            "apiVersion": "racktwin.io/v1alpha1",
            "kind": "Site",
            "metadata": {"name": SITE, "namespace": SITE},
            "spec": spec,
        },
    )
    harness.wait_ready("site", SITE, 120)
    harness.apply(rack(_RACK))
    harness.wait_ready("rack", _RACK)
    return harness


def _operator(stage: Stage) -> None:
    site = _site(stage)
    name = f"late-{uuid.uuid4().hex[:6]}"
    stage.kill("operator")
    site.apply(rack(name))
    site.wait_ready("rack", name, 90)
    site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=45s")


def _runners(stage: Stage) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(stage.pid("local-node")).children(recursive=True):
        try:
            if child.cmdline()[-2:] == ["-m", "runner"]:
                found.append(child)
        except psutil.Error:
            continue
    return found


def _runner(stage: Stage) -> None:
    site = _site(stage)
    eventually(lambda: _runners(stage), "a runner", 60)
    old = _runners(stage)
    for process in old:
        process.kill()
    gone = {process.pid for process in old}
    eventually(lambda: [each for each in _runners(stage) if each.pid not in gone], "another runner", 60)
    _predicted_again(site)


def _node(stage: Stage) -> None:
    """With the node its workloads die, as on a machine that restarts."""
    site = _site(stage)
    stage.kill("local-node")
    _predicted_again(site)


def _predicted_again(site: Harness) -> None:
    """A runner predicts from what is fresh: so the rack goes on reporting, as racks do."""
    since = now_ms()
    with site.mqtt(site.login("rack", _RACK)) as client:

        def shown() -> bool:
            observed = now_ms()
            site.publish(client, "telemetry", climate(observed, observed // 1000, top=23.0, bottom=21.0))
            properties = site.properties(site.thing("rack", _RACK), f"prediction.{MODEL}.top")
            return properties is not None and properties.get("basedOn", 0) >= since

        eventually(shown, "a prediction from a new reading", 90, every_s=1)


FAULTS = [
    Fault("operator killed with -9", _operator),
    Fault("model runner killed with -9", _runner),
    Fault("local-node and its runner killed with -9", _node),
]
