"""Promise: what a model says on a twin, models alone may write, and they write nothing else."""

from __future__ import annotations

import uuid
from typing import Any

from tests.e2e.conftest import MODEL
from tests.e2e.harness import Harness, climate, eventually, now_ms

from racktwin.ditto_protocol import merge_features

SAID = f"prediction.{MODEL}.top"


def refused(site: Harness, connection: str) -> int:
    """Commands that Ditto refused the connection within the last hour."""
    found = site.ditto.request("GET", f"/api/2/connections/{connection}/metrics").json()
    counted: int = found["connectionMetrics"]["inbound"]["enforced"]["failure"]["PT1H"]
    return counted


def put(site: Harness, what: str, thing: str, *merges: dict[str, Any]) -> None:
    """Write merges of features to one of the site's topics, one after another."""
    producer = site.producer()
    for features in merges:
        producer.produce(site.own(what), merge_features(thing, features, uuid.uuid4().hex), thing)
        assert producer.flush(60) == 0


def test_models_alone_write_predictions_and_nothing_else(site: Harness, ready_rack: str) -> None:
    thing = site.thing("rack", ready_rack)

    def said() -> dict[str, Any]:
        return site.properties(thing, SAID) or {}

    def ahead() -> dict[str, Any]:
        return said().get("ahead") or {}

    with site.mqtt(site.login("rack", ready_rack)) as client:

        def predicted() -> bool:
            at = now_ms()
            site.publish(client, "telemetry", climate(at, at // 1000, top=24.0, bottom=21.0))
            return said().get("value") is not None

        eventually(predicted, "a prediction on the twin", 120, every_s=1)

    # A horizon that no model has: what comes from the runner meanwhile would not cover it.
    forged = {SAID: {"ahead": {"7": {"value": 99.0, "lo": 98.0, "hi": 100.0}}}}
    twin, models = (f"racktwin-{site.site}-{what}" for what in ("twin", "models"))
    before = refused(site, twin)
    # Records of one key are worked on in their order, so the second shows that the first was.
    mark = {"fidelity": {"parameters": {"e2e": uuid.uuid4().hex}}}
    put(site, "twin", thing, forged, mark)
    eventually(
        lambda: (
            ((site.properties(thing, "fidelity") or {}).get("parameters") or {}).items()
            >= mark["fidelity"]["parameters"].items()
        ),
        "the pipeline's own on the twin",
    )
    assert "7" not in ahead()
    assert refused(site, twin) > before

    before = refused(site, models)
    put(site, "models", thing, {"environment.top": {"temperature": 77.0}}, forged)
    eventually(lambda: "7" in ahead(), "what a model says on the twin")
    assert (site.properties(thing, "environment.top") or {})["temperature"] != 77.0
    assert refused(site, models) > before

    put(site, "models", thing, {SAID: {"ahead": {"7": None}}})
    eventually(lambda: "7" not in ahead(), "what a model took back off the twin")
    put(site, "twin", thing, {"fidelity": {"parameters": {"e2e": None}}})
