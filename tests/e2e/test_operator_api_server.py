"""Promise: the API server may die; the operator's own watches come back, and what was applied since is made."""

from __future__ import annotations

import os
import signal

from tests.e2e.conftest import SITE, rack
from tests.e2e.harness import Harness, eventually
from tests.e2e.test_operator_replicas import metric, of_the_stack

from local_stack import Stack


def test_racks_are_made_and_mended_after_the_api_server_died(stack: Stack, site: Harness) -> None:
    operator = of_the_stack(stack)
    site.apply(rack("outlive-1"))
    site.wait_ready("rack", "outlive-1")
    restarts = metric(operator.url, "racktwin_operator_watch_restarts_total")
    server = stack.process("kube-apiserver")
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)

    def answers() -> bool:
        return site.kubectl("get", "--raw", "/readyz", check=False).returncode == 0

    eventually(answers, "the API server back", 180)
    site.apply(rack("outlive-1", facilityId="moved"), rack("outlive-2"))
    # Until the operator has tried again, the longest wait of which is eight seconds.
    for name in ("outlive-1", "outlive-2"):
        site.wait_ready("rack", name)
    thing = site.ditto.get_thing(site.thing("rack", "outlive-1"))
    assert thing is not None
    assert thing["attributes"]["facilityId"] == "moved"
    # The same process, with its watches taken up again.
    assert of_the_stack(stack).pid == operator.pid
    assert metric(operator.url, "racktwin_operator_watch_restarts_total") > restarts
    for name in ("outlive-1", "outlive-2"):
        site.kubectl("delete", "rack", name, "-n", SITE, "--wait=false")
