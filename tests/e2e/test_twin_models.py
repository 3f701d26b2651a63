"""Promise: a TwinModel serves the things it selects, says why it does not, and goes without leaving anything."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.conftest import MODEL, SITE, rack
from tests.e2e.harness import Harness, climate, eventually, now_ms, senml

from local_stack import Stack, model
from local_stack.components import influxdb, own
from runner import predictor

RACK = f"served-{os.getpid()}"
NAME = f"own-{os.getpid()}"
MINUTES = 50


def twin_model(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "racktwin.io/v1alpha1",
        "kind": "TwinModel",
        "metadata": {"name": NAME, "namespace": SITE},
        "spec": {
            "site": SITE,
            "model": MODEL,
            "selector": {"kinds": ["rack"], "names": [RACK]},
            "output": {"targets": ["top", "bottom"]},
            "artifact": {"configMap": f"model-{MODEL}"},
            **spec,
        },
    }


def condition(site: Harness, type_: str) -> tuple[str, str, str] | None:
    found = site.get("twinmodel", NAME) or {}
    for entry in (found.get("status") or {}).get("conditions") or ():
        if entry["type"] == type_:
            return entry["status"], entry["reason"], entry["message"]
    return None


@pytest.fixture(scope="module")
def own_rack(site: Harness) -> str:
    site.apply(rack(RACK))
    site.wait_ready("rack", RACK)
    return site.thing("rack", RACK)


@pytest.fixture
def history_token(stack: Stack, site: Harness) -> Iterator[None]:
    """The Secret by which runners of the site read its history."""
    site.apply(model.influx_secret(own.INFLUX_SECRET, SITE, influxdb.token(stack.instance)))
    yield
    site.kubectl("delete", "secret", own.INFLUX_SECRET, "-n", SITE)


def runner() -> psutil.Process | None:
    """The process of the TwinModel's runner."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("RACKTWIN_CONSUMER_GROUP") == f"racktwin-model-{SITE}-{NAME}":
                return process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return None


def restored(process: psutil.Process) -> int:
    """Values that a runner took out of history."""
    url = f"http://127.0.0.1:{process.environ()['RACKTWIN_HEALTH_PORT']}/metrics"
    text = requests.get(url, timeout=10, proxies={"http": "", "https": ""}).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(
        int(sample.value)
        for sample in samples
        if sample.name == "racktwin_model_readings_total" and sample.labels["outcome"] == "restored"
    )


def widths(at: int, inlets: list[tuple[int, float]]) -> tuple[float, float]:
    """Width of the model's interval for the top inlet at a time, given all of these (epoch ms, °C), and given the last
    alone; the other channels as `climate` has them."""
    loaded = predictor.load(model.ensure_trained(MODEL))
    definition = loaded.manifest.definition
    whole = np.full((1, definition.windowed, definition.cells), np.nan, dtype=np.float32)
    names = definition.channel_names
    for when, top in inlets:
        cell = definition.cells - 1 - (at - when) // (definition.resolution_s * 1000)
        whole[0, names.index("top"), cell] = top
        whole[0, names.index("bottom"), cell] = 20.0
        whole[0, names.index("power"), cell] = 5000.0
    short = whole.copy()
    short[:, :, :-6] = np.nan
    column = [o.horizon_s for o in definition.outputs()].index(definition.horizon_s)
    found = [loaded.predict(loaded.plan.compute(windows)) for windows in (whole, short)]
    all_, last = (float(hi[0, column] - lo[0, column]) for _, lo, hi in found)
    return all_, last


def test_a_server_that_reports_its_processor_is_told_where_that_is_heading(site: Harness) -> None:
    servers = "server-temperature"
    name = f"hot-{os.getpid()}"
    site.apply(
        rack(f"of-{name}", servers=[{"name": name, "position": 10, "uHeight": 1, "allocatedDrawW": 300}]),
        model.config_map(servers, SITE, model.ensure_trained(servers)),
        twin_model(
            model=servers,
            selector={"kinds": ["server"], "names": [name]},
            output={"targets": ["cpu"]},
            artifact={"configMap": f"model-{servers}"},
        ),
    )
    site.wait_ready("rack", f"of-{name}")
    eventually(lambda: (said := condition(site, "Ready")) and said[0] == "True", "it serves", 90)
    values = {"thermal/cpuTemperature": (61.0, "Cel"), "cpu/utilization": (70.0, "%")}
    with site.mqtt(site.login("server", name)) as client:

        def predicted() -> dict[str, Any] | None:
            at = now_ms()
            site.publish(client, "telemetry", senml(at, at // 1000, values))
            found = site.properties(site.thing("server", name), f"prediction.{servers}.cpu") or {}
            return found if found.get("value") is not None else None

        told = eventually(predicted, "a prediction on the server's twin", 90, every_s=1)
    assert told["target"] == "thermal/cpuTemperature"
    assert told["lo"] < told["value"] < told["hi"]
    assert abs(told["value"] - 61.0) < 15.0
    site.kubectl("delete", "twinmodel", NAME, "-n", SITE, "--wait=true", "--timeout=60s")
    site.kubectl("delete", "configmap", f"model-{servers}", "-n", SITE)


def test_models_are_listed_with_how_what_serves_does(stack: Stack) -> None:
    registry = stack.endpoints()["model_registry"]
    command = [sys.executable, "-m", "racktwin_cli", "models", "--registry", registry, "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    served = {(row["model"], row["version"]) for row in told["models"] if row["serves"]}
    assert {(row["model"], row["version"]) for row in told["serving"]} == served
    assert {row["state"] for row in told["serving"]} <= {"not scored", "well", "drifting", "paused"}


def spoilt(how: str) -> dict[str, Any]:
    """The ConfigMap of a model with something wrong in it."""
    body = model.config_map(MODEL, SITE, model.ensure_trained(MODEL))
    body["metadata"]["name"] = f"model-{NAME}"
    manifest = json.loads(body["data"]["model.json"])
    if how == "corrupted":
        graph = bytearray(base64.b64decode(body["binaryData"]["model.onnx"]))
        graph[len(graph) // 2] ^= 1
        body["binaryData"]["model.onnx"] = base64.b64encode(graph).decode()
    else:
        del manifest["inputs"][-1]
    body["data"]["model.json"] = json.dumps(manifest)
    return body


def test_a_model_that_cannot_be_served_says_what_is_wrong_with_it(site: Harness, own_rack: str) -> None:
    """Through the operator: who looks at the TwinModel sees what the runner saw."""
    for how, says in (("corrupted", "sha256"), ("columns", "expected tensor(float)")):
        # By a name of its own: a version that the registry serves would be taken before the ConfigMap.
        body = twin_model(model=f"spoilt-{os.getpid()}", artifact={"configMap": f"model-{NAME}"})
        site.apply(spoilt(how), body)
        eventually(
            lambda says=says: (said := condition(site, "Serving")) and said[1] == "ModelRefused" and says in said[2],
            f"the reason of {how}",
            90,
        )
    site.kubectl("delete", "twinmodel", NAME, "-n", SITE, "--wait=true", "--timeout=60s")
    site.kubectl("delete", "configmap", f"model-{NAME}", "-n", SITE)


def test_a_training_without_history_says_what_is_missing(site: Harness, own_rack: str, history_token: None) -> None:
    asked = {"training": {"history": "influx", "onDrift": False}, "suspend": False}
    body = twin_model(artifact={"configMap": f"model-{MODEL}"}, **asked)
    body["metadata"]["annotations"] = {"racktwin.io/train": "now"}
    site.apply(body)

    def training() -> dict[str, Any] | None:
        status = (site.get("twinmodel", NAME) or {}).get("status") or {}
        found: dict[str, Any] = status.get("training") or {}
        return found if found.get("result") == "Failed" else None

    told = eventually(training, "the end of the training", 150)
    assert "not enough recorded history" in told["message"], told
    assert f"{SITE}: " in told["message"], told
    site.kubectl("delete", "twinmodel", NAME, "-n", SITE, "--wait=true", "--timeout=60s")


def test_a_runner_that_is_killed_predicts_from_whole_windows_at_once(
    site: Harness, own_rack: str, history_token: None
) -> None:
    """Windows come back from InfluxDB: what was measured before the runner lived is in its first prediction."""
    began = now_ms()
    # An inlet that goes up and down within 20 minutes, which nobody sees in its last reading alone.
    past = [(began - minute * 60_000, 24.0 + 1.5 * np.sin(minute * np.pi / 10)) for minute in range(MINUTES, 0, -1)]
    with site.mqtt(site.login("rack", RACK)) as client:
        for seq, (at, top) in enumerate(past):
            site.publish(client, "telemetry", climate(at, seq, top=round(float(top), 2), bottom=20.0))
        eventually(lambda: len(site.points("environment", own_rack, "temperature", "-2h")) >= 2 * MINUTES, "in history")
        site.apply(twin_model())
        eventually(lambda: (said := condition(site, "Ready")) and said[0] == "True", "it serves", 90)
        first = eventually(runner, "its process")
        first.send_signal(signal.SIGKILL)
        second = eventually(lambda: (found := runner()) and found.pid != first.pid and found, "another process", 90)
        # As many as there are minutes and channels, give or take the edges of the window.
        eventually(lambda: restored(second) > 3 * (MINUTES - 5), "windows out of history", 90)

        def predicted() -> dict[str, Any] | None:
            at = now_ms()
            past.append((at, 24.0))
            site.publish(client, "telemetry", climate(at, at // 1000, top=24.0, bottom=20.0))
            found = site.properties(own_rack, f"prediction.{MODEL}.top") or {}
            return found if found.get("basedOn", 0) > began and found.get("value") is not None else None

        told = eventually(predicted, "its prediction", 90, every_s=1)
    whole, short = widths(told["issuedAt"], [(at, top) for at, top in past if at <= told["basedOn"]])
    width = told["hi"] - told["lo"]
    assert abs(width - whole) < abs(width - short), (width, whole, short)

    site.kubectl("delete", "twinmodel", NAME, "-n", SITE, "--wait=true", "--timeout=60s")


def test_a_model_that_is_refused_says_why_then_serves_and_goes(site: Harness, own_rack: str) -> None:
    site.apply(twin_model(artifact={"configMap": f"model-{MODEL}", "sha256": "0" * 64}))
    refused = eventually(
        lambda: (said := condition(site, "Serving")) and said[1] == "ModelRefused" and said, "the reason", 120
    )
    assert "spec.artifact.sha256" in refused[2]
    assert condition(site, "Ready") == refused
    assert condition(site, "Trained")[0] == "True"  # type: ignore[index]

    site.apply(twin_model())
    eventually(lambda: (said := condition(site, "Ready")) and said[0] == "True", "it serves", 120)
    with site.mqtt(site.login("rack", RACK)) as client:
        site.publish(client, "telemetry", climate(now_ms(), 1, top=24.0, bottom=21.5, power=6000.0))
        eventually(
            lambda: (site.properties(own_rack, f"prediction.{MODEL}.top") or {}).get("value"),
            "a prediction on the twin",
            120,
        )

    site.kubectl("delete", "twinmodel", NAME, "-n", SITE, "--wait=true", "--timeout=120s")
    assert site.get("deployment", f"model-{NAME}") is None
