"""Alerts that are open in history and nowhere else, and their ends. Pure but for the clock passed in.

An end is missing in history where a thing was deleted while alerting was down: then no board knows of it. It is missing
too where Kafka had taken the twin's half of an end when the process was killed and not history's, where a twin was made
anew or restored from a backup, and where a thing was moved to another room or row, whose points are another series. So
what history has as open is compared with the boards a while after each site's begin, and now and then from then on.
What the twin feed misses while it is away needs none of this: on its return it reads all things, and those that are
gone are gone for the board too.

An end is said once by a process. History may be behind, so what was said is remembered, and a new process waits before
it looks; where history is behind for longer than that, an end comes twice, which its readers take for one.
Next: `history` looks, `main` says the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from alerting.board import Board, Change
from alerting.rules import BY_NAME, Rule
from alerting.view import Finding
from racktwin.names import ThingId

# After a failure it is looked again so soon, then each time twice as late, up to the second (s).
_AGAIN_S: Final = 5.0
_AGAIN_MOST_S: Final = 600.0
# Ends that were said are remembered for so long, for a history that is behind (ms).
_KEPT_MS: Final = 86_400_000

# Thing, rule, room, row: a series of the measurement `alert`.
Series = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """An alert that is open in history: the series that holds its begin (no room or row: empty), and when that was
    (epoch ms)."""

    thing: str
    rule: str
    room: str
    row: str
    since: int

    @property
    def series(self) -> Series:
        """Where its end belongs."""
        return self.thing, self.rule, self.room, self.row


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a site's history gave: what is open in it, and which of its things Ditto does not have."""

    left: tuple[Left, ...]
    gone: frozenset[str]


class Leftovers:
    """When to look at which site's history, and which ends are missing. Called from one thread."""

    def __init__(
        self,
        ask: Callable[[str, frozenset[str]], object],
        *,
        after_s: float,
        every_s: float,
        clock: Callable[[], float],
    ) -> None:
        """``ask(site, things)`` begins a look, where the things of the site that are known are those; its outcome comes
        to `over` or `failed`. ``after_s``: so long after a site's begin, then ``every_s``. ``clock``: monotonic s."""
        self._ask = ask
        self._after_s = after_s
        self._every_s = every_s
        self._clock = clock
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._ended: dict[Series, int] = {}

    def begin(self, site: str) -> None:
        """Alerting begins with a site."""
        self._due[site] = self._clock() + self._after_s

    def ask_if_due(self, site: str, things: Collection[str]) -> None:
        """Begin a look if it is time."""
        if self._clock() >= self._due.get(site, math.inf):
            # Until its outcome comes there is no other.
            self._due[site] = math.inf
            self._ask(site, frozenset(things))

    def failed(self, site: str) -> float:
        """A look failed; in how many seconds the next one is."""
        count = self._failures.get(site, 0)
        self._failures[site] = count + 1
        again_s = min(_AGAIN_S * 2.0 ** min(count, 10), _AGAIN_MOST_S)
        self._due[site] = self._clock() + again_s
        return again_s

    def over(self, site: str, found: Found, things: Collection[str], board: Board, now: int) -> Iterator[Change]:
        """The ends that are missing in the site's history. ``things``: those that are known of the site by now."""
        self._failures.pop(site, None)
        self._due[site] = self._clock() + self._every_s
        still = {left.series for left in found.left}
        self._ended = {key: at for key, at in self._ended.items() if key in still or now - at < _KEPT_MS}
        for left in found.left:
            if self._ended.get(left.series, -1) >= left.since:
                continue
            if left.thing in things:
                if board.has_none(left.thing, left.rule):
                    yield _end(left, now, "it is not open any more")
            elif left.thing in found.gone:
                yield _end(left, now, "it is no more")

    def said(self, change: Change) -> None:
        """A change was written to history."""
        if change.what == "cleared":
            attributes = change.thing.get("attributes") or {}
            place = str(attributes.get("location") or ""), str(attributes.get("row") or "")
            self._ended[change.thing["thingId"], change.rule.name, *place] = change.at


def _end(left: Left, now: int, why: str) -> Change:
    # As it was when the alert began: the end belongs to the same series.
    thing = {"thingId": left.thing, "attributes": {"location": left.room or None, "row": left.row or None}}
    rule = BY_NAME.get(left.rule) or Rule(left.rule, left.rule, "warning", (), 0.0, "", lambda _view: None)
    finding = Finding(False, math.nan, math.nan, f"{ThingId.parse(left.thing).name}: {why}")
    # After its begin also where the clocks of two machines differ.
    return Change(thing, rule, "cleared", max(now, left.since + 1), left.since, finding, history_only=True)
