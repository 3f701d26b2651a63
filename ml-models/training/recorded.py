"""History from InfluxDB: what the historian recorded of a site, put on a model's grid.

Asked for one day and one channel at a time, already thinned to one reading per cell by the database. Readings whose
quality was not good are left out, as serving leaves them out. Whether it is enough is for `training.sources` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from models.definition import Channel, Definition
from models.influx import InfluxError, InfluxReader, Row, cells
from racktwin.history import Span, spans
from racktwin.settings import InfluxSettings
from training.history import History, HistoryError

_DAY_S = 86_400


class Recorder:
    """Reads history from InfluxDB. Use as a context manager."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._reader = InfluxReader(settings)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.__exit__(*error)

    def sites(self) -> list[str]:
        """Buckets that are named as sites are.

        Raises:
            HistoryError: InfluxDB cannot be reached or refuses.
        """
        try:
            return self._reader.sites()
        except InfluxError as error:
            raise HistoryError(str(error)) from error

    def history(self, site: str, definition: Definition, hours: float, now_s: int) -> History:
        """The last `hours` of a site. Things without a single reading are not in it.

        Raises:
            HistoryError: InfluxDB cannot be reached or refuses.
        """
        cell = definition.resolution_s
        stop = now_s // cell * cell
        start = stop - int(hours * 3600) // cell * cell
        # Means of longer than a cell are no readings of it, so where only those are kept the grid stays empty.
        where = [
            span
            for span in spans(site, start * 1000, stop * 1000, resolution_s=cell, now_ms=now_s * 1000)
            if span.cell_s <= cell
        ]
        rows = ((index, self._rows(definition, channel, where)) for index, channel in enumerate(definition.channels))
        try:
            return on_grid(rows, definition, start, stop, {"kind": "recorded", "site": site, "from": start, "to": stop})
        except InfluxError as error:
            raise HistoryError(str(error)) from error

    def _rows(self, definition: Definition, channel: Channel, where: list[Span]) -> Iterator[Row]:
        every = definition.resolution_s

        def rows(span: Span, field: str, begin: int) -> Iterator[Row]:
            end = min(begin + _DAY_S, span.end_ms // 1000)
            query = cells(
                "", definition.kinds, channel.feature, field, begin=begin, end=end, every=every, bucket=span.bucket
            )
            return self._reader.query(query)

        for span in where:
            for begin in range(span.start_ms // 1000, span.end_ms // 1000, _DAY_S):
                yield from rows(span, channel.property, begin)
                # An empty value says "not good": it takes the place of the number recorded at that time.
                for row in rows(span, "quality", begin):
                    yield Row(row.thing, row.room, row.row, row.at_ms, "")


def on_grid(
    rows: Iterable[tuple[int, Iterable[Row]]], definition: Definition, start: int, stop: int, origin: dict[str, Any]
) -> History:
    """Rows per channel onto the grid [start, stop) in epoch seconds; an empty value clears its cell."""
    count = (stop - start) // definition.resolution_s
    step_ms = definition.resolution_s * 1000
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    rooms: dict[str, str] = {}
    for channel, channel_rows in rows:
        for row in channel_rows:
            series = arrays.get(row.thing)
            if series is None:
                series = arrays[row.thing] = np.full((count, len(definition.channels)), np.nan, dtype=np.float32)
            rooms[row.thing] = row.room
            # The first cell of a day may begin before the range: aggregateWindow cuts at whole cells of the epoch.
            cell = (row.at_ms - start * 1000) // step_ms
            if 0 <= cell < count:
                series[cell, channel] = float(row.value) if row.value else np.nan
    things = sorted(arrays)
    values = (
        np.stack([arrays[thing] for thing in things], axis=1)
        if things
        else np.empty((count, 0, len(definition.channels)), dtype=np.float32)
    )
    return History(
        start_ms=start * 1000,
        cell_s=definition.resolution_s,
        things=things,
        rooms=[rooms[thing] for thing in things],
        channels=definition.channel_names,
        values=values,
        origin=origin,
    )
