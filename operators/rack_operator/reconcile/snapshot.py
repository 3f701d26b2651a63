"""What a sweep read in bulk of things and Secrets, kept for the reconciles that it asks for.

It can only spare a read, never cause a write: what it shows as desired is believed, whatever differs is read again.
Believed for a short while, once, and of resources that were as desired already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

JsonObject = dict[str, Any]


class Snapshot:
    """Objects by name as JSON text. `monotonic` in seconds; what is older than `valid_s` is not believed."""

    def __init__(self, monotonic: Callable[[], float], valid_s: float = 120.0) -> None:
        self._monotonic = monotonic
        self._valid_s = valid_s
        self._held: dict[str, tuple[float, bytes]] = {}

    def put(self, name: str, body: bytes) -> None:
        """Keeps what was read just now."""
        self._held[name] = (self._monotonic(), body)

    def take(self, name: str) -> JsonObject | None:
        """What was read of the object, once; None when nothing, or too long ago."""
        at, body = self._held.pop(name, (0.0, b""))
        if not body or self._monotonic() - at > self._valid_s:
            return None
        parsed: JsonObject = msgspec.json.decode(body)
        return parsed

    def clear(self) -> None:
        """Forgets everything."""
        self._held.clear()
