"""Promise: a deleted Site takes its own with it and disturbs no other; a new one is served without a restart."""

from __future__ import annotations

import os

from tests.e2e.conftest import rack
from tests.e2e.harness import Harness, climate, eventually, now_ms

from local_stack import Stack


def apply_site(harness: Harness) -> None:
    name = harness.site
    harness.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    harness.apply(
        {
            "apiVersion": "racktwin.io/v1alpha1",
            "kind": "Site",
            "metadata": {"name": name, "namespace": name},
            "spec": {"displayName": name, "rooms": [{"name": "hall", "widthM": 9, "depthM": 9, "heightM": 3}]},
        }
    )
    harness.wait_ready("site", name, 90)


def served(harness: Harness, name: str) -> None:
    """A rack of the site, its reading on the twin and in InfluxDB."""
    document = rack(name, gateways=[])
    document["metadata"]["namespace"] = document["spec"]["site"] = harness.site
    harness.apply(document)
    harness.wait_ready("rack", name)
    thing, observed = harness.thing("rack", name), now_ms()
    with harness.mqtt(harness.login("rack", name)) as client:
        harness.publish(client, "telemetry", climate(observed, 1, top=22.0, bottom=20.0))

    def shown() -> bool:
        properties = harness.properties(thing, "environment.top")
        return properties is not None and properties.get("observedAt") == observed

    eventually(shown, f"a reading of {harness.site} on its twin", 90)
    eventually(lambda: harness.points("environment", thing, "temperature"), "its point in InfluxDB")


def test_a_deleted_site_disturbs_no_other(stack: Stack, site: Harness) -> None:
    # New in each run: Hono's adapters remember for minutes the passwords of racks that were deleted.
    first, second, beside = (f"{name}-{os.getpid()}" for name in ("g", "n", "beside"))
    gone, new = Harness(stack.endpoints(), "gone"), Harness(stack.endpoints(), "new")
    apply_site(gone)
    served(gone, first)
    gone.kubectl("delete", "rack", first, "-n", "gone", "--wait=true", "--timeout=120s")
    gone.kubectl("delete", "site", "gone", "-n", "gone", "--wait=true", "--timeout=120s")
    admin = site.producer()
    # A broker learns of a deletion a moment after the controller has confirmed it.
    eventually(
        lambda: not [topic for topic in admin.list_topics(timeout=60).topics if topic.endswith(".gone")],
        "its topics gone",
    )
    assert gone.ditto.count(namespaces="racktwin.gone") == 0

    apply_site(new)
    served(new, second)
    served(site, beside)
    for harness, name in ((new, second), (site, beside)):
        harness.kubectl("delete", "rack", name, "-n", harness.site, "--wait=true", "--timeout=120s")
    new.kubectl("delete", "site", "new", "-n", "new", "--wait=true", "--timeout=120s")
