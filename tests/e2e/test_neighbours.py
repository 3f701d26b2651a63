"""A site that comes from NetBox, whose server is a Kubernetes node: from NetBox's objects to the load on its twin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.contract.neighbours.test_nodes import Say, cluster_documents, metrics_server
from tests.e2e.harness import Harness, eventually
from tests.unit.netbox_fake import TOKEN
from tests.unit.netbox_site import Hall, fake, hall, netbox, settings

from local_stack import Stack

__all__ = ["fake", "hall", "metrics_server", "netbox", "settings"]


def test_from_netbox_to_the_load_of_a_node(
    stack: Stack, site: Harness, hall: Hall, metrics_server: tuple[int, Say], tmp_path: Path
) -> None:
    # As the Site is called: NetBox then has nothing to change in what other tests share.
    hall.site["name"] = "End-to-end tests"
    # Names of their own, for the stack may have been used before.
    own = f"nb-{uuid.uuid4().hex[:6]}"
    rack = hall.rack(own.upper(), serial="SN-1", at=hall.location("hall"))
    server = hall.device(f"{own}-web", rack, 7.0)
    thing = f"racktwin.{site.site}:server-{own}-web"

    def netbox_command(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [
                sys.executable, "-m", "racktwin_cli", "netbox", "sync", "--site", site.site,
                "--url", hall.fake.url, "--json", *arguments,
            ],
            env={**os.environ, **stack.user_env(), "RACKTWIN_NETBOX_TOKEN": TOKEN},
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode in {0, 3}, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    shown = netbox_command()
    assert [change["name"] for change in shown["changes"]] == [own]
    assert "applied" not in shown and site.get("rack", own) is None
    assert netbox_command("--apply")["problems"] == []
    site.wait_ready("rack", own)
    twin = site.ditto.get_thing(f"racktwin.{site.site}:rack-{own}")
    assert twin is not None
    assert (twin["attributes"]["netboxId"], twin["attributes"]["serial"]) == (rack["id"], "SN-1")
    assert hall.fake.objects["dcim/devices"][server["id"]]["custom_fields"]["racktwin_thing_id"] == thing

    port, say = metrics_server
    say("racktwin-test-node", "1")
    site.apply(*cluster_documents(port, site.site))
    status = {"status": {"capacity": {"cpu": "4", "memory": "8Gi"}}}
    site.kubectl(
        "patch", "node", "racktwin-test-node", "--subresource=status", "--type=merge", "-p", json.dumps(status)
    )
    resource = site.get("rack", own)
    assert resource is not None
    resource["spec"]["servers"][0]["followsNode"] = "racktwin-test-node"
    site.kubectl("replace", "-f", "-", stdin=json.dumps(resource))
    log = tmp_path / "nodes.log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "nodes"],
            env={
                **os.environ, **stack.user_env(), "RACKTWIN_NODES_SITE": site.site, "RACKTWIN_NODES_INTERVAL_S": "1",
                "RACKTWIN_NODES_REFRESH_S": "1", "RACKTWIN_HEALTH_PORT": "0",
            },
            stdout=out, stderr=out,
        )  # fmt: skip
    try:
        eventually(
            lambda: (site.properties(thing, "cpu") or {}).get("utilization") == 25.0, f"the node's load: {log}", 120
        )
        memory = site.properties(thing, "memory")
        assert memory is not None and memory["used"] == 2.0**30 and memory["total"] == 8 * 2.0**30
        # What NetBox does not know stays.
        assert netbox_command()["changes"] == []
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0, log.read_text()[-3000:]
        for document in cluster_documents(port, site.site):
            site.kubectl("delete", "--wait=false", "-f", "-", stdin=json.dumps(document), check=False)
        site.kubectl("delete", "rack", own, "-n", site.site, "--wait=false")
