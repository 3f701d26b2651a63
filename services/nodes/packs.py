"""A server's values as a SenML pack (RFC 8428). Pure. Next: `nodes.uplink`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nodes.following import Values
from racktwin.catalogue import feature_of
from racktwin.senml import encode


@dataclass(frozen=True, slots=True)
class Pack:
    """One message of one server."""

    server: str
    payload: bytes
    readings: int


def pack_of(server: str, at_ms: int, values: Values) -> Pack:
    """The values of a moment (epoch milliseconds UTC), in the catalogue's units."""
    records: list[dict[str, Any]] = []
    for (feature, name), value in values.items():
        known = feature_of("server", feature)
        assert known is not None
        records.append({"n": f"{feature}/{name}", "u": known.by_name[name].unit, "v": value})
    records[0] = {"bt": at_ms / 1000, **records[0]}
    return Pack(server, encode(records), len(records))
