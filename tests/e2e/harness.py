"""What the end-to-end tests do to a running stack: kubectl, devices, twins, points, topics.

Everything goes through the doors that users have; nothing here reaches into a process of ours.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import paho.mqtt.client as paho
import requests
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from paho.mqtt.enums import CallbackAPIVersion
from tests.kafka_clients import producer
from urllib3.exceptions import HTTPError

from racktwin.ditto_client import DittoClient, DittoError
from racktwin.history import log_bucket
from racktwin.names import device_secret, hono_topic, own_topic, thing_id
from racktwin.settings import DittoSettings

T = TypeVar("T")
_LATER = (
    AssertionError,
    requests.RequestException,
    DittoError,
    ApiException,
    HTTPError,
    subprocess.TimeoutExpired,
    TimeoutError,
)


def eventually(probe: Callable[[], T | None], what: str, within_s: float = 60.0, every_s: float = 0.2) -> T:
    """The first true answer of ``probe``; an AssertionError that tells the last one when the time is over.

    What is busy or just being started again is asked again. The time is generous: on two busy cores a start takes long.
    """
    deadline = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            answer = probe()
            if answer:
                return answer
            last = answer
        except _LATER as error:
            last = error
        time.sleep(every_s)
    raise AssertionError(f"not within {within_s:.0f} s: {what}; last answer: {last!r}")


@dataclass(frozen=True)
class DeviceLogin:
    """What the operator put into a device's Secret."""

    host: str
    port: int
    username: str
    password: str
    tenant: str
    device: str
    http_url: str


class Harness:
    """One site on a running stack."""

    def __init__(self, endpoints: dict[str, Any], site: str) -> None:
        self.endpoints = endpoints
        self.site = site
        self.ditto = DittoClient(
            DittoSettings(ditto_url=endpoints["ditto_url"], ditto_subject="nginx:operator"), timeout_s=60
        )
        self.influx = InfluxDBClient(
            url=endpoints["influx_url"],
            token=Path(endpoints["influx_token_file"]).read_text().strip(),
            org=endpoints["influx_org"],
            timeout=60_000,
        )

    # Kubernetes

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """kubectl with the stack's kubeconfig."""
        done = subprocess.run(
            [self.endpoints["kubectl"], "--kubeconfig", self.endpoints["kubeconfig"], *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done

    def apply(self, *documents: dict[str, Any]) -> None:
        """``kubectl apply --server-side``."""
        text = "\n---\n".join(json.dumps(document) for document in documents)
        self.kubectl("apply", "--server-side", "-f", "-", stdin=text)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """A resource of the site's namespace, or None."""
        done = self.kubectl("get", kind, name, "-n", self.site, "-o", "json", check=False)
        if done.returncode != 0:
            assert "NotFound" in done.stderr, done.stderr
            return None
        body: dict[str, Any] = json.loads(done.stdout)
        return body

    def condition(self, kind: str, name: str, condition: str = "Ready") -> dict[str, Any] | None:
        """One condition of a resource whose status is about its present generation."""
        resource = self.get(kind, name)
        if resource is None:
            return None
        status = resource.get("status", {})
        if status.get("observedGeneration") != resource["metadata"]["generation"]:
            return None
        return next((c for c in status.get("conditions", []) if c["type"] == condition), None)

    def wait_ready(self, kind: str, name: str, within_s: float = 90.0) -> None:
        """Until the resource's Ready condition is True for its present generation."""

        def ready() -> bool:
            found = self.condition(kind, name)
            assert found is not None, "no condition yet"
            assert found["status"] == "True", found
            return True

        eventually(ready, f"{kind} {name} Ready", within_s)

    # Devices

    def login(self, kind: str, name: str) -> DeviceLogin:
        """Read a device's Secret as its installer would."""
        secret = self.get("secret", device_secret(kind, name))  # type: ignore[arg-type]
        assert secret is not None, f"no Secret for {kind} {name}"
        data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        return DeviceLogin(
            host=data["host"],
            port=int(data["port"]),
            username=data["username"],
            password=data["password"],
            tenant=data["tenant"],
            device=data["deviceId"],
            http_url=data["httpUrl"],
        )

    @contextmanager
    def mqtt(self, login: DeviceLogin) -> Iterator[paho.Client]:
        """A connected MQTT client of a device."""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"e2e-{uuid.uuid4().hex[:8]}")
        client.username_pw_set(login.username, login.password)
        refused: list[str] = []
        client.on_connect = lambda _c, _u, _f, reason, _p: refused.append(str(reason)) if reason.is_failure else None
        client.connect(login.host, login.port)
        client.loop_start()
        try:
            eventually(lambda: client.is_connected() or bool(refused), "MQTT connection")
            if refused:
                raise PermissionError(refused[0])
            yield client
        finally:
            client.disconnect()
            client.loop_stop()

    def publish(self, client: paho.Client, topic: str, payload: bytes | str | dict[str, Any] | list[Any]) -> None:
        """Publish with QoS 1 and wait for the acknowledgement."""
        data = payload if isinstance(payload, bytes | str) else json.dumps(payload)
        info = client.publish(topic, data, qos=1)
        info.wait_for_publish(30)
        assert info.is_published(), f"{topic}: not acknowledged"

    def post(
        self, login: DeviceLogin, payload: bytes | str, content_type: str = "application/json"
    ) -> requests.Response:
        """Telemetry over the HTTP adapter, at least once."""
        return requests.post(
            f"{login.http_url}/telemetry",
            data=payload.encode() if isinstance(payload, str) else payload,
            headers={"Content-Type": content_type, "QoS-Level": "1"},
            auth=(login.username, login.password),
            timeout=60,
        )

    # Twins and points

    def properties(self, thing: str, feature: str) -> dict[str, Any] | None:
        """A feature's properties on the twin, or None."""
        found = self.ditto.get_thing(thing)
        if found is None:
            return None
        properties: dict[str, Any] | None = found.get("features", {}).get(feature, {}).get("properties")
        return properties

    def points(self, measurement: str, thing: str, field: str, since: str = "-1h") -> list[tuple[int, Any]]:
        """(epoch ms, value) of every point of one field, in order of time."""
        happened = measurement in ("action", "alert", "command") or field == "annotation"
        bucket = log_bucket(self.site) if happened else self.site
        flux = (
            f'from(bucket: "{bucket}") |> range(start: {since}, stop: 2h) '
            f'|> filter(fn: (r) => r._measurement == "{measurement}" and r._field == "{field}") '
            f'|> filter(fn: (r) => r.thing == "{thing}") '
            '|> group() |> sort(columns: ["_time"])'
        )
        try:
            tables = self.influx.query_api().query(flux)
        except ApiException as error:
            # The bucket is made with the site's first reading.
            if error.status == 404:
                return []
            raise
        return [
            (round(record["_time"].timestamp() * 1000), record["_value"])
            for table in tables
            for record in table.records
        ]

    # Kafka

    def producer(self) -> Producer:
        """A plain producer, for tests that put records on Hono's topics."""
        return producer(self.endpoints["kafka_bootstrap"], linger_ms=1)

    @contextmanager
    def listening(self, topic: str) -> Iterator[Callable[[Callable[[Message], bool], str], Message]]:
        """Records of a topic from now on; yields ``wait(predicate, what)``."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.endpoints["kafka_bootstrap"],
                "group.id": f"e2e-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
            }
        )
        metadata = consumer.list_topics(topic, timeout=10)
        ends = [
            TopicPartition(topic, number, consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1])
            for number in metadata.topics[topic].partitions
        ]
        assert ends, f"no partitions of {topic}"
        consumer.assign(ends)
        backlog: list[Message] = []

        def wait(predicate: Callable[[Message], bool], what: str, within_s: float = 60.0) -> Message:
            for message in backlog:
                if predicate(message):
                    return message
            end = time.monotonic() + within_s
            while time.monotonic() < end:
                record = consumer.poll(0.2)
                if record is None or record.error():
                    continue
                backlog.append(record)
                if predicate(record):
                    return record
            seen = [m.value() for m in backlog[-3:]]
            raise AssertionError(
                f"{topic}: not within {within_s:.0f} s: {what}; {len(backlog)} record(s) came, last {seen}"
            )

        try:
            yield wait
        finally:
            consumer.close()

    # Names

    def thing(self, kind: str, name: str) -> str:
        """Thing id in this site."""
        return thing_id(self.site, kind, name)  # type: ignore[arg-type]

    def hono(self, what: str) -> str:
        """One of Hono's topics of this site."""
        return hono_topic(what, self.site)  # type: ignore[arg-type]

    def own(self, what: str) -> str:
        """One of our topics of this site."""
        return own_topic(what, self.site)  # type: ignore[arg-type]


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def senml(base_ms: int, seq: int, values: dict[str, tuple[float, str]]) -> list[dict[str, Any]]:
    """A SenML pack of one time: name -> (value, unit)."""
    records: list[dict[str, Any]] = [{"bt": base_ms / 1000, "n": "seq", "v": seq}]
    records += [{"n": name, "u": unit, "v": value} for name, (value, unit) in values.items()]
    return records


def climate(base_ms: int, seq: int, top: float, bottom: float, power: float = 5000.0) -> list[dict[str, Any]]:
    """What a rack's sensors send each second."""
    return senml(
        base_ms,
        seq,
        {
            "environment.top/temperature": (top, "Cel"),
            "environment.top/relativeHumidity": (42.0, "%RH"),
            "environment.bottom/temperature": (bottom, "Cel"),
            "environment.bottom/relativeHumidity": (47.0, "%RH"),
            "power/power": (power, "W"),
        },
    )
