"""Prometheus metrics of the operator, in one place."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECONCILE_SECONDS = Histogram(
    "racktwin_operator_reconcile_seconds",
    "Time of one reconcile, by kind and outcome (done, retry, failed).",
    ["kind", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE_DEPTH = Gauge("racktwin_operator_queue_depth", "Resources that wait for a reconcile, now or after a backoff.")
RETRIES = Counter("racktwin_operator_retries_total", "Reconciles put back with a backoff.", ["kind"])
DRIFT = Counter(
    "racktwin_operator_drift_mended_total",
    "Objects that had changed or vanished without a change of their resource, and were mended.",
    ["object"],
)
ORPHANS = Counter("racktwin_operator_orphans_removed_total", "Objects without a resource, removed.", ["object"])
REQUESTS = Counter(
    "racktwin_operator_requests_total",
    "Requests to dependencies, by method and status.",
    ["dependency", "method", "status"],
)
WRITES = Counter("racktwin_operator_writes_total", "Requests that change something at a dependency.", ["dependency"])
ERRORS = Counter(
    "racktwin_operator_errors_total", "Failed requests, by dependency and status.", ["dependency", "status"]
)
SWEEP_SECONDS = Histogram("racktwin_operator_sweep_seconds", "Time to list resources, Secrets and things in a sweep.")
RESOURCES = Gauge("racktwin_operator_resources", "Resources known, by kind.", ["kind"])
