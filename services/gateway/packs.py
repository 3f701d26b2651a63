"""Samples as SenML packs (RFC 8428), one pack per device and moment. Pure.

Names are ``<feature>/<property>`` of the catalogue; a record ``seq`` numbers the pack. A value that is not there has no
record: absent is absent, never 0. Next: :mod:`racktwin.outbox`.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import Any, Final

from physics.laws import Floats
from physics.sensors import Readings
from racktwin.catalogue import feature_of
from racktwin.outbox import Pack
from racktwin.senml import encode

# SenML's own spelling where it differs from UCUM (RFC 8428 §12.1).
_SENML_UNITS: Final = {"relativeHumidity": "%RH", "supplyHumidity": "%RH"}


def make_pack(
    device: str,
    kind: str,
    seq: int,
    time_ms: int,
    values: Mapping[tuple[str, str], float | str],
    *,
    numbered: bool = True,
) -> Pack:
    """A pack of a device's values at a moment (epoch milliseconds UTC), in the catalogue's units. ``numbered``: it says
    its number; of a device that does not speak at each of the source's numbers, the others would be missed.

    Raises:
        KeyError: a (feature, property) is not in the catalogue for this kind.
    """
    records: list[dict[str, Any]] = []
    for (feature_name, property_name), value in values.items():
        feature = feature_of(kind, feature_name)
        if feature is None or property_name not in feature.by_name:
            raise KeyError(f"{feature_name}/{property_name} of a {kind}: not in the catalogue")
        unit = _SENML_UNITS.get(property_name) or feature.by_name[property_name].unit
        label = "vs" if isinstance(value, str) else "v"
        record: dict[str, Any] = {"n": f"{feature_name}/{property_name}", label: value}
        if unit is not None:
            record["u"] = unit
        records.append(record)
    count = len(records)
    if numbered:
        records.append({"n": "seq", "v": seq})
    records[0] = {"bt": time_ms / 1000.0, **records[0]}
    return Pack(device, seq, encode(records), count)


def rack_packs(
    racks: Sequence[str], readings: Readings, seq: int, time_ms: int, *, reported: Container[str], slow: bool = False
) -> list[Pack]:
    """One pack per reported rack; ``racks`` are thing ids in the order of the readings (of the first room).

    ``slow``: with what is sampled less often, the rack's air. A lost sample has no record.
    """
    columns = [
        (("environment.bottom", "temperature"), readings.bottom_temperature),
        (("environment.bottom", "relativeHumidity"), readings.bottom_humidity),
        (("environment.top", "temperature"), readings.top_temperature),
        (("environment.top", "relativeHumidity"), readings.top_humidity),
        (("power", "power"), readings.power),
    ]
    if slow:
        columns += [(("cooling", "airflow"), readings.airflow), (("cooling", "deltaT"), readings.delta_t)]
    return _packs("rack", racks, columns, seq=seq, time_ms=time_ms, reported=reported, more={})


def unit_packs(
    units: Sequence[str],
    readings: Readings,
    seq: int,
    time_ms: int,
    *,
    reported: Mapping[str, Mapping[tuple[str, str], float | str]],
    slow: bool = False,
) -> list[Pack]:
    """One pack per reported cooling unit; ``reported`` holds what its controller says of itself.

    ``slow``: with what is sampled less often, its power and its control.
    """
    columns = [
        (("air", "supplyTemperature"), readings.supply),
        (("air", "returnTemperature"), readings.return_),
        (("air", "supplyHumidity"), readings.supply_humidity),
        (("air", "airflow"), readings.unit_airflow),
    ]
    if slow:
        columns += [
            (("power", "power"), readings.unit_power),
            (("power", "heatRemoved"), readings.heat_removed),
            (("power", "cop"), readings.cop),
        ]
    return _packs("cooling", units, columns, seq=seq, time_ms=time_ms, reported=reported, more=reported)


def _packs(
    kind: str,
    devices: Sequence[str],
    columns: Sequence[tuple[tuple[str, str], Floats]],
    *,
    seq: int,
    time_ms: int,
    reported: Container[str],
    more: Mapping[str, Mapping[tuple[str, str], float | str]],
) -> list[Pack]:
    # Rounded, as a sensor's decimal places end somewhere; first room alone.
    lists = [(name, [round(value, 4) for value in values[0].tolist()]) for name, values in columns]
    packs = []
    for at, device in enumerate(devices):
        if device not in reported:
            continue
        values: dict[tuple[str, str], float | str] = {
            name: column[at] for name, column in lists if not math.isnan(column[at])
        }
        values |= more.get(device, {})
        if values:
            packs.append(make_pack(device, kind, seq, time_ms, values))
    return packs
