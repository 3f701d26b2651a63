"""`python -m ingest`: puts the parts together. Everything of substance is in the modules it imports."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

from confluent_kafka.admin import AdminClient

from ingest.cleaning import Cleaner
from ingest.coalesce import Coalescer
from ingest.fleet import Fleet, Pace
from ingest.flow import TwinFlow
from ingest.pressure import TwinWatch
from ingest.settings import IngestSettings
from ingest.twins import Twins
from ingest.work import IngestWork
from racktwin import hops, names, process
from racktwin.catalogue import FEATURES
from racktwin.ditto_client import DittoClient
from racktwin.kafka import SafeProducer, client_config, make_consumer, run_batches
from racktwin.process import Context


def intervals(settings: IngestSettings) -> Callable[[str, Pace], int]:
    """Milliseconds between two merges of a feature: by the catalogue's cadence, unless a setting overrides it."""
    cadence = {feature.name: feature.cadence for feature in FEATURES}
    overrides = settings.twin_interval_overrides

    def interval(feature: str, pace: Pace) -> int:
        if feature in overrides:
            return overrides[feature]
        # What happens seldom is not worth holding back.
        by_cadence = {"critical": pace.critical_ms, "slow": pace.slow_ms, "event": 0}
        return by_cadence[cadence.get(feature) or cadence.get(feature.partition(".")[0], "critical")]

    return interval


def topics(settings: IngestSettings) -> list[str]:
    """Hono's telemetry and event topics of the sites served; a pattern when that is all of them."""
    sites = settings.site_list()
    if sites is None:
        return [names.topic_pattern("hono", ("telemetry", "event"))]
    return [names.hono_topic(what, site) for site in sites for what in ("telemetry", "event")]


def twins(settings: IngestSettings, context: Context, fleet: Fleet) -> Twins:
    """The twins' side, with a thread that watches what Ditto has taken (unless that is switched off)."""
    every = intervals(settings)
    usual = Pace(settings.twin_interval_critical_ms, settings.twin_interval_slow_ms)
    watch = None
    if settings.twin_flow_group:
        watch = TwinWatch(
            AdminClient(client_config(settings)), context.clock, context.log, group=settings.twin_flow_group
        )
        threading.Thread(
            target=watch.run, args=(context.stop, settings.twin_flow_watch_ms / 1000), name="watch", daemon=True
        ).start()
    return Twins(
        lambda: Coalescer(
            lambda feature: every(feature, usual),
            thing_interval_ms=settings.twin_interval_critical_ms,
            tolerance=settings.twin_interval_tolerance,
            linger_ms=settings.twin_linger_ms,
            catch_up_ms=settings.twin_interval_critical_ms,
            hold_ms=settings.twin_hold_ms,
            stale_after=settings.twin_stale_intervals,
            stale_grace_ms=settings.twin_stale_grace_ms,
            known=fleet.held,
        ),
        lambda: TwinFlow(target_ms=settings.twin_flow_target_ms, least=settings.twin_flow_least),
        watch,
        interval_ms=every,
    )


# What ingest tells of itself (`racktwin.hops`).
HOP = {
    "received": "racktwin_ingest_messages_total",
    "written": "racktwin_ingest_readings_total",
    "rejected": "racktwin_ingest_rejects_total",
    "repeated": "racktwin_ingest_duplicates_total",
    "late": "racktwin_ingest_late_total",
    "missing": "racktwin_ingest_sequence_missing",
    "lag": "racktwin_ingest_lag_seconds",
}


def run(settings: IngestSettings, context: Context) -> None:
    """Clean what devices sent: Hono's telemetry and events to readings, twin merges and rejects."""
    sites = settings.site_list()
    fleet = Fleet(
        DittoClient(settings),
        context.clock,
        context.log,
        namespaces=None if sites is None else ",".join(names.namespace(site) for site in sites),
        fresh_s=settings.ingest_directory_fresh_s,
        quiet_ms=settings.twin_unheard_ms,
    )
    threading.Thread(target=fleet.run, args=(context.stop,), name="fleet", daemon=True).start()
    consumer = make_consumer(settings, settings.ingest_group)
    work = IngestWork(
        context,
        consumer=consumer,
        producer=SafeProducer(settings),
        fleet=fleet,
        cleaner=Cleaner(
            fleet.get,
            ahead_ms=settings.ingest_ahead_s * 1000,
            behind_ms=settings.ingest_behind_s * 1000,
            window=settings.ingest_duplicate_window,
        ),
        twins=twins(settings, context, fleet),
        waiting_bytes=settings.ingest_waiting_mib << 20,
        unheard_ms=settings.twin_unheard_ms,
    )
    # The hot path makes many short-lived objects and no cycles: collect seldom.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    context.health.set_ready(True)
    hops.start("ingest", HOP, settings, context)
    run_batches(consumer, topics(settings), work, context)


if __name__ == "__main__":
    process.main("ingest", IngestSettings, run)
