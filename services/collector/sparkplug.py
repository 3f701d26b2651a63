"""Sparkplug B payloads (Eclipse Tahu's protobuf), read without protobuf: the few fields that carry values. Pure.

Births name metrics and give them aliases; data messages may carry the alias alone, so births are remembered per node
and device. Next: `collector.protocols.mqtt`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

NODE_REBIRTH: Final = "Node Control/Rebirth"
_KINDS: Final = ("NBIRTH", "NDATA", "DBIRTH", "DDATA", "NDEATH", "DDEATH")
# Data types whose integers are signed, by their bits.
_SIGNED: Final = {1: 8, 2: 16, 3: 32, 4: 64}
_BOOLEAN: Final = 11


@dataclass(slots=True)
class Metric:
    """One metric of a payload; ``time`` is epoch ms, None where it has none."""

    name: str = ""
    alias: int | None = None
    time: int | None = None
    value: float | str | bool | None = None


@dataclass(slots=True)
class Update:
    """What one message says: values by metric name, each with its time. ``unknown``: aliases that nobody explained."""

    group: str
    node: str
    device: str
    values: dict[str, tuple[Any, int]] = field(default_factory=dict)
    unknown: bool = False


class Nodes:
    """What births said, of all nodes."""

    def __init__(self) -> None:
        self._aliases: dict[str, dict[int, str]] = {}

    def take(self, topic: str, payload: bytes, now_ms: int) -> Update | None:
        """One message; None for what is no telemetry."""
        parts = topic.split("/")
        if len(parts) not in (4, 5) or parts[2] not in _KINDS:
            return None
        _, group, what, node = parts[:4]
        update = Update(group, node, "/".join([group, node, *parts[4:]]))
        key = f"{group}/{node}"
        if what.endswith("DEATH"):
            if what == "NDEATH":
                self._aliases.pop(key, None)
            return None
        try:
            time, metrics = decode(payload)
        except (ValueError, IndexError, struct.error):
            return None
        if what == "NBIRTH":
            self._aliases[key] = {}
        aliases = self._aliases.setdefault(key, {})
        for metric in metrics:
            if metric.name and metric.alias is not None and what.endswith("BIRTH"):
                aliases[metric.alias] = metric.name
            name = metric.name or (aliases.get(metric.alias, "") if metric.alias is not None else "")
            if not name:
                update.unknown = True
            elif metric.value is not None:
                update.values[name] = (metric.value, metric.time or time or now_ms)
        return update


def decode(payload: bytes) -> tuple[int | None, list[Metric]]:
    """Time of a payload and its metrics.

    Raises:
        ValueError, IndexError, struct.error: it is no Sparkplug B payload.
    """
    time = None
    metrics = []
    for number, value in _fields(payload):
        if number == 1 and isinstance(value, int):
            time = value
        elif number == 2 and isinstance(value, bytes):
            metrics.append(_metric(value))
    return time, metrics


def _metric(data: bytes) -> Metric:
    metric = Metric()
    kind = 0
    raw: Any = None
    null = False
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            metric.name = value.decode()
        elif number == 2 and isinstance(value, int):
            metric.alias = value
        elif number == 3 and isinstance(value, int):
            metric.time = value
        elif number == 4 and isinstance(value, int):
            kind = value
        elif number == 7:
            null = bool(value)
        elif number in (10, 11):
            raw = value
        elif number == 12 and isinstance(value, bytes):
            raw = struct.unpack("<f", value)[0]
        elif number == 13 and isinstance(value, bytes):
            raw = struct.unpack("<d", value)[0]
        elif number == 14:
            raw = bool(value)
        elif number == 15 and isinstance(value, bytes):
            raw = value.decode()
    bits = _SIGNED.get(kind)
    if bits is not None and isinstance(raw, int):
        # Negative numbers travel as the unsigned number of the same bits, of 32 or of the type's own.
        raw &= (1 << bits) - 1
        raw -= (1 << bits) if raw >> (bits - 1) else 0
    metric.value = None if null else raw
    return metric


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protobuf message: varints as int, the rest as bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(data):
            raise ValueError("cut off")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, at
        shift += 7
        if shift > 63:
            raise ValueError("varint of more than 64 bits")


def rebirth(now_ms: int) -> bytes:
    """The command by which a node is asked to introduce itself again."""
    name = NODE_REBIRTH.encode()
    metric = b"\x0a" + bytes([len(name)]) + name + b"\x18" + _encode(now_ms) + b"\x20" + bytes([_BOOLEAN]) + b"\x70\x01"
    return b"\x08" + _encode(now_ms) + b"\x12" + _encode(len(metric)) + metric


def _encode(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
