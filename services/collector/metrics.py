"""What the collectors count, for /metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

READINGS: Final = Counter("racktwin_collector_readings_total", "Values read or received.", ["protocol"])
FAILURES: Final = Counter("racktwin_collector_failures_total", "Reads and connections that failed.", ["source"])
SKIPPED: Final = Counter(
    "racktwin_collector_ticks_skipped_total", "Reads left out because the one before took longer than its interval.",
    ["protocol"],
)  # fmt: skip
UP: Final = Gauge("racktwin_collector_up", "1 while the source answers.", ["source"])
READ_SECONDS: Final = Histogram(
    "racktwin_collector_read_seconds", "Time to read a device (s).", ["protocol"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)  # fmt: skip
KEPT: Final = Counter("racktwin_collector_readings_kept_total", "Values taken into the store on disk.")
ACKED: Final = Counter("racktwin_collector_readings_acked_total", "Values that Hono acknowledged.")
LOST: Final = Counter(
    "racktwin_collector_readings_lost_total", "Values given up: the store was full, or Hono refused them.", ["reason"]
)
BACKLOG: Final = Gauge("racktwin_collector_backlog_messages", "Messages that Hono has not acknowledged yet.")
BACKLOG_BYTES: Final = Gauge("racktwin_collector_backlog_bytes", "Size of what is kept on disk.")
CONNECTED: Final = Gauge("racktwin_collector_connected", "1 while Hono is reachable and lets us in.")
RESENT: Final = Counter("racktwin_collector_messages_resent_total", "Messages given to Hono again.")
QUARANTINED: Final = Gauge(
    "racktwin_collector_things_quarantined", "Things left out because the adapter hangs up on them."
)
