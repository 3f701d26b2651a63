"""Apache Kafka: one broker that is its own controller (KRaft), on loopback, small enough for a laptop."""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local_stack.component import Component, NotReadyError
from local_stack.components.java import java
from local_stack.instance import LOOPBACK, Instance
from local_stack.toolchain.catalogue import KAFKA

_LOG4J = """\
status=warn
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
"""


def _properties(instance: Instance) -> str:
    broker, controller = instance.port("kafka"), instance.port("kafka-controller")
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{broker},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{broker}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(instance.data("kafka")),
        # The operator creates topics with the partitions its Site asks for; a typing error must not.
        "auto.create.topics.enable": "false",
        "num.partitions": "3",
        "offsets.topic.replication.factor": "1",
        # One broker: 50 partitions of bookkeeping would only be files to open at each start.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Consumers of ours start together; waiting for more of them would only delay the first record.
        "group.initial.rebalance.delay.ms": "0",
        "log.retention.hours": "48",
        "log.segment.bytes": str(64 * 1024 * 1024),
        "log.retention.bytes": str(512 * 1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "controlled.shutdown.enable": "true",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _folder(instance: Instance) -> Path:
    return instance.config_dir / "kafka"


def _files(instance: Instance) -> Mapping[Path, str]:
    folder = _folder(instance)
    return {folder / "server.properties": _properties(instance), folder / "log4j2.properties": _LOG4J}


def _java(instance: Instance, main_class: str, heap_mb: int, *arguments: str, quick: bool) -> list[str]:
    log_flag = f"-Dlog4j2.configurationFile=file:{_folder(instance) / 'log4j2.properties'}"
    return [*java(KAFKA.folder / "lib", main_class, heap_mb, (log_flag,), quick=quick), *arguments]


def _command(instance: Instance) -> list[str]:
    return _java(instance, "kafka.Kafka", 512, str(_folder(instance) / "server.properties"), quick=False)


def _format(instance: Instance) -> None:
    """Give an empty data folder its cluster id; Kafka starts on no other."""
    if (instance.data("kafka") / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # One argument with "=": an id that begins with a dash would be read as an option.
    arguments = [
        "format",
        f"--cluster-id={cluster}",
        "-c",
        str(_folder(instance) / "server.properties"),
        "--ignore-formatted",
    ]
    command = _java(instance, "kafka.tools.StorageTool", 128, *arguments, quick=True)
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"Kafka could not format its storage: {(result.stdout + result.stderr)[-800:]}")


def _probe(instance: Instance) -> None:
    """The broker answers a metadata request, so clients can produce and consume."""
    client = AdminClient({"bootstrap.servers": f"{LOOPBACK}:{instance.port('kafka')}", "log_level": 0})
    try:
        brokers = client.list_topics(timeout=3.0).brokers
    except KafkaException as error:
        raise NotReadyError(f"no metadata: {error}") from error
    if not brokers:
        raise NotReadyError("no broker has registered yet")


COMPONENT = Component(
    name="kafka",
    why="carries every message",
    command=_command,
    probe=_probe,
    artefacts=("kafka",),
    ports=("kafka", "kafka-controller"),
    files=_files,
    before_start=_format,
)
