"""Rates measured on a real Ditto, that a stand-in can be told to keep to. Plain data and one pure function.

The stand-in is many times faster than what it stands for, so a benchmark against it says nothing about a real
installation. Next: :mod:`ditto_lite.pace` imposes a profile.

Where the numbers come from: Ditto 3.9.6, upstream's development configuration, five JVMs and MongoDB on four busy
cores, single runs, each operation measured alone. As they all used the same cores, one operation costs its share of
one budget here: 34 creates and 325 reads fill a second. Not imposed: the first minute after a restart, in which a real
Ditto takes 160 to 250 commands per second from Kafka; and nothing is added for a machine slower than that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

ProfileName = Literal["none", "ditto-3.9"]


class Operation(Enum):
    """What costs time."""

    CREATE = "create"
    CHANGE = "change"
    READ = "read"
    SEARCH = "search"
    KAFKA = "kafka"
    KAFKA_CREATE = "kafka create"


@dataclass(frozen=True, slots=True)
class Profile:
    """Rates in operations per second, the lag of the search index in seconds, and the buffer of outgoing events."""

    per_s: Mapping[Operation, float]
    search_lag_s: float
    events_per_s: float
    events_buffered: int


PROFILES: Final[Mapping[ProfileName, Profile | None]] = {
    "none": None,
    "ditto-3.9": Profile(
        per_s={
            # HTTP, things and policies: 68/s.
            Operation.CREATE: 68,
            # HTTP merge: 150 to 360/s. With 250 the measured p50 of 60 to 140 ms comes of 15 to 35 requests in flight.
            Operation.CHANGE: 250,
            # HTTP GET: 650/s.
            Operation.READ: 650,
            # HTTP search and count: 39/s.
            Operation.SEARCH: 39,
            # Ditto Protocol commands from Kafka: the ceiling is 800 to 900/s, beyond it they queue.
            Operation.KAFKA: 850,
            # That ceiling was measured with merges. In runs that had both, a create cost twice a merge: 118 to 128/s
            # against 231 to 272/s on a busier machine, things and policies alike.
            Operation.KAFKA_CREATE: 425,
        },
        search_lag_s=1.1,
        # What goes out kept up with 800 commands per second; past it the buffer (default 500 signals) overflows, and
        # events are dropped while their commands are applied.
        events_per_s=800,
        events_buffered=500,
    ),
}

_ENTITIES: Final = frozenset(("things", "policies"))


FROM_KAFKA: Final = frozenset((Operation.KAFKA, Operation.KAFKA_CREATE))


def kafka_operation(action: str, path: str, *, exists: bool) -> Operation:
    """What a command of the Ditto Protocol costs: its topic's action, its path, and whether its entity exists."""
    writes_all = path == "/" and action in ("modify", "merge")
    return Operation.KAFKA_CREATE if action == "create" or (writes_all and not exists) else Operation.KAFKA


def operation_of(method: str, parts: list[str], *, exists: bool) -> Operation | None:
    """What a request costs; None for what is not limited (streams, connections, messages, health).

    Args:
        method: of HTTP.
        parts: segments of the path after ``/api/2/``.
        exists: whether the thing or policy that the path names is there.
    """
    if parts[:2] == ["search", "things"]:
        return Operation.SEARCH
    if not parts or parts[0] not in _ENTITIES or "messages" in parts:
        return None
    if method == "POST" and len(parts) == 1:
        return Operation.CREATE
    if method == "GET":
        return Operation.READ if len(parts) > 1 else Operation.SEARCH
    if method in ("PUT", "PATCH") and len(parts) == 2 and not exists:
        return Operation.CREATE
    return Operation.CHANGE if method in ("PUT", "PATCH", "DELETE", "POST") else None
