"""The usual loop, for comparison: one message at a time is parsed, PATCHed onto its twin over HTTP, and written as one
point; then its offset is committed. Its processor time is that of this process alone, as for ours.

Runs as ``python -m bench.pipeline_naive`` on a topic of its own with one reading per message, which it fills first.
Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import requests
from confluent_kafka import Consumer, Producer
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS
from kafka.admin import KafkaAdminClient, NewTopic

from bench.pipeline_site import SITE, rack_id
from racktwin import names

_TOPIC = "bench.naive"
_BUCKET = "naive"


def fill(bootstrap: str, messages: int, racks: int) -> None:
    """Put the messages there."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    if _TOPIC in admin.list_topics():
        admin.delete_topics([_TOPIC])
        while _TOPIC in admin.list_topics():
            time.sleep(0.2)
    admin.create_topics([NewTopic(_TOPIC, 1, 1)])
    admin.close()
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(messages):
        body = {"temperature": 20.0 + number % 90 / 10, "humidity": 40.0 + number % 20, "time": _now(), "seq": number}
        producer.produce(_TOPIC, value=json.dumps(body), key=rack_id(number % racks))
    producer.flush(30)


def loop(bootstrap: str, ditto_url: str, influx: InfluxDBClient, messages: int) -> dict[str, Any]:
    """Work through them, one at a time."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"naive-{os.getpid()}", "auto.offset.reset": "earliest",
         "enable.auto.commit": False}
    )  # fmt: skip
    consumer.subscribe([_TOPIC])
    session = requests.Session()
    session.headers.update({"x-ditto-pre-authenticated": names.OPERATOR_SUBJECT})
    writer = influx.write_api(write_options=SYNCHRONOUS)
    done = 0
    began = cpu = 0.0
    while done < messages:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        if done == 0:
            # Joining the group is not what is measured.
            began, cpu = time.monotonic(), time.process_time()
        reading = json.loads(message.value() or b"{}")
        thing = (message.key() or b"").decode()
        properties = {
            "temperature": reading["temperature"],
            "relativeHumidity": reading["humidity"],
            "quality": "good",
            "observedAt": reading["time"],
        }
        session.patch(
            f"{ditto_url}/api/2/things/{thing}",
            data=json.dumps({"features": {"environment.top": {"properties": properties}}}),
            headers={"content-type": "application/merge-patch+json"},
            timeout=30,
        ).raise_for_status()
        point = Point.from_dict(
            {
                "measurement": "environment",
                "tags": {"thing": thing, "feature": "environment.top"},
                "fields": {
                    "temperature": reading["temperature"],
                    "relativeHumidity": float(reading["humidity"]),
                    "seq": reading["seq"],
                },
                "time": reading["time"] * 1_000_000,
            }
        )
        writer.write(bucket=_BUCKET, record=point)
        consumer.commit(message=message, asynchronous=False)
        done += 1
    spent, wall = time.process_time() - cpu, time.monotonic() - began
    consumer.close()
    return {
        "site": SITE,
        "readings": done,
        "cpu_s_per_million": round(spent / done * 1e6, 1),
        "per_s": round(done / wall),
    }


def _now() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Command line; where InfluxDB is, and its token, come from the environment of our processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--ditto-url", required=True)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--racks", type=int, default=500)
    a = parser.parse_args()
    org = os.environ["RACKTWIN_INFLUX_ORG"]
    influx = InfluxDBClient(
        url=os.environ["RACKTWIN_INFLUX_URL"], token=os.environ["RACKTWIN_INFLUX_TOKEN"], org=org, timeout=30_000
    )
    buckets = influx.buckets_api()
    if buckets.find_bucket_by_name(_BUCKET) is None:  # type: ignore[no-untyped-call]
        buckets.create_bucket(bucket_name=_BUCKET, org=org)
    fill(a.bootstrap, a.messages, a.racks)
    print(json.dumps(loop(a.bootstrap, a.ditto_url, influx, a.messages)))


if __name__ == "__main__":
    main()
