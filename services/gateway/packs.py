"""Samples as SenML packs (RFC 8428), one pack per device and moment. Pure.

Names are ``<feature>/<property>`` of the catalogue; a record ``seq`` numbers the pack. A value that is not there has no
record: absent is absent, never 0. Next: :mod:`gateway.outbox`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from racktwin.catalogue import feature_of
from racktwin.senml import encode
from racktwin.simulation import Readings

# SenML's own spelling where it differs from UCUM (RFC 8428 §12.1).
_SENML_UNITS: Final = {"relativeHumidity": "%RH", "supplyHumidity": "%RH"}


@dataclass(slots=True, eq=False)
class Pack:
    """One message of one device. ``readings`` counts its values; ``attempts`` how often it was given to the adapter."""

    device: str
    seq: int
    payload: bytes
    readings: int
    attempts: int = 0
    sent_at: float = 0.0


def make_pack(device: str, kind: str, seq: int, time_ms: int, values: Mapping[tuple[str, str], float]) -> Pack:
    """A pack of a device's values at a moment (epoch milliseconds UTC), in the catalogue's units.

    Raises:
        KeyError: a (feature, property) is not in the catalogue for this kind.
    """
    records: list[dict[str, Any]] = []
    for (feature_name, property_name), value in values.items():
        feature = feature_of(kind, feature_name)
        if feature is None or property_name not in feature.by_name:
            raise KeyError(f"{feature_name}/{property_name} of a {kind}: not in the catalogue")
        unit = _SENML_UNITS.get(property_name) or feature.by_name[property_name].unit
        record: dict[str, Any] = {"n": f"{feature_name}/{property_name}", "v": value}
        if unit is not None:
            record["u"] = unit
        records.append(record)
    count = len(records)
    records.append({"n": "seq", "v": seq})
    records[0] = {"bt": time_ms / 1000.0, **records[0]}
    return Pack(device, seq, encode(records), count)


def rack_packs(racks: list[str], readings: Readings, seq: int, time_ms: int) -> list[Pack]:
    """One pack per rack (thing ids, in the order of the readings)."""
    columns = (
        (("environment.bottom", "temperature"), readings.bottom_temperature.tolist()),
        (("environment.bottom", "relativeHumidity"), readings.bottom_humidity.tolist()),
        (("environment.top", "temperature"), readings.top_temperature.tolist()),
        (("environment.top", "relativeHumidity"), readings.top_humidity.tolist()),
        (("power", "power"), readings.power.tolist()),
    )
    return [
        make_pack(rack, "rack", seq, time_ms, {name: column[i] for name, column in columns})
        for i, rack in enumerate(racks)
    ]
