"""`python -m dcim` as a process: a webhook of NetBox, signed, and the resource is there; unsigned, and nothing
happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests
from tests.contract.crds.conftest import Kubectl
from tests.contract.neighbours.waiting import END_S, until
from tests.unit.netbox_fake import TOKEN
from tests.unit.netbox_site import Hall

from dcim.receiver import signature
from local_stack import Stack
from racktwin.ports import free_port

SECRET = "of-this-test-alone-and-long-enough"


def test_a_signed_webhook_brings_the_resources_in_step(kubectl: Kubectl, site: str, hall: Hall, tmp_path: Path) -> None:
    stack = Stack(os.environ.get("RACKTWIN_STACK", "test"))
    hall.rack("r1")
    port = free_port()
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    environment = {
        "RACKTWIN_NETBOX_URL": hall.fake.url, "RACKTWIN_NETBOX_TOKEN_FILE": str(token),
        "RACKTWIN_NETBOX_PER_SECOND": "1000", "RACKTWIN_DCIM_SITE": site, "RACKTWIN_DCIM_APPLY": "true",
        "RACKTWIN_DCIM_EVERY_S": "3600", "RACKTWIN_DCIM_SETTLE_S": "0.1", "RACKTWIN_DCIM_PORT": str(port),
        "RACKTWIN_DCIM_WEBHOOK_SECRET": SECRET, "RACKTWIN_HEALTH_PORT": "0",
        # Nobody there: power is not written back, and the rest goes on.
        "RACKTWIN_DITTO_URL": "http://127.0.0.1:1",
    }  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", "dcim"],
            env={**os.environ, **stack.user_env(), **environment},
            stdout=out,
            stderr=out,
        )

    def serial(name: str) -> str | None:
        done = kubectl.run("get", "rack", name, "-n", site, "-o", "jsonpath={.spec.serial}")
        return done.stdout if done.returncode == 0 else None

    def hook(signed: bool) -> int:
        body = json.dumps({"event": "updated", "model": "rack", "data": {}}).encode()
        headers = {
            "X-Hook-Signature": signature(body, SECRET if signed else "another"),
            "Content-Type": "application/json",
        }
        try:
            return requests.post(f"http://127.0.0.1:{port}/netbox", data=body, headers=headers, timeout=60).status_code
        except requests.ConnectionError:
            return 0

    try:
        until(lambda: serial("r1") is not None, log.read_text)
        (rack,) = hall.fake.objects["dcim/racks"].values()
        until(lambda: rack["custom_fields"]["racktwin_thing_id"] == f"racktwin.{site}:rack-r1", log.read_text)
        # Its round is over: what it asks from now on, a webhook made it ask.
        until(lambda: "compared with NetBox" in log.read_text(), log.read_text)
        rack["serial"] = "new"
        asked = len(hall.fake.requests)
        until(lambda: hook(signed=False) == 401, log.read_text)
        time.sleep(1)
        assert len(hall.fake.requests) == asked and serial("r1") == ""
        assert hook(signed=True) == 202
        until(lambda: serial("r1") == "new", log.read_text)
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(END_S) == 0, log.read_text()[-3000:]
