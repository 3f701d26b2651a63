"""The chart's Kafka on a real broker: its settings and start script, then users and rights as the Job makes them.

Only paths and addresses are replaced, since it runs outside a pod. What a user may and may not do is tried over TLS.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from check_charts import rendering
from check_charts.tools import CheckError, build, run
from local_stack.pki import Authority
from local_stack.toolchain.catalogue import KAFKA
from local_stack.toolchain.jdk import find_jdk
from racktwin.ports import free_port

_START_S: Final = 60.0
_SCRIPTS: Final = {"kafka-storage": "kafka.tools.StorageTool", "kafka-server-start": "kafka.Kafka"}


def secured(say: Callable[[str], None]) -> list[str]:
    """Start it, make the users, try their rights; what is wrong, a line each. Raises CheckError."""
    build([KAFKA])
    documents = {f"{d['kind']}/{d['metadata']['name']}": d for d in rendering.render("laptop")}
    settings = documents[f"ConfigMap/{rendering.SITE}-kafka"]["data"]
    access = documents[f"ConfigMap/{rendering.SITE}-kafka-access"]["data"]["access.yaml"]
    with tempfile.TemporaryDirectory(prefix="racktwin-kafka-") as name:
        folder = Path(name)
        ports = {str(port): str(free_port()) for port in (9093, 9094, 9095)}
        _prepare(folder, settings, ports)
        passwords = {"admin": secrets.token_hex(16)}
        for user in yaml.safe_load(access):
            passwords[user] = secrets.token_hex(16)
            (folder / "users" / user).write_text(passwords[user], encoding="utf-8")
        (folder / "access.yaml").write_text(access, encoding="utf-8")
        process = _start(folder, passwords["admin"])
        try:
            client = _Client(f"localhost:{ports['9093']}", folder / "trust" / "ca.crt", passwords, folder / "kafka.log")
            client.await_broker(process)
            return _try_rights(client, folder, say)
        finally:
            process.terminate()
            process.wait(60)


def _prepare(folder: Path, settings: dict[str, str], ports: dict[str, str]) -> None:
    def moved(text: str) -> str:
        for inside, outside in (
            # First, because the others may lead there.
            ("/tmp/", f"{folder}/"),
            ("/var/lib/kafka/data", folder / "data"),
            ("/etc/racktwin", folder),
            ("/opt/kafka/bin", folder / "bin"),
        ):
            text = text.replace(inside, str(outside))
        for inside, outside in ports.items():
            text = text.replace(f":{inside}", f":{outside}")
        host = f"{rendering.SITE}-kafka-0.{rendering.SITE}-kafka-nodes.{rendering.SITE}.svc"
        return text.replace(host, "localhost").replace("${HOSTNAME}.${KAFKA_DOMAIN}", "localhost")

    for name in ("kafka", "bin", "tls", "trust", "users"):
        (folder / name).mkdir()
    for name, text in settings.items():
        (folder / "kafka" / name).write_text(moved(text), encoding="utf-8")
    java = find_jdk() / "bin" / "java"
    for name, main_class in _SCRIPTS.items():
        script = folder / "bin" / f"{name}.sh"
        script.write_text(f'#!/bin/bash\nexec "{java}" $KAFKA_HEAP_OPTS -cp "{KAFKA.folder}/lib/*" {main_class} "$@"\n')
        script.chmod(0o755)
    authority = Authority(folder / "pki", "check")
    pair = authority.issue("kafka", "kafka", hosts=("localhost",))
    (folder / "tls" / "tls-combined.pem").write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
    (folder / "trust" / "ca.crt").write_bytes(authority.pair.certificate.read_bytes())


def _start(folder: Path, password: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "HOSTNAME": f"{rendering.SITE}-kafka-0",
        "KAFKA_DOMAIN": "unused",
        "KAFKA_CLUSTER": secrets.token_hex(11),
        "KAFKA_HEAP_OPTS": "-Xmx384m",
        "BROKER_PASSWORD": secrets.token_hex(16),
        "ADMIN_PASSWORD": password,
    }
    command = ["setpriv", "--pdeathsig", "KILL", "--", "bash", str(folder / "kafka" / "start.sh")]
    with (folder / "kafka.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


class _Client:
    """Connections to the broker as one of its users."""

    def __init__(self, bootstrap: str, authority: Path, passwords: dict[str, str], log: Path) -> None:
        self.bootstrap, self.authority, self.passwords, self.log = bootstrap, authority, passwords, log

    def config(self, user: str, **more: Any) -> dict[str, Any]:
        """librdkafka's settings."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": self.passwords[user],
            "log_level": 0,
            **more,
        }

    def await_broker(self, process: subprocess.Popen[bytes]) -> None:
        """Until the administrator is let in. Raises CheckError."""
        admin = AdminClient(self.config("admin"))
        deadline = time.monotonic() + _START_S
        while True:
            try:
                admin.list_topics(timeout=3)
                return
            except KafkaException as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    said = self.log.read_text(errors="replace")[-1500:]
                    raise CheckError(f"Kafka did not start: {error}\n{said}") from error

    def may_write(self, user: str, topic: str) -> bool:
        """Whether a record of the user's is taken."""
        failed: list[str] = []
        producer = Producer(self.config(user, **{"message.timeout.ms": 8000}))
        producer.produce(topic, b"{}", on_delivery=lambda error, _: failed.append(str(error)) if error else None)
        producer.flush(10)
        return not failed

    def make(self, topic: str) -> None:
        """Make a topic as the operator does. Raises KafkaException."""
        # Kept: what a client waits for ends with it.
        admin = AdminClient(self.config("operator"))
        for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
            future.result(15)


def _try_rights(client: _Client, folder: Path, say: Callable[[str], None]) -> list[str]:
    environment = {
        "RACKTWIN_KAFKA_BOOTSTRAP": client.bootstrap,
        "RACKTWIN_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "RACKTWIN_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "RACKTWIN_KAFKA_USERNAME": "admin",
        "RACKTWIN_KAFKA_PASSWORD": client.passwords["admin"],
        "RACKTWIN_KAFKA_CA_FILE": str(client.authority),
        "RACKTWIN_PROVISION_ACCESS": str(folder / "access.yaml"),
        "RACKTWIN_PROVISION_USERS": str(folder / "users"),
    }
    command = [sys.executable, "-m", "provision", "kafka", "--json"]
    first, second = (json.loads(run(command, environment=environment)) for _ in range(2))
    wrong = []
    if second["new"] or second["gone"]:
        wrong.append(f"Kafka: the second run changed {second['new'] + second['gone']} rights")
    readings, command_topic = f"racktwin.readings.{rendering.SITE}", f"hono.command.{rendering.SITE}"
    twin, models = (f"racktwin.{what}.{rendering.SITE}" for what in ("twin", "models"))
    for topic in (readings, command_topic, twin, models):
        client.make(topic)
    for user, topic, expected in (
        ("ingest", readings, True),
        ("guard", command_topic, True),
        ("ingest", command_topic, False),
        ("doctor", readings, False),
        ("model", models, True),
        ("model", twin, False),
        ("ingest", models, False),
        ("scenario", twin, True),
        ("scenario", models, False),
    ):
        if client.may_write(user, topic) is not expected:
            wrong.append(f"Kafka: {user} {'may not' if expected else 'may'} write to {topic}")
    say(f"Kafka: {first['users']} users with {first['rights']} rights on a broker with TLS")
    return wrong
