"""What the historian counts, per site, for /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

POINTS = Counter("racktwin_historian_points_total", "Points InfluxDB acknowledged.", ["site"])
REJECTS = Counter(
    "racktwin_historian_rejects_total", "Records that InfluxDB will never take, by reason.", ["site", "reason"]
)
FAILURES = Counter("racktwin_historian_write_failures_total", "Writes that are to be repeated.")
BUFFERED = Gauge("racktwin_historian_buffered_lines", "Lines that wait to be written.")
WRITE_SECONDS = Histogram(
    "racktwin_historian_write_seconds",
    "Time of one write to InfluxDB.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
LAG = Histogram(
    "racktwin_historian_lag_seconds",
    "Age of a write's newest record, from its Kafka timestamp to InfluxDB's acknowledgement.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
)
