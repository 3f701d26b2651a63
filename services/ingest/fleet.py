"""Who is who, without ever waiting for Ditto on the hot path.

A background thread asks Ditto (all things at the start and again every `fresh_s`, single ones on a miss); the consuming
thread only reads what is known and gets `WAITING` for what is being asked. So a Ditto that hangs or is gone stops no
reading of a thing that is known, and a refresh of ten thousand things stalls nobody. A thing that Ditto does not
have is remembered as absent for a few seconds: a stranger's stream costs one GET now and then, and a new rack is
known soon after it was made. `Entry` and its making are `racktwin.directory`'s; what to do with a waiting message is
`ingest.work`'s.
"""

from __future__ import annotations

import dataclasses
import math
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from racktwin import drives
from racktwin.catalogue import feature_of
from racktwin.directory import FIELDS, Entry, Source, entry_of
from racktwin.ditto_client import DittoError
from racktwin.names import ThingId


class Waiting:
    """The type of `WAITING`."""


WAITING: Final = Waiting()
_ABSENT_KEPT: Final = 50_000
# So many questions at once are answered by loading all things; no more often than this, for strangers stay unknown (s).
_MANY: Final = 50
_SEARCH_EVERY_S: Final = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds between two merges of a site's critical and slow features."""

    critical_ms: int
    slow_ms: int


@dataclasses.dataclass(frozen=True, slots=True)
class Silent:
    """A feature whose twin says that it is good, with the time of what it shows (epoch ms)."""

    thing: str
    site: str
    feature: str
    observed_at: int


_FIELDS: Final = f"{FIELDS},attributes/intervals,features"


class Fleet:
    """The things of the sites. `get` and `problem` are for the consuming thread, `run` is the background thread's."""

    def __init__(
        self,
        source: Source,
        clock: Callable[[], int],
        log: structlog.stdlib.BoundLogger,
        *,
        namespaces: str | None = None,
        fresh_s: float = 300.0,
        absent_ms: int = 3000,
        retry_s: float = 1.0,
        quiet_ms: int = 120_000,
    ) -> None:
        """`namespaces`: comma-separated Ditto namespaces to load, None for all that the subject may read.

        `quiet_ms`: age from which on a twin's value makes its feature one that may have fallen silent.
        """
        self._source = source
        self._clock = clock
        self._log = log
        self._namespaces = namespaces
        self._fresh_s = fresh_s
        self._absent_ms = absent_ms
        self._retry_s = retry_s
        # Replaced or filled key by key by the background thread: single dict operations are atomic.
        self._known: dict[str, Entry] = {}
        self._absent: dict[str, int] = {}
        self._asked: set[str] = set()
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        # Observation times (epoch ms) on the twins, by thing and feature, as of the last loading.
        self._held: dict[str, dict[str, int]] = {}
        self._soon = False
        # What had not been heard of for `quiet_ms` when all things were last loaded; None once it was taken.
        self._silent: list[Silent] | None = None
        self._quiet_ms = quiet_ms
        # What the Sites say of their intervals; replaced when it changes.
        self.paces: Mapping[str, Pace] = {}
        # Why Ditto cannot be asked at present, None when it can.
        self.problem: str | None = None
        # Counts answers, so that the consumer knows when to look again at what waits.
        self.answers = 0

    def __len__(self) -> int:
        """How many things are known."""
        return len(self._known)

    def get(self, thing: str) -> Entry | Waiting | None:
        """The entry; None when Ditto has no such thing; `WAITING` while it is being asked. Never blocks."""
        entry = self._known.get(thing)
        if entry is not None:
            return entry
        if not _well_formed(thing):
            # Ditto cannot have it, and a device's text must not become part of a URL.
            return None
        since = self._absent.get(thing)
        if since is not None and self._clock() - since < self._absent_ms:
            return None
        if thing not in self._asked:
            self._asked.add(thing)
            self._wanted.put(thing)
        return WAITING

    def held(self, thing: str) -> Mapping[str, int]:
        """Observation time (epoch ms) per feature that the thing's twin held when Ditto was last asked."""
        return self._held.get(thing, {})

    def refresh_soon(self) -> None:
        """Have all things loaded again without waiting for `fresh_s` to pass."""
        self._soon = True

    def silent(self) -> list[Silent]:
        """Reported features whose twins showed something good and old when all were loaded; each loading tells once."""
        found, self._silent = self._silent, None
        return found or []

    def knows(self, thing: str) -> bool:
        """Whether the thing is known, without asking for it."""
        return thing in self._known

    def run(self, stop: threading.Event) -> None:
        """The background thread: load all, then answer what is wanted, until `stop` is set."""
        refreshed: float | None = None
        searched = -math.inf
        while not stop.is_set():
            now = self._clock() / 1000
            if refreshed is None or self._soon or now - refreshed >= self._fresh_s:
                self._soon = False
                # A failed load is not repeated before single questions were tried: those matter more.
                self.refresh()
                refreshed = now if self.problem is None else now - self._fresh_s + self._retry_s
            try:
                thing = self._wanted.get(timeout=0.2)
            except queue.Empty:
                continue
            if thing in self._known:
                # A loading of all things answered it meanwhile.
                self._asked.discard(thing)
                continue
            if self._wanted.qsize() >= _MANY and now - searched >= _SEARCH_EVERY_S:
                # A new site, say: a page of a search answers as many as two hundred questions.
                searched = now
                self._soon = True
                self._wanted.put(thing)
                continue
            if not self.look_up(thing):
                self._wanted.put(thing)
                stop.wait(self._retry_s)

    def refresh(self) -> None:
        """Load every thing that Ditto shows us; what it no longer shows is asked for by name when next needed."""
        try:
            loaded: dict[str, Entry] = {}
            silent: list[Silent] = []
            paces: dict[str, Pace] = {}
            before = self._clock() - self._quiet_ms
            for thing in self._source.search(namespaces=self._namespaces, fields=_FIELDS):
                entry = entry_of(thing)
                if entry is not None:
                    # The same text for the same thing, however often it is loaded.
                    known = self._known.get(entry.thing)
                    loaded[entry.thing] = known if known == entry else entry
                    if entry.kind == "site" and (pace := pace_of(thing)) is not None:
                        paces[entry.site] = pace
                    self._held[entry.thing] = times = observed(thing)
                    silent += [
                        Silent(entry.thing, entry.site, feature, at)
                        for feature, at in times.items()
                        if at < before and _good(thing, feature) and feature_of(entry.kind, feature) is not None
                    ]
        except DittoError as error:
            self._unavailable(error)
            return
        self._available()
        for name in [name for name in self._known if name not in loaded]:
            # Search lags behind by a second or so: a thing found by name a moment ago may be missing from it.
            self.look_up(name)
        self._known.update(loaded)
        self._silent = silent
        if paces != self.paces:
            self.paces = paces
        self.answers += 1

    def look_up(self, thing: str) -> bool:
        """Ask Ditto for one thing; False when it cannot be asked."""
        try:
            found = self._source.get_thing(thing, fields=_FIELDS)
        except DittoError as error:
            self._unavailable(error)
            return False
        self._available()
        entry = entry_of(found) if found is not None else None
        if entry is None:
            if len(self._absent) >= _ABSENT_KEPT:
                self._absent.clear()
            self._absent[thing] = self._clock()
            self._known.pop(thing, None)
            self._held.pop(thing, None)
        else:
            assert found is not None
            self._held[thing] = observed(found)
            self._known[thing] = entry
            self._absent.pop(thing, None)
        self._asked.discard(thing)
        self.answers += 1
        return True

    def _unavailable(self, error: DittoError) -> None:
        if self.problem is None:
            self._log.warning("ditto cannot be asked; readings of unknown things wait", error=str(error))
        self.problem = str(error)

    def _available(self) -> None:
        if self.problem is not None:
            self._log.info("ditto answers again")
        self.problem = None


def pace_of(thing: Mapping[str, Any]) -> Pace | None:
    """A Site's intervals from its thing (``attributes.intervals``, seconds); None when it says none."""
    said: Any = (thing.get("attributes") or {}).get("intervals")
    try:
        critical, slow = (round(float(said[name]) * 1000) for name in ("criticalS", "slowS"))
    except (TypeError, KeyError, ValueError):
        return None
    return Pace(critical, slow) if critical > 0 and slow > 0 else None


def observed(thing: Mapping[str, Any]) -> dict[str, int]:
    """Observation time (epoch ms) per feature of a thing as Ditto's JSON; features without one are left out."""
    times: dict[str, int] = {}
    for name, properties in drives.unfold(thing.get("features") or {}):
        at = properties.get("observedAt")
        if isinstance(at, int):
            times[name] = at
    return times


def _good(thing: Mapping[str, Any], feature: str) -> bool:
    disk = drives.disk_of(feature)
    properties = thing["features"][drives.TWIN if disk else feature]["properties"]
    return bool((properties[drives.DISKS][disk] if disk else properties).get("quality", "good") == "good")


def _well_formed(thing: str) -> bool:
    try:
        ThingId.parse(thing)
    except ValueError:
        return False
    return True
