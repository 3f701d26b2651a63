"""What can be done to a running stack so that something is wrong in it: at the simulated plant, as a device, at a file.

Nothing is written onto twins: what is found is found by the processes whose work that is. Everything is taken back by
:meth:`Stage.tidy`. Next: `trials`.
"""

from __future__ import annotations

import base64
import datetime
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dashboards.provoke.quick import Quick
from local_stack import Stack
from local_stack.stack import StackError
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import device_secret, thing_id
from racktwin.settings import DittoSettings

# A server that stands in a rack for the time of the run: a device whose messages nobody else sends.
SERVER: Final = "alerts-check"
_PATIENCE_S: Final = 60.0
_MERGE: Final = "application/merge-patch+json"
# What is noted of models beside their versions.
_NOTES: Final = ("state*.json", "inputs*.json", "training*.json", "refused*.json")
# What the stack's own process may still have been writing when it was stopped.
_OLD_MS: Final = 60_000
_NEEDED: Final = ("gateway", "guard", "alerting", "scorecard", "fidelity", "upkeep", "historian", "hono-http")

# Times of the processes for the run. Alerting keeps a share of every time it knows; see `trials.SCALE`.
ALERTING: Final = {
    "RACKTWIN_ALERTING_CERTIFICATES_EVERY_S": "2",
    "RACKTWIN_ALERTING_EVERY_S": "1",
    "RACKTWIN_ALERTING_ALL_EVERY_S": "3",
    # Ends are counted, and nothing is deleted: one that is on its way into history is not to be said again.
    "RACKTWIN_ALERTING_HISTORY_AFTER_S": "3600",
}
# The shortest forecasts are for five minutes: a verdict rests on a minute's scores, so that it does not take longer.
# Within a minute, that racks' power is told better than by what it was is chance.
SCORECARD: Final = {
    "RACKTWIN_SCORECARD_MODELS": "inlet-temperature",
    "RACKTWIN_SCORECARD_INTERVAL_S": "5",
    "RACKTWIN_SCORECARD_RECENT_S": "20",
    "RACKTWIN_SCORECARD_LEAST": "50",
}
# Each second instead of each minute, 15 s ahead instead of 15 min, once it has known the room for three minutes.
FIDELITY: Final = {
    "RACKTWIN_FIDELITY_EVERY_S": "1",
    "RACKTWIN_FIDELITY_TIME_SCALE": f"{1 / 60:.6f}",
    "RACKTWIN_FIDELITY_FIRST_STEP": "180",
    "RACKTWIN_FIDELITY_KEPT_STEPS": "90",
}
# Means of 5 s over 7.5 min instead of 2 min over 3 h.
UPKEEP: Final = {"RACKTWIN_UPKEEP_INTERVAL_S": "10", "RACKTWIN_UPKEEP_SUDDEN_SCALE": f"{1 / 24:.6f}"}


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
        self._faults_before = _text(self._faults_file)
        self._home = Path(stack.instance.data("alerts-check"))
        self._certificate = self._home / "listener.crt"
        self._quick = Quick(stack, self._home)
        # Thing -> prefix of features, and those that stood there before.
        self._aside: dict[str, tuple[str, dict[str, Any]]] = {}
        self._prepared_at = 0
        self._rack: str | None = None
        self._login: Mapping[str, str] = {}
        self._number = 0
        self._left_out: list[int] = []

    # What is wrong

    def break_plant(self, fault: Mapping[str, Any], *, mend: bool = False) -> None:
        """Give the simulated plant a fault, or take it away."""
        kept = [each for each in self._faults if each != fault]
        self._faults = kept if mend else [*kept, dict(fault)]
        self._faults_file.write_text(json.dumps(self._faults), encoding="utf-8")

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

    def insist(self, unit: str) -> None:
        """Command a unit that is deaf, until a command has had no answer. It hears the first where its fault has not
        come to it yet."""
        if not any(fault["target"] == thing_id(self.site, "cooling", unit) for fault in self._faults):
            return
        last = self._control(unit).get("lastCommand") or {}
        if last.get("state") not in ("requested", "timed out") or last.get("at", 0) < self._prepared_at:
            self._set(unit, wait="1s")

    def command(self, unit: str) -> None:
        """Really command a unit: the set-point that it has. It answers, by way of guard and Hono."""
        done = self._set(unit, wait="40s")
        if done.returncode != 0:
            raise StageError(f"racktwin set cooling/{unit}: {(done.stderr or done.stdout).strip()[-300:]}")

    def skill(self, rack: str) -> float | None:
        """How much better than assuming no change a rack's forecasts were; None before that is known in this run."""
        thing = self._ditto.get_thing(thing_id(self.site, "rack", rack)) or {}
        found = ((thing.get("features") or {}).get("fidelity") or {}).get("properties") or {}
        return found.get("skill") if found.get("observedAt", 0) > self._prepared_at + _OLD_MS else None

    def anomaly(self, rack: str) -> float:
        """Score of what is unusual about a rack, 0 to 1; 0 where nothing says."""
        thing = self._ditto.get_thing(thing_id(self.site, "rack", rack)) or {}
        found = ((thing.get("features") or {}).get("anomaly") or {}).get("properties") or {}
        return float(found.get("score") or 0.0)

    def _control(self, unit: str) -> dict[str, Any]:
        thing = self._ditto.get_thing(thing_id(self.site, "cooling", unit)) or {}
        found: dict[str, Any] = thing["features"]["control"]["properties"]
        return found

    def _set(self, unit: str, *, wait: str) -> subprocess.CompletedProcess[str]:
        value = f"setpoint={self._control(unit)['setpoint']:g}"
        return self.racktwin(
            "set", f"cooling/{unit}", value, "--site", self.site, "--who", "alerts-check", "--wait", wait
        )

    # The run

    def racktwin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The `racktwin` command on this stack."""
        command = [sys.executable, "-m", "racktwin_cli", "--stack", self._stack.instance.name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    def prepare(self, rack: str, judged: str, scale: float, calm_scale: float) -> None:
        """Processes in quicker time, and a server of the run's own in a rack. ``judged``: rack whose fidelity is told
        anew.

        Raises:
            StageError: the stack does not run as it should.
        """
        states = {row.name: row.state for row in self._stack.status()}
        missing = [name for name in _NEEDED if states.get(name) != "ready"]
        if missing:
            raise StageError(f"{', '.join(missing)}: not ready; start the stack first (`make demo`)")
        self._prepared_at = _now()
        self._home.mkdir(parents=True, exist_ok=True)
        self.certificate(90)
        self._set_aside("site", self.site, "model.", {"state": "well"})
        self._set_aside("rack", judged, "fidelity", {"skill": 1.0})
        # Judged by the promises of the versions that serve, but nothing is noted of them: no training begins.
        copy = self._home / "registry"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._stack.instance.data("registry"), copy, ignore=shutil.ignore_patterns(*_NOTES))
        self._quick.run("scorecard", {**SCORECARD, "RACKTWIN_REGISTRY_URL": str(copy)})
        self._quick.run("fidelity", FIDELITY)
        self._quick.run("upkeep", UPKEEP)
        self._add_server(rack)
        self._introduce()
        watched = {"RACKTWIN_ALERTING_CERTIFICATES": str(self._certificate)}
        scales = {"RACKTWIN_ALERTING_TIME_SCALE": str(scale), "RACKTWIN_ALERTING_CALM_SCALE": str(calm_scale)}
        self._quick.run("alerting", {**ALERTING, **watched, **scales})

    def check(self) -> None:
        """Look whether what is needed still runs.

        Raises:
            StageError: a process has ended.
        """
        dead = self._quick.dead()
        if dead:
            raise StageError(f"ended by itself: {', '.join(dead)}")

    def _set_aside(self, kind: Any, name: str, prefix: str, well: Mapping[str, Any]) -> None:
        """Let features of a twin be well until they are found anew: what they say was found before the run."""
        thing = thing_id(self.site, kind, name)
        features = (self._ditto.get_thing(thing) or {}).get("features") or {}
        self._aside[thing] = prefix, {key: value for key, value in features.items() if key.startswith(prefix)}
        for feature in self._aside[thing][1]:
            self._merge(thing, feature, {"properties": dict(well)})

    def _put_back(self) -> None:
        for thing, (prefix, features) in self._aside.items():
            now = (self._ditto.get_thing(thing) or {}).get("features") or {}
            for feature in {key for key in now if key.startswith(prefix)} - features.keys():
                self._ditto.request("DELETE", f"/api/2/things/{thing}/features/{feature}")
            for feature, content in features.items():
                self._merge(thing, feature, content)
        self._aside.clear()

    def _merge(self, thing: str, feature: str, content: Mapping[str, Any]) -> None:
        path = f"/api/2/things/{thing}/features/{feature}"
        answer = self._ditto.request("PATCH", path, json=dict(content), headers={"Content-Type": _MERGE})
        if not answer.ok:
            raise StageError(f"PATCH {path}: {answer.status_code} {answer.text[:200]}")

    def _introduce(self) -> None:
        """Send until ingest knows the new server: numbers of strangers are not counted."""
        thing, until = thing_id(self.site, "server", SERVER), time.monotonic() + _PATIENCE_S
        problem = "nothing of what was sent stands on the twin"
        while time.monotonic() < until:
            try:
                self._send(1)
            except StageError as error:
                # Of a server of the same name that a run before has just taken away, Hono still knows the password.
                problem = str(error)
            time.sleep(1.0)
            features = (self._ditto.get_thing(thing) or {}).get("features") or {}
            if (features.get("cpu") or {}).get("properties", {}).get("utilization") is not None:
                self.send()
                return
        raise StageError(f"{thing}: {problem} after {_PATIENCE_S:.0f} s")

    def tidy(self) -> None:
        """Mend everything, and let the stack's own processes run as before. All of it is tried, whatever fails.

        Raises:
            StageError: something could not be taken back; the text says what.
        """
        problems = []
        for step in (
            self._mend_plant,
            self._fill_in,
            self._quick.stop,
            self._put_back,
            self._quick.restore,
            self._remove_certificates,
            self._remove_server,
        ):
            try:
                step()
            except (StageError, StackError, DittoError, requests.RequestException, OSError) as error:
                problems.append(str(error))
        shutil.rmtree(self._home / "registry", ignore_errors=True)
        if problems:
            raise StageError(f"not all is as before: {'; '.join(problems)}; `make demo` mends the stack")

    def _mend_plant(self) -> None:
        self._faults = []
        if self._faults_before is None:
            self._faults_file.unlink(missing_ok=True)
        else:
            self._faults_file.write_text(self._faults_before, encoding="utf-8")

    def _fill_in(self) -> None:
        """Send the numbers that were left out."""
        for number in self._left_out if self._login else ():
            self._send(number)
        self._left_out = []

    def _remove_certificates(self) -> None:
        thing = thing_id(self.site, "site", self.site)
        self._ditto.request("DELETE", f"/api/2/things/{thing}/features/certificates")

    def _remove_server(self) -> None:
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


def _now() -> int:
    return int(time.time() * 1000)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
