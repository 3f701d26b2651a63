"""What ingest counts, per site, for /metrics.

Next: Prometheus, the sizing tool and `racktwin doctor`.
"""

from __future__ import annotations

import dataclasses

from prometheus_client import Counter, Gauge, Histogram

from ingest.sequence import SequenceCounts

MESSAGES = Counter("racktwin_ingest_messages_total", "Messages taken from Hono's topics.", ["site"])
READINGS = Counter("racktwin_ingest_readings_total", "Readings written.", ["site"])
MERGES = Counter("racktwin_ingest_merges_total", "Merges written for twins.", ["site"])
DUPLICATES = Counter("racktwin_ingest_duplicates_total", "Readings dropped because they were seen before.", ["site"])
LATE = Counter("racktwin_ingest_late_total", "Readings older than their twin: history only.", ["site"])
REJECTS = Counter("racktwin_ingest_rejects_total", "Records refused, by reason.", ["site", "reason"])
WAITING = Gauge("racktwin_ingest_waiting_messages", "Messages that wait because Ditto is being asked for their thing.")
PENDING = Gauge("racktwin_ingest_pending_things", "Things with values that wait for their interval's end.")
LAG = Histogram(
    "racktwin_ingest_lag_seconds",
    "Age of messages when ingest took them, by Hono's clock.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
)

SEQ_GAPS = Counter("racktwin_ingest_sequence_gaps_total", "Jumps in sequence numbers.", ["site"])
SEQ_MISSING = Gauge("racktwin_ingest_sequence_missing", "Numbers skipped since the start and not come since.", ["site"])
SEQ_LATE = Counter("racktwin_ingest_sequence_late_total", "Numbers that came after later ones.", ["site"])
SEQ_REPEATED = Counter("racktwin_ingest_sequence_repeated_total", "Numbers that came more than once.", ["site"])
SEQ_RESTARTED = Counter("racktwin_ingest_sequence_restarted_total", "Devices that began counting anew.", ["site"])


def publish_sequences(site: str, counts: SequenceCounts, before: SequenceCounts) -> SequenceCounts:
    """Add what came since `before` to the counters; the copy to pass the next time."""
    SEQ_GAPS.labels(site).inc(counts.gaps - before.gaps)
    SEQ_LATE.labels(site).inc(counts.late - before.late)
    SEQ_REPEATED.labels(site).inc(counts.repeated - before.repeated)
    SEQ_RESTARTED.labels(site).inc(counts.restarted - before.restarted)
    SEQ_MISSING.labels(site).set(counts.missing)
    return dataclasses.replace(counts)
