"""How many Kubernetes Events may be posted: a bucket of tokens for each severity. Pure: time is passed in.

Ten thousand racks that become ready at once would be ten thousand writes that nobody reads; the API server keeps an
Event for an hour. Conditions say the same of each resource, and what is left out is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Severity = Literal["Normal", "Warning"]


class EventBudget:
    """`burst` Events at once, then `per_s`; warnings have a bucket of their own. `monotonic` in seconds."""

    def __init__(self, monotonic: Callable[[], float], burst: int = 100, per_s: float = 2.0) -> None:
        self._monotonic = monotonic
        self._burst = burst
        self._per_s = per_s
        self._tokens: dict[Severity, tuple[float, float]] = {}

    def allows(self, severity: Severity) -> bool:
        """Whether one more may be posted now; it then counts as posted."""
        now = self._monotonic()
        left, at = self._tokens.get(severity, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._per_s)
        allowed = left >= 1
        self._tokens[severity] = (left - 1 if allowed else left, now)
        return allowed
