"""Pieces of Flux queries, and times as Flux writes them. Pure. Next: `console.history` asks InfluxDB."""

from __future__ import annotations

from datetime import UTC, datetime

from racktwin.history import Span


def from_span(span: Span) -> str:
    """Where a span is read from."""
    start, stop = rfc3339(span.start_ms), rfc3339(span.end_ms)
    return f"from(bucket: {literal(span.bucket)}) |> range(start: {start}, stop: {stop})"


def aggregate(step_s: int, *, words: bool) -> str:
    """One value a step: the mean, of words the last."""
    how = "last" if words else "mean"
    return f'aggregateWindow(every: {step_s}s, fn: {how}, createEmpty: false, timeSrc: "_start")'


def literal(value: str) -> str:
    """A Flux string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def rfc3339(ms: int) -> str:
    """Epoch ms as Flux takes a time."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(at: datetime) -> int:
    """A time as epoch ms."""
    return round(at.timestamp() * 1000)
