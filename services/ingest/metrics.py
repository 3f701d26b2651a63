"""What ingest counts, per site, for /metrics. Losses are counted per class of device too: the kind of its thing.

Next: Prometheus, the sizing tool and `racktwin doctor`.
"""

from __future__ import annotations

import dataclasses

from prometheus_client import Counter, Gauge, Histogram

from racktwin.sequence import SequenceCounts

MESSAGES = Counter("racktwin_ingest_messages_total", "Messages taken from Hono's topics.", ["site"])
READINGS = Counter("racktwin_ingest_readings_total", "Readings written.", ["site"])
MERGES = Counter("racktwin_ingest_merges_total", "Merges written for twins.", ["site"])
DUPLICATES = Counter(
    "racktwin_ingest_duplicates_total", "Readings dropped because they were seen before.", ["site", "kind"]
)
LATE = Counter("racktwin_ingest_late_total", "Readings older than their twin: history only.", ["site", "kind"])
STALE = Counter("racktwin_ingest_stale_total", "Features that fell silent and were marked stale.", ["site"])
REJECTS = Counter("racktwin_ingest_rejects_total", "Records refused, by reason.", ["site", "reason"])
WAITING = Gauge("racktwin_ingest_waiting_messages", "Messages that wait because Ditto is being asked for their thing.")
PENDING = Gauge("racktwin_ingest_pending_things", "Things with values that wait for their interval's end.")
LAG = Histogram(
    "racktwin_ingest_lag_seconds",
    "Age of messages when ingest took them, by Hono's clock.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300),
)
MERGE_AGE = Histogram(
    "racktwin_ingest_merge_age_seconds",
    "Age of the values in the oldest of the merges sent together: the interval as widened to what Ditto takes.",
    ["site"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 300),
)
TWIN_QUEUED = Gauge("racktwin_ingest_twin_queued_records", "Merges sent that Ditto has not committed.", ["site"])
TWIN_QUEUE_AGE = Gauge("racktwin_ingest_twin_queue_age_seconds", "Age of the oldest of them.", ["site"])
TWIN_WINDOW = Gauge(
    "racktwin_ingest_twin_window_records", "Most merges that may wait for Ditto; 0: no limit.", ["site"]
)
TWIN_LIMITED = Gauge("racktwin_ingest_twin_limited", "1 while intervals are wider than configured.", ["site"])

SEQ_GAPS = Counter("racktwin_ingest_sequence_gaps_total", "Jumps in sequence numbers.", ["site", "kind"])
SEQ_MISSING = Gauge(
    "racktwin_ingest_sequence_missing", "Numbers skipped since the start and not come since.", ["site", "kind"]
)
SEQ_LATE = Counter("racktwin_ingest_sequence_late_total", "Numbers that came after later ones.", ["site", "kind"])
SEQ_REPEATED = Counter("racktwin_ingest_sequence_repeated_total", "Numbers that came more than once.", ["site", "kind"])
SEQ_RESTARTED = Counter(
    "racktwin_ingest_sequence_restarted_total", "Devices that began counting anew.", ["site", "kind"]
)


def publish_sequences(site: str, kind: str, counts: SequenceCounts, before: SequenceCounts) -> SequenceCounts:
    """Add what came since `before` to the counters; the copy to pass the next time."""
    SEQ_GAPS.labels(site, kind).inc(counts.gaps - before.gaps)
    SEQ_LATE.labels(site, kind).inc(counts.late - before.late)
    SEQ_REPEATED.labels(site, kind).inc(counts.repeated - before.repeated)
    SEQ_RESTARTED.labels(site, kind).inc(counts.restarted - before.restarted)
    SEQ_MISSING.labels(site, kind).set(counts.missing)
    return dataclasses.replace(counts)
