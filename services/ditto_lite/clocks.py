"""Instants as Ditto writes them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)
def iso(at_ms: int) -> str:
    """Epoch milliseconds UTC as ``2026-11-20T23:33:29.009Z``."""
    text = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at_ms % 1000:03d}Z"
