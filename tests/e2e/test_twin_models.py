"""Promise: a TwinModel serves the things it selects, says why it does not, and goes without leaving anything."""

from __future__ import annotations

import os
from typing import Any

import pytest
from tests.e2e.conftest import MODEL, SITE, rack
from tests.e2e.harness import Harness, climate, eventually, now_ms

RACK = f"served-{os.getpid()}"
NAME = f"own-{os.getpid()}"


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
