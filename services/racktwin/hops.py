"""What a process of the pipeline says of itself: how much came in and went on, what was refused or is missing, its age.

The figures are those of its /metrics, taken by name, as increments of an interval. They go two ways: onto the readings
topic, so that the history holds them (measurement ``pipeline``), and onto the site's twin (feature ``hops``), where
alerting sees them. So they are there without a Prometheus. A process that is gone leaves an entry behind; readers look
at its ``at``. A thread and a producer of its own keep all of it away from the readings: a report that Kafka does not
take is left out. Next: the historian, alerting.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import KafkaException, Producer
from prometheus_client import REGISTRY, CollectorRegistry

from racktwin import names
from racktwin.ditto_protocol import merge_features
from racktwin.kafka import client_config
from racktwin.messages import Reading, encode
from racktwin.process import Context
from racktwin.settings import KafkaSettings

EVERY_S: Final = 10.0
# What a site's deletion leaves undelivered is dropped after this time (ms).
_GIVE_UP_MS: Final = 5_000
FAMILY: Final = "pipeline"
FEATURE: Final = "hops"
# Gauges are told as they are; everything else as what came since the last report.
GAUGES: Final = ("missing",)

Figures = dict[str, float]


def instance_name() -> str:
    """Short name of this process among its replicas: the end of the host's, which in a cluster is the pod's."""
    name = re.sub(r"[^a-z0-9-]", "-", (os.environ.get("HOSTNAME") or socket.gethostname()).lower())
    return name.strip("-")[-12:].strip("-") or "local"


class HopReport:
    """The report of one process, for each site that something passed through for since the last."""

    def __init__(
        self,
        hop: str,
        metrics: Mapping[str, str],
        *,
        registry: CollectorRegistry = REGISTRY,
        instance: str | None = None,
    ) -> None:
        """`metrics`: field -> name of a metric with the label `site`. The field `lag` names a histogram without that
        label, told as the mean of the interval (s)."""
        self._hop = hop
        self._metrics = dict(metrics)
        self._registry = registry
        self._instance = instance or instance_name()
        self._before: dict[str, Figures] = {}
        self._lag = (0.0, 0.0)

    def records(self, now: int) -> Iterator[tuple[str, str, bytes]]:
        """(topic, key, value) of each record of the report. `now` is epoch ms."""
        totals, lag = self._totals(), self._mean_lag()
        for site, figures in sorted(totals.items()):
            try:
                thing = names.thing_id(site, "site", site)
            except ValueError:
                continue
            before = self._before.get(site, {})
            if figures == before:
                continue
            values: Figures = {
                name: total if name in GAUGES else max(0.0, total - before.get(name, 0.0))
                for name, total in figures.items()
            }
            self._before[site] = figures
            if lag is not None:
                values["lag"] = round(lag, 4)
            reading = Reading(
                v=1,
                thing=thing,
                feature=f"{FAMILY}.{self._hop}.{self._instance}",
                observed_at=now,
                received_at=now,
                values=dict(values),
                quality="good",
                device=self._hop,
                kind="site",
            )
            yield names.own_topic("readings", site), thing, encode(reading)
            entry = {"hop": self._hop, "at": now, "missing": figures.get("missing", 0.0)}
            features = {FEATURE: {"processes": {f"{self._hop}-{self._instance}": entry}}}
            yield names.own_topic("twin", site), thing, merge_features(thing, features, f"{self._hop}-hop-{now}")

    def _totals(self) -> dict[str, Figures]:
        wanted = {metric: field for field, metric in self._metrics.items() if field != "lag"}
        found: dict[str, Figures] = {}
        for family in self._registry.collect():
            for sample in family.samples:
                field, site = wanted.get(sample.name), sample.labels.get("site")
                if field is not None and site is not None:
                    figures = found.setdefault(site, dict.fromkeys(wanted.values(), 0.0))
                    figures[field] += float(sample.value)
        return found

    def _mean_lag(self) -> float | None:
        metric = self._metrics.get("lag")
        if metric is None:
            return None
        total = self._registry.get_sample_value(f"{metric}_sum") or 0.0
        count = self._registry.get_sample_value(f"{metric}_count") or 0.0
        before, self._lag = self._lag, (total, count)
        return (total - before[0]) / (count - before[1]) if count > before[1] else None


def start(hop: str, metrics: Mapping[str, str], settings: KafkaSettings, context: Context) -> None:
    """Report every ten seconds until the process stops, in a thread of its own."""
    threading.Thread(target=_run, args=(HopReport(hop, metrics), settings, context), name="hops", daemon=True).start()


def _run(report: HopReport, settings: KafkaSettings, context: Context) -> None:
    producer = Producer(
        {**client_config(settings), "message.timeout.ms": _GIVE_UP_MS, "enable.idempotence": True, "linger.ms": 100},
        logger=logging.getLogger("librdkafka"),
    )
    while not context.stop.wait(EVERY_S):
        for topic, key, value in report.records(context.clock()):
            try:
                producer.produce(topic, value, key)
            except (BufferError, KafkaException) as error:
                context.log.info("report of this process left out", error=str(error))
        producer.poll(0)
    producer.flush(1.0)
