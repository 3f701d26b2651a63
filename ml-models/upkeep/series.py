"""Series of things out of InfluxDB, as means over cells: hours for what wears in days, minutes for what breaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from models.influx import Row, cells

# Kind of thing -> (feature, property) that judging needs.
WANTED: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "cooling": (
        ("air", "airflow"),
        ("air", "supplyTemperature"),
        ("air", "returnTemperature"),
        ("control", "fanSpeed"),
        ("power", "power"),
    ),
    "server": (("fans", "fanSpeed"), ("fans", "fanSpeedPercent")),
    "rack": (("power", "power"),),
}


class Reader(Protocol):
    """What asks InfluxDB (`models.influx.InfluxReader`)."""

    def query(self, flux: str) -> Iterator[Row]:
        """Rows of a query."""


@dataclass
class Thing:
    """A thing's series by (feature, property): epoch ms of a cell's beginning -> mean."""

    kind: str
    room: str | None = None
    row: str | None = None
    values: dict[tuple[str, str], dict[int, float]] = field(default_factory=lambda: defaultdict(dict))


def read(
    reader: Reader, site: str, *, begin: int, end: int, every: int, kinds: tuple[str, ...] = tuple(WANTED)
) -> dict[str, Thing]:
    """Things of a site by id, over [begin, end) in epoch seconds.

    Raises:
        InfluxError: InfluxDB cannot be reached or refuses.
    """
    found: dict[str, Thing] = {}
    for kind in kinds:
        for feature, name in WANTED[kind]:
            flux = cells(site, (kind,), feature, name, begin=begin, end=end, every=every, how="mean")
            for row in reader.query(flux):
                thing = found.setdefault(row.thing, Thing(kind))
                thing.room, thing.row = row.room or None, row.row or None
                thing.values[feature, name][row.at_ms] = float(row.value)
    return found
