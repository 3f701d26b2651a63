"""What goes to the twins, site by site: a coalescer and a flow for each, so that one site's slow or closed connection
holds up no other.

Pure but for the watch it reads from. Next: `ingest.work` writes the merges to the twin topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from ingest import metrics
from ingest.coalesce import Coalescer, Merge
from ingest.fleet import Pace, Silent
from ingest.flow import Offsets, TwinFlow

# How much longer slow features wait as soon as Ditto cannot take everything.
_SLOW_STRETCH: Final = 4.0
# All things are looked at for silence once in so many calls of this distance (ms).
_SILENCE_EVERY_MS: Final = 50
_SILENCE_ROUND: Final = 20


class Watch(Protocol):
    """The part of `ingest.pressure.TwinWatch` that is read here."""

    sites: frozenset[str]

    def take(self) -> dict[str, Offsets]:
        """What was seen since the last call, by site."""


class _Site:
    def __init__(self, coalescer: Coalescer, flow: TwinFlow) -> None:
        self.coalescer = coalescer
        self.flow = flow
        # When something due last had to wait; None once Ditto has kept up for a while.
        self.limited_at: int | None = None


class Twins:
    """All sites' coalescers. Not thread safe. Times in epoch ms."""

    def __init__(
        self,
        coalescer: Callable[[], Coalescer],
        flow: Callable[[], TwinFlow] = TwinFlow,
        watch: Watch | None = None,
        calm_ms: int = 30_000,
        interval_ms: Callable[[str, Pace], int] = lambda feature, pace: pace.critical_ms,
    ) -> None:
        """`coalescer`, `flow`: make those of a site; `watch`: None sends whatever is due.

        `interval_ms`: of a feature at a site's pace, for sites that say one (`pace`).
        `calm_ms`: how long Ditto must have kept up before slow features go by their own interval again.
        """
        self._coalescer = coalescer
        self._flow = flow
        self._watch = watch
        self._calm_ms = calm_ms
        self._sites: dict[str, _Site] = {}
        self._silence_at = 0
        self._interval_ms = interval_ms
        self._paces: Mapping[str, Pace] = {}

    def __len__(self) -> int:
        """How many things have something pending."""
        return sum(len(site.coalescer) for site in self._sites.values())

    def of(self, site: str) -> Coalescer:
        """A site's coalescer."""
        found = self._sites.get(site)
        if found is None:
            found = self._sites[site] = _Site(self._coalescer(), self._flow())
            self._retime(site)
            if self._watch is not None:
                self._watch.sites = frozenset(self._sites)
        return found.coalescer

    def pace(self, paces: Mapping[str, Pace]) -> None:
        """Take what the Sites say of their intervals; a site that says nothing keeps to what it has."""
        if paces is self._paces:
            return
        before, self._paces = self._paces, paces
        for site in self._sites:
            if paces.get(site) != before.get(site):
                self._retime(site)

    def _retime(self, site: str) -> None:
        pace = self._paces.get(site)
        if pace is not None:
            self._sites[site].coalescer.retime(lambda feature: self._interval_ms(feature, pace), pace.critical_ms)

    def due(self, now: int) -> list[Merge]:
        """The merges that are due and for which Ditto has room; called often."""
        if self._watch is not None:
            for name, seen in self._watch.take().items():
                self._observe(name, seen)
        if now >= self._silence_at:
            self._silence_at = now + _SILENCE_EVERY_MS
            for name, site in self._sites.items():
                found = site.coalescer.silence(now, 1 / _SILENCE_ROUND)
                if found:
                    metrics.STALE.labels(name).inc(found)
        merges: list[Merge] = []
        for site in self._sites.values():
            due = site.coalescer.next_due()
            if due is None or due > now:
                continue
            credit = site.flow.credit()
            taken = site.coalescer.take(now, credit)
            due = site.coalescer.next_due()
            waits = credit is not None and due is not None and due <= now
            site.flow.spent(len(taken))
            if waits:
                site.limited_at = now
                site.coalescer.slow_stretch = _SLOW_STRETCH
            merges += taken
        return merges

    def unheard(self, silent: Iterable[Silent], now: int, allowed_ms: int) -> None:
        """Make stale what the twins show of features that nobody reports any more; see `Coalescer.unheard`."""
        for one in silent:
            coalescer = self.of(one.site)
            if coalescer.unheard(
                one.thing, one.feature, one.observed_at, site=one.site, now=now, allowed_ms=allowed_ms
            ):
                metrics.STALE.labels(one.site).inc()

    def drain(self, now: int) -> list[Merge]:
        """Everything pending that Ditto has room for: before a graceful stop. The rest is read again."""
        merges: list[Merge] = []
        for site in self._sites.values():
            credit = site.flow.credit()
            if credit is None or credit >= len(site.coalescer):
                merges += site.coalescer.drain(now)
        return merges

    def held(self) -> dict[tuple[str, int], int]:
        """Per topic and partition the lowest offset that pending values still need."""
        lowest: dict[tuple[str, int], int] = {}
        for site in self._sites.values():
            for at, offset in site.coalescer.held().items():
                lowest[at] = min(offset, lowest.get(at, offset))
        return lowest

    def drop(self, partitions: Iterable[tuple[str, int]]) -> None:
        """Forget what came from these partitions; see `Coalescer.drop`."""
        gone = set(partitions)
        for site in self._sites.values():
            site.coalescer.drop(gone)

    def forget(self, exists: Callable[[str], bool]) -> None:
        """Drop the state of things that are no more."""
        for site in self._sites.values():
            site.coalescer.forget(exists)

    def stalled(self, now: int) -> list[str]:
        """Sites whose connection has not moved for too long while merges wait for it."""
        return [name for name, site in self._sites.items() if site.flow.stalled(now)]

    def _observe(self, name: str, seen: Offsets) -> None:
        site = self._sites[name]
        site.flow.observe(seen, len(site.coalescer))
        if site.limited_at is not None and seen.at_ms - site.limited_at > self._calm_ms:
            site.limited_at = None
            site.coalescer.slow_stretch = 1.0
        metrics.TWIN_QUEUED.labels(name).set(site.flow.queued)
        metrics.TWIN_QUEUE_AGE.labels(name).set(site.flow.age_ms / 1000)
        metrics.TWIN_WINDOW.labels(name).set(site.flow.window if site.flow.known else 0)
        metrics.TWIN_LIMITED.labels(name).set(site.limited_at is not None)
