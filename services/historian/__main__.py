"""`python -m historian`: puts the parts together. Everything of substance is in the modules it imports."""

from __future__ import annotations

import gc
import threading
from typing import Final

from influxdb_client.client.influxdb_client import InfluxDBClient

from historian.settings import HistorianSettings
from historian.sink import InfluxSink
from historian.upkeep import Upkeep
from historian.work import HistorianWork
from racktwin import hops, names, process
from racktwin.ditto_client import DittoClient
from racktwin.history import Retention
from racktwin.kafka import SafeProducer, make_consumer, run_batches
from racktwin.process import Context

_TOPICS: Final[tuple[names.OwnTopic, ...]] = ("readings", "predictions", "audit")
_FETCH_WAIT_MS: Final = 100
# What the historian tells of itself (`racktwin.hops`).
HOP: Final = {
    "written": "racktwin_historian_points_total",
    "rejected": "racktwin_historian_rejects_total",
    "repeated": "racktwin_historian_repeated_total",
    "late": "racktwin_historian_late_total",
    "missing": "racktwin_historian_sequence_missing",
    "lag": "racktwin_historian_lag_seconds",
}
_UPKEEP_TIMEOUT_MS: Final = 30_000


def topics(settings: HistorianSettings) -> list[str]:
    """Readings, predictions and audit of the sites served; a pattern, which takes in new ones, when that is all."""
    sites = settings.site_list()
    if sites is None:
        return [names.topic_pattern("racktwin", _TOPICS)]
    return [names.own_topic(what, site) for site in sites for what in _TOPICS]


def _upkeep(settings: HistorianSettings, context: Context) -> Upkeep:
    client = InfluxDBClient(
        url=settings.influx_url,
        token=settings.influx_token.get_secret_value(),
        org=settings.influx_org,
        timeout=_UPKEEP_TIMEOUT_MS,
    )
    keep = Retention(
        full_days=settings.history_full_days,
        minute_days=settings.history_1m_days,
        quarter_days=settings.history_15m_days,
        log_days=settings.history_log_days,
        late_s=settings.history_late_s,
    )
    ditto = DittoClient(settings) if settings.history_of_sites else None
    return Upkeep(client, ditto, org=settings.influx_org, keep=keep, clock=context.clock, log=context.log)


def run(settings: HistorianSettings, context: Context) -> None:
    """Write readings and predictions into InfluxDB, one bucket per site."""
    # Lines wait for each other anyway, so the broker may gather records too: fewer requests for it and us.
    consumer = make_consumer(
        settings, settings.historian_group, fetch_min_bytes=65_536, fetch_wait_max_ms=_FETCH_WAIT_MS
    )
    upkeep = _upkeep(settings, context)
    threading.Thread(
        target=upkeep.run, args=(context.stop, settings.history_upkeep_s), name="upkeep", daemon=True
    ).start()
    sink = InfluxSink(settings)
    work = HistorianWork(
        context,
        consumer=consumer,
        producer=SafeProducer(settings),
        sink=sink,
        batch_lines=settings.historian_batch_lines,
        linger_s=settings.historian_linger_ms / 1000,
        retry_max_s=settings.historian_retry_max_s,
        new_site=upkeep.add,
    )
    # The hot path makes many short-lived objects and no cycles: collect seldom.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    context.health.set_ready(True)
    hops.start("historian", HOP, settings, context)
    try:
        run_batches(consumer, topics(settings), work, context, batch_size=2000)
    finally:
        sink.close()


if __name__ == "__main__":
    process.main("historian", HistorianSettings, run)
