"""What can be done to a running stack so that something is wrong in it: at the simulated plant, as a device, on a twin.

Everything is taken back by :meth:`Stage.tidy`. Next: `trials`.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import requests
from confluent_kafka import Producer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local_stack import Stack
from racktwin.ditto_client import DittoClient
from racktwin.messages import Reading, encode
from racktwin.names import device_secret, own_topic, thing_id
from racktwin.settings import DittoSettings

# A server that stands in a rack for the time of the run: a device whose messages nobody else sends.
SERVER: Final = "alerts-check"
_PATIENCE_S: Final = 60.0
_MERGE: Final = "application/merge-patch+json"


class StageError(Exception):
    """The stack does not do what the run needs; the text says what."""


class Stage:
    """One site on a running stack."""

    def __init__(self, stack: Stack, site: str) -> None:
        self.site = site
        self._stack = stack
        self._where = stack.endpoints()
        settings = DittoSettings(ditto_url=self._where["ditto_url"], ditto_subject="nginx:operator")
        self._ditto = DittoClient(settings, timeout_s=20)
        self._faults: list[dict[str, Any]] = []
        self._faults_file = Path(stack.instance.data("gateway")) / "faults.json"
        self._home = Path(stack.instance.data("alerts-check"))
        self._certificate = self._home / "listener.crt"
        self._alerting: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._rack: str | None = None
        self._login: Mapping[str, str] = {}
        self._number = 0
        self._left_out: list[int] = []
        # Features of the site's twin that nobody else would take off again.
        self._written: set[str] = set()

    # What is wrong

    def break_plant(self, fault: Mapping[str, Any], *, mend: bool = False) -> None:
        """Give the simulated plant a fault, or take it away."""
        kept = [each for each in self._faults if each != fault]
        self._faults = kept if mend else [*kept, dict(fault)]
        self._faults_file.write_text(json.dumps(self._faults), encoding="utf-8")

    def write_feature(self, kind: Any, name: str, feature: str, properties: Mapping[str, Any] | None) -> None:
        """Write a verdict onto a twin, and of the run's own server into the history too, as the process whose it is
        would; None takes the feature off."""
        thing = thing_id(self.site, kind, name)
        path = f"/api/2/things/{thing}/features/{feature}"
        if properties is None:
            self._ditto.request("DELETE", path)
            return
        self._merge(path, {"properties": dict(properties)})
        if kind == "site":
            self._written.add(feature)
        if name == SERVER:
            self._into_history(thing, feature, properties)

    def _into_history(self, thing: str, feature: str, properties: Mapping[str, Any]) -> None:
        now = _now()
        reading = Reading(
            v=1,
            thing=thing,
            feature=feature,
            observed_at=now,
            received_at=now,
            values=dict(properties),
            quality="good",
            device=SERVER,
            kind="server",
        )
        producer = Producer({"bootstrap.servers": self._where["kafka_bootstrap"], "enable.idempotence": True})
        producer.produce(own_topic("readings", self.site), encode(reading), thing)
        producer.flush(10)

    def send(self, *, skip: int = 0) -> None:
        """Send a numbered message as the run's own server, over Hono's HTTP adapter; ``skip`` leaves numbers out."""
        self._left_out += range(self._number + 1, self._number + 1 + skip)
        self._number += 1 + skip
        self._send(self._number)

    def _send(self, number: int) -> None:
        pack = [{"n": "cpu/utilization", "u": "%", "v": 1.0}, {"n": "seq", "v": number}]
        answer = requests.post(
            f"{self._login['httpUrl']}/telemetry",
            data=json.dumps(pack),
            auth=(self._login["username"], self._login["password"]),
            headers={"Content-Type": "application/senml+json", "qos-level": "1"},
            timeout=20,
        )
        if not answer.ok:
            raise StageError(f"Hono's HTTP adapter: {answer.status_code} {answer.text[:200]}")

    def certificate(self, days: float) -> None:
        """Put a certificate that ends in so many days where alerting watches one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
            .sign(key, hashes.SHA256())
        )
        self._certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def no_answer(self, unit: str) -> None:
        """Say on a unit's twin, as the guard does, that it did not answer a command."""
        thing = thing_id(self.site, "cooling", unit)
        last = {"id": "alerts-check", "state": "timed out", "origin": "cli", "who": "alerts-check", "at": _now()}
        self._merge(f"/api/2/things/{thing}/features/control/properties/lastCommand", last)

    def command(self, unit: str) -> None:
        """Really command a unit: the set-point that it has. It answers, by way of guard and Hono."""
        thing = self._ditto.get_thing(thing_id(self.site, "cooling", unit)) or {}
        setpoint = thing["features"]["control"]["properties"]["setpoint"]
        done = self.racktwin(
            "set", f"cooling/{unit}", f"setpoint={setpoint:g}", "--site", self.site, "--who", "alerts-check"
        )
        if done.returncode != 0:
            raise StageError(f"racktwin set cooling/{unit}: {(done.stderr or done.stdout).strip()[-300:]}")

    # The run

    def racktwin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The `racktwin` command on this stack."""
        command = [sys.executable, "-m", "racktwin_cli", "--stack", self._stack.instance.name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    def prepare(self, rack: str, scale: float) -> None:
        """Alerting in quicker time, a server of the run's own, and no fidelity process to write over what is written.

        Raises:
            StageError: the stack does not run as it should.
        """
        states = {row.name: row.state for row in self._stack.status()}
        missing = [name for name in ("gateway", "alerting", "historian", "hono-http") if states.get(name) != "ready"]
        if missing:
            raise StageError(f"{', '.join(missing)}: not ready; start the stack first (`make demo`)")
        self._home.mkdir(parents=True, exist_ok=True)
        self.certificate(90)
        self._add_server(rack)
        self._introduce()
        self._pause("fidelity", signal.SIGSTOP)
        self._stack.halt("alerting")
        environment = {
            **os.environ,
            **self._stack.env_for("alerting"),
            "RACKTWIN_ALERTING_TIME_SCALE": str(scale),
            "RACKTWIN_ALERTING_CERTIFICATES": str(self._certificate),
            "RACKTWIN_ALERTING_CERTIFICATES_EVERY_S": "2",
            "RACKTWIN_ALERTING_EVERY_S": "1",
            "RACKTWIN_ALERTING_ALL_EVERY_S": "3",
        }
        self._log = (self._home / "alerting.log").open("ab")
        self._alerting = subprocess.Popen(
            [sys.executable, "-m", "alerting"], env=environment, stdout=self._log, stderr=self._log
        )
        self.calm()

    def _pause(self, component: str, how: signal.Signals) -> None:
        """Stop a process where it is, or let it go on: it keeps what it has learnt, which a restart would cost."""
        process = self._stack.process(component)
        if process is not None and process.pid > 0:
            os.kill(process.pid, how)

    def calm(self) -> None:
        """Let the real models be well on the twin: the faults of a run make their predictions wrong, which would fire
        before the trial does. The scorecard writes what it finds again each minute."""
        thing = self._ditto.get_thing(thing_id(self.site, "site", self.site)) or {}
        for feature, content in (thing.get("features") or {}).items():
            state = (content.get("properties") or {}).get("state")
            if feature.startswith("model.") and feature not in self._written and state not in (None, "well"):
                self._merge(f"/api/2/things/{thing['thingId']}/features/{feature}/properties", {"state": "well"})

    def _introduce(self) -> None:
        """Send until ingest knows the new server: numbers of strangers are not counted."""
        thing, until = thing_id(self.site, "server", SERVER), time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            self._send(1)
            time.sleep(1.0)
            features = (self._ditto.get_thing(thing) or {}).get("features") or {}
            if (features.get("cpu") or {}).get("properties", {}).get("utilization") is not None:
                self.send()
                return
        raise StageError(f"{thing}: nothing of what was sent stands on the twin after {_PATIENCE_S:.0f} s")

    def tidy(self) -> None:
        """Mend everything, and let alerting and fidelity run as before."""
        for number in self._left_out if self._login else ():
            self._send(number)
        self._left_out = []
        self._faults = []
        self._faults_file.write_text("[]", encoding="utf-8")
        if self._alerting is not None:
            self._alerting.terminate()
            self._alerting.wait(30)
        if self._log is not None:
            self._log.close()
        self._pause("fidelity", signal.SIGCONT)
        self._stack.ensure(["alerting", "fidelity"])
        for feature in sorted(self._written | {"certificates"}):
            self.write_feature("site", self.site, feature, None)
        if self._rack is not None:
            self._set_servers(self._rack, [each for each in self._servers(self._rack) if each["name"] != SERVER])

    def _add_server(self, rack: str) -> None:
        self._rack = rack
        others = [each for each in self._servers(rack) if each["name"] != SERVER]
        self._set_servers(rack, [*others, {"name": SERVER, "position": 1, "uHeight": 1, "allocatedDrawW": 1}])
        secret, until = device_secret("server", SERVER), time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            found = self._kubectl("get", "secret", secret, "-n", self.site, "-o", "json")
            if found.returncode == 0 and self._ditto.get_thing(thing_id(self.site, "server", SERVER)):
                data: dict[str, str] = json.loads(found.stdout)["data"]
                self._login = {key: base64.b64decode(value).decode() for key, value in data.items()}
                return
            time.sleep(1.0)
        raise StageError(f"server {SERVER} in rack {rack}: no twin and Secret within {_PATIENCE_S:.0f} s")

    def _servers(self, rack: str) -> list[dict[str, Any]]:
        found = self._kubectl("get", "rack", rack, "-n", self.site, "-o", "json")
        if found.returncode != 0:
            raise StageError(f"rack {rack}: {found.stderr.strip()}")
        servers: list[dict[str, Any]] = json.loads(found.stdout)["spec"].get("servers") or []
        return servers

    def _set_servers(self, rack: str, servers: list[dict[str, Any]]) -> None:
        patch = json.dumps({"spec": {"servers": servers}})
        done = self._kubectl("patch", "rack", rack, "-n", self.site, "--type", "merge", "-p", patch)
        if done.returncode != 0:
            raise StageError(f"rack {rack}: {done.stderr.strip()}")

    def _kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self._where["kubectl"], "--kubeconfig", self._where["kubeconfig"], *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def _merge(self, path: str, body: Any) -> None:
        answer = self._ditto.request("PATCH", path, json=body, headers={"Content-Type": _MERGE})
        if not answer.ok:
            raise StageError(f"PATCH {path}: {answer.status_code} {answer.text[:200]}")


def _now() -> int:
    return int(time.time() * 1000)
