"""What has still to be acknowledged: order, window, resending, and devices that the adapter hangs up on. Pure.

A broken connection says nothing of which message broke it, and a Hono adapter hangs up on a whole gateway for one
unknown device. So after a loss the window starts at one message and doubles with each acknowledgement; a device whose
message is alone in flight at two losses is left out for a while, and its messages wait. Not thread safe.
Used by the gateway and by the collectors.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

STRIKES: Final = 2
QUARANTINE_S: Final = 30.0


@dataclass(slots=True, eq=False)
class Pack:
    """One message of one device. ``readings`` counts its values; ``attempts`` how often it was given to the adapter."""

    device: str
    seq: int
    payload: bytes
    readings: int
    attempts: int = 0
    sent_at: float = 0.0


class Outbox:
    """Packs in the order they were offered; times are monotonic seconds."""

    def __init__(self, window: int, limit: int) -> None:
        self._max_window = window
        self._limit = limit
        self._window = window
        self._pending: deque[Pack] = deque()
        self._in_flight: dict[int, Pack] = {}
        self._parked: dict[str, deque[Pack]] = {}
        self._until: dict[str, float] = {}
        self._strikes: dict[str, int] = {}

    def offer(self, pack: Pack) -> Pack | None:
        """Take a pack; returns the oldest one, given up, when the limit is reached."""
        parked = self._parked.get(pack.device)
        (parked if parked is not None else self._pending).append(pack)
        if self.backlog() <= self._limit:
            return None
        if self._pending:
            return self._pending.popleft()
        device = next(iter(self._parked), None)
        return self._parked[device].popleft() if device is not None and self._parked[device] else None

    def take(self, now: float) -> Pack | None:
        """The next pack to give to the adapter, or None when the window is full or nothing waits."""
        self._release(now)
        if len(self._in_flight) >= self._window or not self._pending:
            return None
        return self._pending.popleft()

    def sent(self, mid: int, pack: Pack, now: float) -> None:
        """The pack is under way with this message id."""
        pack.attempts += 1
        pack.sent_at = now
        self._in_flight[mid] = pack

    def acked(self, mid: int) -> Pack | None:
        """The adapter has it. None for an id that is not in flight (of an earlier connection)."""
        pack = self._in_flight.pop(mid, None)
        if pack is not None:
            self._strikes.pop(pack.device, None)
            self._window = min(self._max_window, self._window * 2)
        return pack

    def connection_lost(self, now: float) -> str | None:
        """Everything in flight goes again, in its order. Returns a device that is left out from now on, if any."""
        suspects = self.retry_all()
        if not suspects:
            return None
        alone = len(suspects) == 1 and self._window == 1
        self._window = 1
        if not alone:
            return None
        device = suspects[0].device
        self._strikes[device] = self._strikes.get(device, 0) + 1
        if self._strikes[device] < STRIKES:
            return None
        self._parked[device] = deque(pack for pack in self._pending if pack.device == device)
        self._pending = deque(pack for pack in self._pending if pack.device != device)
        self._until[device] = now + QUARANTINE_S
        return device

    def retry_all(self) -> list[Pack]:
        """Everything in flight goes again, first and in its order; nobody is suspected. Returns it."""
        packs = list(self._in_flight.values())
        self._in_flight.clear()
        self._pending.extendleft(reversed(packs))
        return packs

    def forget(self, device: str) -> list[Pack]:
        """The device is no longer ours: what waits of it is given up (what is in flight is not)."""
        given_up = [pack for pack in self._pending if pack.device == device] + list(self._parked.pop(device, ()))
        self._pending = deque(pack for pack in self._pending if pack.device != device)
        self._until.pop(device, None)
        self._strikes.pop(device, None)
        return given_up

    def backlog(self) -> int:
        """Packs without an acknowledgement."""
        return len(self._pending) + len(self._in_flight) + sum(map(len, self._parked.values()))

    def ready(self) -> int:
        """Packs that wait or are under way, without those of devices left out."""
        return len(self._pending) + len(self._in_flight)

    def in_flight(self) -> int:
        """Packs under way."""
        return len(self._in_flight)

    def quarantined(self) -> list[str]:
        """Devices left out at present."""
        return sorted(self._until)

    def _release(self, now: float) -> None:
        for device in [device for device, until in self._until.items() if until <= now]:
            del self._until[device]
            # Older than what waits, so they go first; one strike more and the device is out again.
            self._pending.extendleft(reversed(self._parked.pop(device)))
            self._strikes[device] = STRIKES - 1
            self._window = 1
