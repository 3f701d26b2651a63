"""What one core of each part was measured to do, and where. Pure data; next: `racktwin_cli.size.estimate`.

All of it comes from machines with four shared cores, busy with other things, and mostly from single runs: good for an
order of size, not for a promise. Where parts were measured in several ways, the figure here is the worst of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    measured: str


_HERE: Final = "this project's processes on four shared cores"
_DITTO: Final = "Ditto 3.9.6, five JVMs and MongoDB on four busy cores, single runs"
_HONO: Final = "Hono 2.7.0 with Kafka messaging on four busy cores"

INGEST_CPU: Final = Figure(
    "ingest_cpu_us", 24, "µs of CPU per reading", f"{_HERE}: 21 to 24 at 25,000 readings/s in packs of 90, everything "
    "else on the same machine (make bench-pipeline); the pure path alone does about 75,000 readings/s per core",
)  # fmt: skip
HISTORIAN_CPU: Final = Figure(
    "historian_cpu_us", 10.6, "µs of CPU per reading", f"{_HERE}: 8.6 to 10.6 in the same runs: consume, count, write"
)
RUNNER_PREDICTIONS: Final = Figure(
    "runner_predictions", 24_000, "predictions/s per core", f"{_HERE}: 24,000 to 42,000 with the inlet model"
)
RUNNER_READING_CPU: Final = Figure(
    "runner_reading_cpu_us", 3.2, "µs of CPU per reading", f"{_HERE}: confluent-kafka, consume and decode"
)
RECORD_BYTES: Final = Figure(
    "record_bytes", 300, "bytes per reading on Kafka", "a typical reading of the example site, before compression"
)
DITTO_MERGES: Final = Figure(
    "ditto_merges", 200, "merges/s per core", f"{_DITTO}: 800 to 900/s through Kafka on the four, then commands queue"
)
DITTO_MEMORY: Final = Figure("ditto_memory_gib", 5, "GiB under load per four cores", f"{_DITTO}: 2 GiB idle")
HONO_MQTT: Final = Figure(
    "hono_mqtt_messages", 4_000, "messages/s per core",
    f"{_HONO}: MQTT QoS 1 into Kafka 16,000 to 33,000/s on the four, 100 to 1,000 connections",
)  # fmt: skip
HONO_HTTP: Final = Figure(
    "hono_http_messages", 575, "messages/s per core", f"{_HONO}: HTTP 2,300 to 8,600/s on the four"
)
HONO_CONNECTION: Final = Figure(
    "hono_connection_messages",
    9_800,
    "messages/s per gateway connection",
    f"{_HONO}: pipelined, 200 in flight; with one in flight 551/s",
)
HONO_MEMORY: Final = Figure("hono_memory_gib", 1.2, "GiB idle", f"{_HONO}: six JVMs")
KAFKA_MEMORY: Final = Figure("kafka_memory_gib", 0.43, "GiB resident", "one Kafka 4.3 broker of the local stack")
INFLUX_LINES: Final = Figure(
    "influx_lines", 171_000, "lines/s from one client", "InfluxDB 2.7.12, batches of 5,000 lines; 566,000/s from four"
)
INFLUX_VALUE_BYTES: Final = Figure(
    "influx_value_bytes",
    8.2,
    "bytes per value on disk",
    "InfluxDB 2.7.12: 2.16 million points of four fields, 300 racks at 1 Hz with jitter for two hours",
)

FIGURES: Final = (
    INGEST_CPU,
    HISTORIAN_CPU,
    RUNNER_PREDICTIONS,
    RUNNER_READING_CPU,
    RECORD_BYTES,
    DITTO_MERGES,
    DITTO_MEMORY,
    HONO_MQTT,
    HONO_HTTP,
    HONO_CONNECTION,
    HONO_MEMORY,
    KAFKA_MEMORY,
    INFLUX_LINES,
    INFLUX_VALUE_BYTES,
)
