"""Prometheus exporters: node_exporter, ipmi_exporter, snmp_exporter, or any other. Scrapes and maps by data.

The maps in ``data/prometheus/`` say which metric is which property; rates are taken between two scrapes, so a counter's
first scrape gives nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from collector import maps, secrets
from collector.config import Target
from collector.fetch import Site, basic
from collector.model import Plugin, Reading, SourceError, Surroundings
from collector.paths import Aggregate, aggregate
from collector.points import Binding, Point, bind, readings_of, something
from collector.secrets import Secret

_ACCEPT: Final = "text/plain;version=0.0.4"
_SAMPLE: Final = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$")
_LABEL: Final = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPES: Final = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
Sample = tuple[dict[str, str], float]


class Term(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Some samples of a metric: ``labels`` are regular expressions that must match whole; ``without`` must not."""

    metric: str
    labels: dict[str, str] = {}
    without: dict[str, str] = {}

    def __post_init__(self) -> None:
        for text in (*self.labels.values(), *self.without.values()):
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f"{self.metric}: {text!r}: {error}") from error


class PrometheusPoint(Point, kw_only=True):
    """``of``, as a ``rate`` per second where that is asked, aggregated; then ``minus`` or ``over`` another; then
    ``complement``: one minus that. ``or_of`` is taken where an exporter has none of ``of``: names change over time."""

    of: Term
    or_of: Term | None = None
    rate: bool = False
    aggregate: Aggregate = "first"
    minus: Term | None = None
    over: Term | None = None
    complement: bool = False

    def metrics(self) -> list[str]:
        """Names of the metrics it needs."""
        return [term.metric for term in (self.of, self.or_of, self.minus, self.over) if term is not None]


class PrometheusOptions(Target, kw_only=True):
    """One exporter. ``url`` is the whole address of its metrics, with ``?target=…`` where it speaks for others."""

    url: str
    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    verify: bool = True
    ca_file: str = ""
    map: str = ""
    labels: dict[str, str] = {}
    """Exact labels that all samples must have, where an exporter speaks for several devices."""
    points: list[PrometheusPoint] = []
    timeout_s: float = 5.0


def parse(text: str, wanted: frozenset[str]) -> dict[str, list[Sample]]:
    """Samples of the wanted metrics by name; other lines are passed over."""
    found: dict[str, list[Sample]] = {}
    for line in text.splitlines():
        # The name alone decides most lines, and most lines are not wanted.
        name = line.partition("{")[0].partition(" ")[0]
        if name not in wanted:
            continue
        match = _SAMPLE.match(line)
        if match is None:
            continue
        try:
            value = float(match[3])
        except ValueError:
            continue
        found.setdefault(name, []).append((dict(_labels(match[2] or "")), value))
    return found


def _labels(text: str) -> Iterator[tuple[str, str]]:
    for match in _LABEL.finditer(text):
        yield match[1], re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], match[2])


class PrometheusSource:
    """One exporter's values."""

    def __init__(self, options: PrometheusOptions, surroundings: Surroundings) -> None:
        points = list(options.points)
        if options.map:
            points += maps.load("prometheus", options.map, PrometheusPoint, options.folder).points
        self.name = options.name
        self.bindings: Sequence[Binding[PrometheusPoint]] = something(
            bind(
                points, site=surroundings.site, thing=options.thing, interval=options.interval, feed=options.feed,
                sensor=options.sensor,
            ),
            options.map or "points",
        )  # fmt: skip
        self._wanted = frozenset(name for b in self.bindings for name in b.point.metrics())
        self._site = Site(options.url, timeout_s=options.timeout_s, ca_file=options.ca_file, verify=options.verify)
        self._options, self._clock = options, surroundings.clock
        # (binding, labels) -> value and time (epoch ms) at the last scrape.
        self._before: dict[tuple[str, str], tuple[float, int]] = {}

    async def read(self, due: Sequence[Binding[PrometheusPoint]]) -> list[Reading]:
        options = self._options
        headers = {"Accept": _ACCEPT, **basic(options.user, secrets.read(options.password))}
        if options.token is not None:
            headers["Authorization"] = f"Bearer {options.token.read()}"
        answer = await self._site.request("GET", "", headers=headers)
        now = self._clock()
        if answer.status != 200:
            raise SourceError(f"{options.url}: {answer.status}")
        samples = parse(answer.body.decode("utf-8", "replace"), self._wanted)
        if not samples:
            raise SourceError(f"{options.url}: none of the wanted metrics ({', '.join(sorted(self._wanted)[:5])}, …)")
        return readings_of(((binding, self._value(binding, samples, now)) for binding in due), now)

    async def close(self) -> None:
        self._site.close()

    def _value(self, binding: Binding[PrometheusPoint], samples: dict[str, list[Sample]], now: int) -> float | None:
        point = binding.point
        term = point.of
        if point.or_of is not None and not self._chosen(term, samples):
            term = point.or_of
        chosen = self._chosen(term, samples)
        numbers = (
            [rate for item in chosen if (rate := self._rate(binding.label(), item, now)) is not None]
            if point.rate
            else [value for _, value in chosen]
        )
        value = aggregate(numbers, point.aggregate)
        if point.minus is not None and value is not None:
            second = self._plain(point.minus, point, samples)
            value = None if second is None else value - second
        if point.over is not None and value is not None:
            second = self._plain(point.over, point, samples)
            value = value / second if second else None
        return 1.0 - value if point.complement and value is not None else value

    def _plain(self, term: Term, point: PrometheusPoint, samples: dict[str, list[Sample]]) -> float | None:
        return aggregate([value for _, value in self._chosen(term, samples)], point.aggregate)

    def _chosen(self, term: Term, samples: dict[str, list[Sample]]) -> list[Sample]:
        exact = self._options.labels
        return [
            (labels, value)
            for labels, value in samples.get(term.metric, ())
            if all(re.fullmatch(pattern, labels.get(name, "")) for name, pattern in term.labels.items())
            and not any(re.fullmatch(pattern, labels.get(name, "")) for name, pattern in term.without.items())
            and all(labels.get(name) == value for name, value in exact.items())
        ]

    def _rate(self, label: str, sample: Sample, now: int) -> float | None:
        labels, value = sample
        key = (label, repr(sorted(labels.items())))
        before: Any = self._before.get(key)
        self._before[key] = (value, now)
        # A counter that fell was reset; what it counted meanwhile is not known.
        if before is None or now <= before[1] or value < before[0]:
            return None
        return float((value - before[0]) * 1000.0 / (now - before[1]))


PLUGIN = Plugin(PrometheusOptions, PrometheusSource)
