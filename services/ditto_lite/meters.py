"""Counters of connections over the last minute, hour and day, in the form of Ditto's metrics. Pure but for the
clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ditto_lite.clocks import iso

INBOUND = ("consumed", "mapped", "other", "dropped", "enforced", "acknowledged", "throttled")
OUTBOUND = ("dispatched", "filtered", "mapped", "other", "dropped", "published", "acknowledged")
_WINDOWS = {"PT1M": 1, "PT1H": 60, "PT24H": 1440}


class Meters:
    """Counts by (direction, address, what, success)."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._minutes: dict[tuple[str, str, str, bool], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._last: dict[tuple[str, str, str, bool], int] = {}

    def count(self, direction: str, address: str, what: str, success: bool = True, amount: int = 1) -> None:
        """Count what happened now."""
        now = self._clock()
        key = (direction, address, what, success)
        minutes = self._minutes[key]
        minutes[now // 60_000] += amount
        self._last[key] = now
        if len(minutes) > 1500:
            for minute in [each for each in minutes if each < now // 60_000 - 1440]:
                del minutes[minute]

    def reset(self) -> None:
        """Begin again at 0."""
        self._minutes.clear()
        self._last.clear()

    def _one(self, direction: str, addresses: list[str], what: str, success: bool) -> dict[str, Any]:
        minute = self._clock() // 60_000
        keys = [(direction, address, what, success) for address in addresses]
        counted: dict[str, Any] = {
            name: sum(n for key in keys for at, n in self._minutes.get(key, {}).items() if at > minute - length)
            for name, length in _WINDOWS.items()
        }
        last = [self._last[key] for key in keys if key in self._last]
        counted["lastMessageAt"] = iso(max(last)) if last else None
        return counted

    def report(self, direction: str, addresses: list[str]) -> dict[str, Any]:
        """Ditto's metrics of some addresses."""
        return {
            what: {
                "success": self._one(direction, addresses, what, True),
                "failure": self._one(direction, addresses, what, False),
            }
            for what in (INBOUND if direction == "inbound" else OUTBOUND)
        }
