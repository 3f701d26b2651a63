"""Offers readings: SenML packs of gateways on ``hono.telemetry.<site>``, as Hono's adapters put them there.

A process of its own (``python -m bench.pipeline_offer``), so that making packs does not slow down what measures. Each
second every rack reports three features (temperature and humidity at top and bottom, power); a pack holds 30 racks and
the second's number, and the packs of a second are spread evenly over it. Prints one JSON line: what was sent, and how
far behind schedule it ever was.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any, Final

import msgspec
from confluent_kafka import Producer

from bench.pipeline_site import RACKS_PER_GATEWAY, SITE, gateway_id, rack_id
from racktwin import names, senml

READINGS_PER_RACK: Final = 3
_FIELDS: Final = (
    ("environment.top/temperature", "Cel"),
    ("environment.top/relativeHumidity", "%RH"),
    ("environment.bottom/temperature", "Cel"),
    ("environment.bottom/relativeHumidity", "%RH"),
    ("power/power", "W"),
)


def pack(racks: range, at_ms: int, number: int) -> bytes:
    """A gateway's pack of one second."""
    records: list[dict[str, Any]] = [{"bt": at_ms / 1000, "n": "seq", "v": number}]
    for rack in racks:
        base = (20.0 + (rack + number) % 97 / 10, 40.0 + number % 20, 19.0 + rack % 50 / 10, 45.0, 4000.0 + rack % 777)
        head = f"{rack_id(rack)}/"
        for index, (name, unit) in enumerate(_FIELDS):
            record = {"n": name, "u": unit, "v": base[index]}
            if index == 0:
                record["bn"] = head
            records.append(record)
    # The pack's own number must not get a rack's base name.
    return msgspec.json.encode(records)


def offer(bootstrap: str, racks: int, seconds: int, first: int, start_ms: int) -> dict[str, Any]:
    """Send ``seconds`` numbered seconds, the first at ``start_ms`` (epoch ms); returns what was done."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 5,
         "compression.type": "lz4", "queue.buffering.max.kbytes": 262_144}
    )  # fmt: skip
    topic = names.hono_topic("telemetry", SITE)
    gateways = (racks + RACKS_PER_GATEWAY - 1) // RACKS_PER_GATEWAY
    failed = []
    behind_ms = 0.0
    for second in range(seconds):
        for gateway in range(gateways):
            due = start_ms + second * 1000 + gateway * 1000 // gateways
            wait = due - time.time() * 1000
            if wait > 1:
                time.sleep(wait / 1000)
            behind_ms = max(behind_ms, -wait)
            at = time.time_ns() // 1_000_000
            device = gateway_id(gateway)
            mine = range(gateway * RACKS_PER_GATEWAY, min(racks, (gateway + 1) * RACKS_PER_GATEWAY))
            producer.produce(
                topic,
                value=pack(mine, at, first + second),
                key=device,
                headers=[
                    ("content-type", senml.CONTENT_TYPE.encode()),
                    ("device_id", device.encode()),
                    ("creation-time", str(at).encode()),
                ],
                on_delivery=lambda error, _: failed.append(str(error)) if error is not None else None,
            )
            producer.poll(0)
    left = producer.flush(30)
    return {
        "packs": seconds * gateways,
        "readings": seconds * racks * READINGS_PER_RACK,
        "not_acknowledged": left + len(failed),
        "most_behind_ms": round(behind_ms),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--racks", type=int, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--first", type=int, required=True, help="number of the first second")
    parser.add_argument("--start-ms", type=int, required=True, help="when it begins (epoch ms)")
    a = parser.parse_args()
    print(json.dumps(offer(a.bootstrap, a.racks, a.seconds, a.first, a.start_ms)))


if __name__ == "__main__":
    main()
