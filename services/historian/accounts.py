"""What this hop lost, got twice or late, by what its readings say of themselves. Pure; the counts go to /metrics.

Ingest counts the packs of each device; here it is the readings on their way out. Numbers are followed per sending
device over all of its things: a number counts as missing while no reading of any thing bore it, so one that comes by
another partition closes the gap. Times are followed per thing and feature: the same one again is a repeat (harmless:
InfluxDB keeps one), an older one is late. Next: `historian.work` feeds it, `historian.metrics` shows it.
"""

from __future__ import annotations

import dataclasses

from racktwin import names
from racktwin.messages import Reading
from racktwin.sequence import SequenceCounts, SequenceTracker

_NEVER = -(2**62)


@dataclasses.dataclass(slots=True)
class Counts:
    """Totals since the process began, of one site and kind of device (numbers) or of thing (times)."""

    repeated: int = 0
    late: int = 0
    # Filled when it is asked for.
    numbers: SequenceCounts = dataclasses.field(default_factory=SequenceCounts)


class Accounts:
    """Follows everything that is written. Memory: two small entries per thing and feature, one per device."""

    def __init__(self) -> None:
        # Site and kind -> tracker of devices' numbers, and counts.
        self._classes: dict[tuple[str, str], tuple[SequenceTracker, Counts]] = {}
        self._devices: dict[str, tuple[int, tuple[SequenceTracker, Counts]]] = {}
        self._newest: dict[tuple[str, str], int] = {}

    def take(self, site: str, reading: Reading, now_ms: int) -> None:
        """Account for one reading."""
        series = (reading.thing, reading.feature)
        at = reading.observed_at
        newest = self._newest.get(series, _NEVER)
        if at > newest:
            self._newest[series] = at
        else:
            counts = self._class(site, reading.kind)[1]
            if at == newest:
                counts.repeated += 1
            else:
                counts.late += 1
        seq = reading.seq
        if seq is None:
            return
        known = self._devices.get(reading.device)
        # A pack's readings all bear its number.
        if known is not None and known[0] == seq:
            return
        one = known[1] if known is not None else self._class(site, names.kind_of(reading.device))
        self._devices[reading.device] = (seq, one)
        one[0].observe(reading.device, seq, now_ms)

    def counts(self) -> dict[tuple[str, str], Counts]:
        """Site and kind -> totals so far."""
        return {
            at: dataclasses.replace(counts, numbers=dataclasses.replace(tracker.counts))
            for at, (tracker, counts) in self._classes.items()
        }

    def reset(self) -> None:
        """Begin anew: partitions changed hands, and what came meanwhile went elsewhere. Totals stay."""
        self._devices.clear()
        self._newest.clear()
        for tracker, _ in self._classes.values():
            tracker.reset()

    def forget(self, before_ms: int) -> None:
        """Drop what was not heard of since `before_ms` (epoch ms): bounds memory when devices come and go."""
        self._newest = {series: at for series, at in self._newest.items() if at >= before_ms}
        for tracker, _ in self._classes.values():
            tracker.forget(before_ms)
        self._devices = {name: held for name, held in self._devices.items() if held[1][0].follows(name)}

    def _class(self, site: str, kind: str) -> tuple[SequenceTracker, Counts]:
        found = self._classes.get((site, kind))
        if found is None:
            found = self._classes[site, kind] = (SequenceTracker(), Counts())
        return found
