"""Runs one step of a reconcile and turns what comes of it into a verdict."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from rack_operator import metrics
from rack_operator.clients.http import DependencyError
from rack_operator.reconcile.conditions import NotReadyError, Verdicts

T = TypeVar("T")


class Known(Enum):
    """What is known of an object before it is looked at."""

    NEVER_MADE = "probably never made: try to create it first"
    MADE = "made before: read it"
    SETTLED = "as desired when last looked at: what a sweep has read of it may be believed"


@dataclass
class Progress:
    """Verdicts of one reconcile, and what it changed.

    `settled` says that the resource had been as desired at this generation: then a change is drift.
    """

    verdicts: Verdicts
    settled: bool
    changed: list[str] = field(default_factory=list)

    def note(self, what: str, wrote: bool) -> None:
        """Counts a write to an object of the kind `what`."""
        if wrote:
            self.changed.append(what)
            if self.settled:
                metrics.DRIFT.labels(what).inc()

    async def step(self, type_: str, work: Awaitable[T]) -> T | None:
        """Awaits `work`; a failure becomes a False condition of type `type_` and None."""
        try:
            result = await work
        except DependencyError as error:
            self.verdicts.bad(type_, error.reason, str(error))
            return None
        except NotReadyError as error:
            self.verdicts.bad(type_, error.reason, str(error))
            return None
        if type_ not in self.verdicts.held:
            self.verdicts.good(type_)
        return result
