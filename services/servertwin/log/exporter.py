"""The newest row as Prometheus metrics, beside /healthz and /readyz. Next: whoever scrapes.

Gauges are named after the column: ``cpu/utilization`` is ``racktwin_server_cpu_utilization``, a core's number, a chip's
sensor and a process's place are labels. What is absent is not exported.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from racktwin import health
from servertwin import columns as col

_LABELLED = (
    (re.compile(r"(cpu/core)(\d+)"), "core"),
    (re.compile(r"(thermal/)([^/]*\..+)"), "sensor"),
    (re.compile(r"(fans/)([^/]*\..+)"), "fan"),
)
_PREFIX = "racktwin_server_"


class Exporter(Collector):
    """Serves the newest row; thread safe."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError when the address is taken or not ours."""
        self._lock = threading.Lock()
        self._row: dict[str, float | str] = {}
        self._samples = 0
        self._missed = 0
        self.health = health.Health()
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        self._server = health.serve(self.health, host, port, registry)
        self.port = int(self._server.server_address[1])

    def show(self, row: Mapping[str, float | str], missed: int, interval_s: float) -> None:
        """A new row; columns that it lacks keep their last value, since groups have rhythms of their own."""
        with self._lock:
            self._row.update(row)
            self._samples += 1
            self._missed = missed
        self.health.heartbeat("logger", max(10.0, 3.0 * interval_s))
        self.health.set_ready(True)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def describe(self) -> list[Metric]:
        """Nothing is known before the first row."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Metrics of the newest row."""
        with self._lock:
            row, samples, missed = dict(self._row), self._samples, self._missed
        yield CounterMetricFamily(f"{_PREFIX}samples", "Samples taken", value=samples)
        yield CounterMetricFamily(f"{_PREFIX}samples_missed", "Samples whose time had passed", value=missed)
        families: dict[str, GaugeMetricFamily] = {}
        for column, value in row.items():
            if isinstance(value, str) or column == col.TIME:
                continue
            place = re.fullmatch(r"processes/(top\d+)(Cpu|Memory)", column)
            if place is not None:
                name, labels = (
                    f"processes/top{place[2]}",
                    {"place": place[1][3:], "name": str(row.get(f"processes/{place[1]}", ""))},
                )
            elif (disk := re.fullmatch(r"drive\.([^/]+)(/.+)", column)) is not None:
                name, labels = f"drive{disk[2]}", {"disk": disk[1]}
            else:
                name, labels = column, {}
                for pattern, label in _LABELLED:
                    match = pattern.fullmatch(column)
                    if match is not None:
                        name, labels = (
                            match[1].rstrip("/") + ("/sensor" if label == "sensor" else ""),
                            {label: match[2]},
                        )
                        break
            family = families.get(name)
            if family is None:
                metric = _PREFIX + re.sub(r"[^a-z0-9]+", "_", re.sub(r"([A-Z])", r"_\1", name).lower()).strip("_")
                unit = col.unit_of(column)
                title = col.title_of(column) + (f" ({unit})" if unit else "")
                family = families[name] = GaugeMetricFamily(metric, title, labels=list(labels))
            family.add_metric(list(labels.values()), float(value))
        yield from families.values()
