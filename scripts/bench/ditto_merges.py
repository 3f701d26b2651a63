"""How many merges per second ditto_lite takes from Kafka on one core.

Starts a ``ditto_lite`` of its own, bound to one core, with a source and an events target as a site has them; fills the
source's topic with merges of one feature each, opens the connection and waits until every merge is on its twin. Kafka
is the one that ``RACKTWIN_KAFKA_BOOTSTRAP`` names. Prints one JSON line last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import requests
from confluent_kafka import Consumer, Producer
from kafka.admin import KafkaAdminClient, NewTopic

from racktwin.ditto_protocol import merge_features
from racktwin.ports import free_port
from racktwin.settings import KafkaSettings

_OWNER = {"x-ditto-pre-authenticated": "nginx:operator"}
_PIPELINE = "integration:racktwin-bench-pipeline"
_NAMESPACE = "racktwin.bench"


class Stand:
    """One ditto_lite process on one core."""

    def __init__(self, folder: Path, core: int) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/2"
        environment = {
            **os.environ,
            "RACKTWIN_DITTO_LITE_PORT": str(self.port),
            "RACKTWIN_DITTO_LITE_DB": str(folder / "twins.sqlite"),
            "RACKTWIN_LOG_LEVEL": "warning",
        }
        self.process = subprocess.Popen([sys.executable, "-m", "ditto_lite"], env=environment)
        self.usage = psutil.Process(self.process.pid)
        self.usage.cpu_affinity([core])
        self.session = requests.Session()
        self.session.headers.update(_OWNER)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.session.get(f"http://127.0.0.1:{self.port}/health", timeout=2).raise_for_status()
                return
            except requests.ConnectionError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def put(self, path: str, body: Any) -> None:
        """Create something."""
        self.session.put(f"{self.url}{path}", json=body, timeout=30).raise_for_status()

    def revisions(self) -> int:
        """Sum of the revisions of all things."""
        total = 0
        option = "size(200)"
        while True:
            query = {"namespaces": _NAMESPACE, "fields": "_revision", "option": option}
            page = self.session.get(f"{self.url}/search/things", params=query, timeout=30).json()
            total += sum(int(item["_revision"]) for item in page["items"])
            if "cursor" not in page:
                return total
            option = f"cursor({page['cursor']}),size(200)"

    def cpu_s(self) -> float:
        """Processor time used so far."""
        times = self.usage.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """Stop the process."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


_FEATURES = ("environment.top", "environment.bottom", "power", "indices", "prediction.inlet-temperature.top")


def _serve_models() -> ThreadingHTTPServer:
    """Serve a Thing Model with five features, so that every merge is validated as it is in a site."""
    number = {"type": "number", "minimum": -100, "maximum": 1000}
    quality = {"type": "string", "enum": ["good", "stale", "estimated", "faulty"]}
    properties = {"temperature": number, "relativeHumidity": number, "dewPoint": number, "quality": quality}
    properties["observedAt"] = {"type": "integer"}
    feature = {"properties": properties, "tm:optional": [f"/properties/{name}" for name in properties]}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://{self.headers['host']}"
            links = [{"rel": "tm:submodel", "href": f"{base}/feature", "instanceName": name} for name in _FEATURES]
            attributes = {name: {"type": "string"} for name in ("name", "site", "row")}
            rack = {"properties": attributes, "links": links}
            body = json.dumps(rack if self.path == "/rack" else feature).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: two requests are made."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _prepare(stand: Stand, things: int, model: str) -> list[str]:
    everything = {f"{kind}:/": {"grant": ["READ", "WRITE"], "revoke": []} for kind in ("thing", "policy", "message")}
    features = {"thing:/features": {"grant": ["READ", "WRITE"], "revoke": []}}
    entries = {
        "operator": {"subjects": {"nginx:operator": {"type": "service"}}, "resources": everything},
        "pipeline": {"subjects": {_PIPELINE: {"type": "service"}}, "resources": features},
    }
    stand.put(f"/policies/{_NAMESPACE}:base", {"entries": entries})
    ids = []
    for number in range(things):
        thing = f"{_NAMESPACE}:rack-{number:05}"
        body = {
            "policyId": f"{_NAMESPACE}:base",
            "definition": model,
            "attributes": {"name": f"rack-{number:05}", "site": "bench", "row": "r01"},
        }
        stand.put(f"/things/{thing}", body)
        ids.append(thing)
    return ids


def _fill(bootstrap: str, topic: str, ids: list[str], merges: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    for number in range(merges):
        thing = ids[number % len(ids)]
        at = 1_700_000_000_000 + number
        values = {"temperature": 20 + number % 90 / 10, "relativeHumidity": 41.5, "dewPoint": 9.25}
        features = {"environment.top": {**values, "quality": "good", "observedAt": at}}
        producer.produce(topic, value=merge_features(thing, features, f"bench-{number}"), key=thing)
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush(60)


def _count_events(bootstrap: str, topic: str, wanted: int) -> int:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"count-{uuid.uuid4()}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    seen = 0
    quiet_since = time.monotonic()
    while seen < wanted and time.monotonic() - quiet_since < 4:
        records = [each for each in consumer.consume(10_000, 0.5) if each.error() is None]
        if records:
            seen += len(records)
            quiet_since = time.monotonic()
    consumer.close()
    return seen


def _connection(name: str, bootstrap: str, **parts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "connectionType": "kafka",
        "connectionStatus": "open",
        "uri": f"tcp://{bootstrap}",
        "specificConfig": {"bootstrapServers": bootstrap},
        **parts,
    }


def run(merges: int, things: int, core: int) -> dict[str, Any]:
    """Measure once."""
    bootstrap = KafkaSettings().kafka_bootstrap
    tag = uuid.uuid4().hex[:8]
    topic_in, topic_out = f"bench-twin-{tag}", f"bench-events-{tag}"
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name, 3, 1) for name in (topic_in, topic_out)])
    models = _serve_models()
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(Path(folder), core)
        try:
            ids = _prepare(stand, things, f"http://127.0.0.1:{models.server_address[1]}/rack")
            _fill(bootstrap, topic_in, ids, merges)
            target = {
                "address": topic_out + "/{{ thing:id }}",
                "topics": [f"_/_/things/twin/events?namespaces={_NAMESPACE}"],
                "authorizationContext": ["nginx:operator"],
            }
            stand.put(f"/connections/out-{tag}", _connection("out", bootstrap, targets=[target]))
            source = {"addresses": [topic_in], "qos": 1, "authorizationContext": [_PIPELINE]}
            stand.put(f"/connections/in-{tag}", _connection("in", bootstrap, sources=[source]))
            first = done = 0
            began, cpu_began = time.monotonic(), stand.cpu_s()
            while done < merges:
                time.sleep(0.1)
                now = stand.revisions() - things
                if first == 0 and now > 0:
                    # The clock starts with the first batch: joining the consumer group is not what is measured.
                    first, began, cpu_began = now, time.monotonic(), stand.cpu_s()
                done = now
                if time.monotonic() - began > 300:
                    raise SystemExit(f"only {done} of {merges} merges arrived within 300 s")
            wall, cpu = time.monotonic() - began, stand.cpu_s() - cpu_began
            events = _count_events(bootstrap, topic_out, merges)
            rss = stand.usage.memory_info().rss
        finally:
            stand.stop()
            models.shutdown()
            admin.delete_topics([topic_in, topic_out])
            admin.close()
    return {
        "merges": merges,
        "things": things,
        "merges_per_s": round((merges - first) / wall),
        "merges_per_cpu_s": round((merges - first) / cpu) if cpu else None,
        "cores_used": round(cpu / wall, 2),
        "events_published": events,
        "rss_mb": round(rss / 1e6),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merges", type=int, default=40_000)
    parser.add_argument("--things", type=int, default=400)
    parser.add_argument("--core", type=int, default=0, help="the core that ditto_lite is bound to")
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.merges, arguments.things, arguments.core)))


if __name__ == "__main__":
    main()
