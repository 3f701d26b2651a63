"""What the historian counts, per site, for /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from historian.accounts import Counts

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

REPEATED = Counter(
    "racktwin_historian_repeated_total", "Readings of a time that the series' newest had already.", ["site", "kind"]
)
LATE = Counter("racktwin_historian_late_total", "Readings older than the newest of their series.", ["site", "kind"])
SEQ_GAPS = Counter("racktwin_historian_sequence_gaps_total", "Jumps in devices' numbers.", ["site", "kind"])
SEQ_LATE = Counter("racktwin_historian_sequence_late_total", "Numbers that came after later ones.", ["site", "kind"])
SEQ_RESTARTED = Counter(
    "racktwin_historian_sequence_restarted_total", "Devices that began counting anew.", ["site", "kind"]
)
SEQ_MISSING = Gauge(
    "racktwin_historian_sequence_missing",
    "Numbers skipped since the start that no reading bore since.",
    ["site", "kind"],
)


def publish(counts: dict[tuple[str, str], Counts], before: dict[tuple[str, str], Counts]) -> None:
    """Add what came since `before` to the counters."""
    nothing = Counts()
    for at, now in counts.items():
        was = before.get(at, nothing)
        REPEATED.labels(*at).inc(now.repeated - was.repeated)
        LATE.labels(*at).inc(now.late - was.late)
        SEQ_GAPS.labels(*at).inc(now.numbers.gaps - was.numbers.gaps)
        SEQ_LATE.labels(*at).inc(now.numbers.late - was.numbers.late)
        SEQ_RESTARTED.labels(*at).inc(now.numbers.restarted - was.numbers.restarted)
        SEQ_MISSING.labels(*at).set(now.numbers.missing)
