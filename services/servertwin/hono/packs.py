"""Rows and experiments as SenML packs (RFC 8428) of the server. Pure. Next: :mod:`servertwin.hono.live`.

Names are ``<feature>/<property>`` of the catalogue; a record ``seq`` numbers the pack; what is absent has no record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from racktwin.senml import encode
from servertwin.columns import on_twin, unit_of


def pack(time_ms: int, seq: int | None, values: Mapping[str, float | str]) -> bytes | None:
    """A pack of what the twin takes of a row at a moment (epoch ms UTC); None where that is nothing."""
    records: list[dict[str, Any]] = []
    for column, value in values.items():
        if on_twin(column) is None:
            continue
        record: dict[str, Any] = {"n": column, "vs" if isinstance(value, str) else "v": value}
        unit = unit_of(column)
        if unit is not None:
            record["u"] = unit
        records.append(record)
    if not records:
        return None
    if seq is not None:
        records.append({"n": "seq", "v": seq})
    records[0] = {"bt": time_ms / 1000.0, **records[0]}
    return encode(records)
