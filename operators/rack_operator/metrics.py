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
SWEEP_SECONDS = Histogram("racktwin_operator_sweep_seconds", "Time to list Secrets and things in a sweep.")
RESOURCES = Gauge("racktwin_operator_resources", "Resources known, by kind.", ["kind"])
WATCH_RESTARTS = Counter("racktwin_operator_watch_restarts_total", "Watches ended and begun again.", ["resource"])
LEADER = Gauge("racktwin_operator_leader", "1 while this replica holds the lease.")
EVENTS_LEFT_OUT = Counter(
    "racktwin_operator_events_left_out_total", "Kubernetes Events beyond the budget, not posted.", ["type"]
)
SWEEP_STARTED = Gauge("racktwin_operator_sweep_started_seconds", "When the last sweep began, epoch seconds.")
SWEEP_COMPLETED = Gauge(
    "racktwin_operator_sweep_completed_seconds",
    "When the last whole sweep had looked at all but credentials, epoch seconds; 0 before the first.",
)
SWEEP_LOGINS_COMPLETED = Gauge(
    "racktwin_operator_sweep_logins_completed_seconds",
    "When the last whole sweep had looked at everything, credentials too, epoch seconds; 0 before the first.",
)
RECONCILED = Counter(
    "racktwin_operator_reconciles_total", "Reconciles ended, by kind and outcome.", ["kind", "outcome"]
)
