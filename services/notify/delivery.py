"""One event to the receiver: posted, and posted again with growing waits, until it is taken or given up.

Next: `notify.work` runs this in lanes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import requests

from notify import metrics, signing
from notify.events import CONTENT_TYPE
from racktwin import __version__

# The receiver has read it and will never take it: asking again would end the same way.
_NEVER: Final = frozenset({400, 410, 413, 415, 422})
_SAID: Final = 200


@dataclass(frozen=True, slots=True)
class Terms:
    """How an event is sent."""

    url: str
    secret: str
    tries: int
    first_wait_s: float
    longest_wait_s: float
    timeout_s: float
    token: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: taken, given up with a reason, or (`taken` None) left for later because we stop."""

    taken: bool | None
    reason: str = ""


class Delivery:
    """Posts events over one kept-alive connection; one per thread."""

    def __init__(
        self,
        terms: Terms,
        clock_ms: Callable[[], int],
        pause: Callable[[float], bool],
        *,
        session: requests.Session | None = None,
        spread: Callable[[], float] = random.random,
    ) -> None:
        """`pause(seconds)` waits and says whether to stop; `spread` gives 0 to 1, so that lanes do not ask in step."""
        self._terms, self._clock_ms, self._pause, self._spread = terms, clock_ms, pause, spread
        self._session = session or requests.Session()

    def send(self, identity: str, body: bytes) -> Outcome:
        """Deliver one event."""
        reason = ""
        for attempt in range(self._terms.tries):
            if attempt:
                wait = min(self._terms.first_wait_s * 2 ** (attempt - 1), self._terms.longest_wait_s)
                if self._pause(wait * (0.5 + self._spread() / 2)):
                    return Outcome(None)
            status, reason = self._post(identity, body)
            if 200 <= status < 300:
                metrics.DELIVERED.inc()
                return Outcome(True)
            metrics.FAILED.labels(str(status) if status else "unreachable").inc()
            if status in _NEVER:
                return Outcome(False, f"the receiver refused it: {reason}")
        return Outcome(False, f"{self._terms.tries} attempts, the last: {reason}")

    def _post(self, identity: str, body: bytes) -> tuple[int, str]:
        headers = signing.headers(self._terms.secret, identity, self._clock_ms() // 1000, body)
        headers |= {"Content-Type": CONTENT_TYPE, "User-Agent": f"racktwin/{__version__}"}
        if self._terms.token:
            headers["Authorization"] = f"Bearer {self._terms.token}"
        try:
            answer = self._session.post(
                self._terms.url, data=body, headers=headers, timeout=self._terms.timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            return 0, f"{type(error).__name__}: {' '.join(str(error).split())[:_SAID]}"
        return answer.status_code, f"{answer.status_code} {' '.join(answer.text[:_SAID].split())}".strip()
