"""The windows of before a start, out of InfluxDB: a restart predicts at once, without reading an hour of a full-rate
topic again.

What lies further back is asked for in coarser cells: a window of an hour needs its shape, not its every cell, and the
models are trained on sparse windows too. What reached InfluxDB last is a second or two old; the topic is read again
from `OVERLAP_MS` ago. Who takes the rows: `runner.intake`.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.definition import Definition
from models.influx import InfluxReader, Row, cells
from runner.intake import Restored

# The topic is read again from this long ago: longer than the historian needs to write.
OVERLAP_MS = 60_000
_FINE_S = 600
_COARSE_S = 60


def history(reader: InfluxReader, site: str, definition: Definition, now_ms: int) -> Iterator[Restored]:
    """The window of every thing of a site, up to now.

    Raises:
        InfluxError: InfluxDB cannot be reached or refuses.
    """
    now_s = now_ms // 1000
    begin = now_s - definition.window_s
    fine = max(begin, (now_s - _FINE_S) // _COARSE_S * _COARSE_S)
    coarse_s = max(_COARSE_S, definition.resolution_s)
    for index, channel in enumerate(definition.channels):
        if channel.optional:
            # Only its newest value is read.
            stale_s = channel.stale_after_s or definition.stale_after_s
            yield from _rows(reader, site, definition, index, (now_s - stale_s, now_s + 1, definition.resolution_s))
            continue
        spans = [(fine, now_s + 1, definition.resolution_s)]
        if begin < fine:
            spans.insert(0, (begin, fine, coarse_s))
        for span in spans:
            yield from _rows(reader, site, definition, index, span)


def _rows(
    reader: InfluxReader, site: str, definition: Definition, index: int, span: tuple[int, int, int]
) -> Iterator[Restored]:
    begin, end, every = span
    channel = definition.channels[index]

    def ask(field: str) -> Iterator[Row]:
        return reader.query(cells(site, definition.kinds, channel.feature, field, begin=begin, end=end, every=every))

    faulty = {(row.thing, row.at_ms) for row in ask("quality")}
    for row in ask(channel.property):
        # In the middle of its cell, as a reading would be.
        at = row.at_ms + min(every, definition.resolution_s) * 500
        value = float("nan") if (row.thing, row.at_ms) in faulty else float(row.value)
        yield Restored(row.thing, _kind(row.thing), row.room or None, row.row or None, index, at, value)


def _kind(thing: str) -> str:
    return thing.partition(":")[2].partition("-")[0]
