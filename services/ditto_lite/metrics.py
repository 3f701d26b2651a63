"""What /metrics of the process tells: commits, HTTP requests, records from Kafka."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Histogram

COMMIT_SECONDS: Final = Histogram(
    "ditto_lite_commit_seconds",
    "Time to make one group of changes durable.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1, 5),
)
COMMIT_ROWS: Final = Histogram(
    "ditto_lite_commit_rows", "Entities written in one group.", buckets=(1, 5, 20, 100, 500, 2000)
)
HTTP_REQUESTS: Final = Counter("ditto_lite_http_requests_total", "HTTP requests answered.", ["method", "status"])
KAFKA_RECORDS: Final = Counter("ditto_lite_kafka_records_total", "Records taken from sources.", ["connection"])
KAFKA_REFUSED: Final = Counter(
    "ditto_lite_kafka_refused_total", "Records answered with an error.", ["connection", "error"]
)
