"""From windows to model inputs: named statistics of channels, computed for many things at once.

An input is written `<channel>.<statistic>[<from>:<to>]`, ages in seconds before now, newer bound first:
    top.last              newest usable value in the window
    top.mean[0:60]        mean of the cells aged 0-60 s
    top.slope[0:300]      least-squares slope over those cells, per minute
    top.std[0:300]        standard deviation over them
    top.change[840:900]   mean over the newest 60 s minus the mean over that older span
    top.filled            age of the oldest usable cell, in seconds: how much history there is (0 for an empty channel)
    a-b.mean[0:60]        any of these of the difference of two channels, cell by cell: missing where either is
    near.less[top]        of an optional channel alone: its newest value, minus the newest usable one of another channel
    near.last             its newest value
A statistic without data is NaN: the model's graph says what to do about it. Units are the channel's own.

The list of inputs travels inside the trained artefact, so serving computes what training computed, whichever version of
the model is loaded. Sums over spans are one matrix product per channel, which keeps a thousand windows within
milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.definition import Definition
from models.windows import FloatArray

_NAME = "[a-z][a-zA-Z0-9]*"
_INPUT = re.compile(
    rf"(?P<channel>{_NAME})(?:-(?P<minus>{_NAME}))?\.(?P<kind>[a-z]+)"
    rf"(?:\[(?:(?P<start>\d+):(?P<end>\d+)|(?P<other>{_NAME}))\])?"
)
_OF_OPTIONAL = {"last", "less"}
_SPANLESS = {"last", "filled"}
_SPANNED = {"mean", "slope", "std", "change"}
_NOW_SPAN_S = 60  # "now" of a change


@dataclass(frozen=True)
class Input:
    """One column of a model's input. `start` and `end` in cells, newest cell is 0; 0:0 where a span has no meaning.
    `optional`: its channel is numbered among the optional ones; `other`: the channel whose newest value is taken off
    it, -1 for none. `minus`: the channel that is taken off a windowed one in each cell, -1 for none.
    """

    channel: int
    kind: str
    start: int
    end: int
    optional: bool = False
    other: int = -1
    minus: int = -1


def parse_input(text: str, channels: Sequence[str], cells: int, cell_s: int, optional: Sequence[str] = ()) -> Input:
    """Read one input's name. Raises ValueError naming it when it is not in the vocabulary or outside the window."""
    match = _INPUT.fullmatch(text)
    if match is None:
        raise ValueError(f"input {text!r}: expected <channel>.<statistic>[<from>:<to>]")
    channel, kind = match["channel"], match["kind"]
    if channel in optional:
        other = match["other"]
        alone = match["start"] is None and match["minus"] is None
        if kind not in _OF_OPTIONAL or not alone or (kind == "less") != (other in channels):
            raise ValueError(f"input {text!r}: of an optional channel there is last, or less[<channel>]")
        taken = list(channels).index(other) if other is not None else -1
        return Input(list(optional).index(channel), kind, 0, 0, optional=True, other=taken)
    for named in (channel, match["minus"] or channel):
        if named not in channels:
            raise ValueError(f"input {text!r}: channel {named!r} is none of {', '.join(channels)}")
    if kind not in _SPANLESS | _SPANNED:
        raise ValueError(f"input {text!r}: statistic {kind!r} is none of {', '.join(sorted(_SPANLESS | _SPANNED))}")
    if (match["start"] is None) != (kind in _SPANLESS) or match["other"] is not None:
        raise ValueError(f"input {text!r}: {kind} takes {'no span' if kind in _SPANLESS else 'a span [from:to]'}")
    start, end = int(match["start"] or 0) // cell_s, int(match["end"] or 0) // cell_s
    if kind in _SPANNED and not 0 <= start < end <= cells:
        raise ValueError(
            f"input {text!r}: the span must lie within the window of {cells * cell_s} s, newer bound first"
        )
    minus = list(channels).index(match["minus"]) if match["minus"] is not None else -1
    return Input(list(channels).index(channel), kind, start, end, minus=minus)


class InputPlan:
    """Computes a model's input matrix. `names` in column order; `channels` in the windows' order, then `optional`."""

    def __init__(
        self, names: Sequence[str], channels: Sequence[str], cells: int, cell_s: int, optional: Sequence[str] = ()
    ) -> None:
        self.names = tuple(names)
        self.channels = tuple(channels)
        self.optional = tuple(optional)
        self.cells = cells
        self.cell_s = cell_s
        parsed = [parse_input(name, channels, cells, cell_s, optional) for name in names]
        self._inputs = [(column, one) for column, one in enumerate(parsed) if not one.optional]
        self._beside = [(column, one) for column, one in enumerate(parsed) if one.optional]
        self._taken = {one.other for _, one in self._beside if one.other >= 0}
        self._spans = sorted(
            {(i.start, i.end) for _, i in self._inputs if i.kind in _SPANNED} | {(0, max(1, _NOW_SPAN_S // cell_s))}
        )
        self._now = self._spans.index((0, max(1, _NOW_SPAN_S // cell_s)))
        # Age of each column in minutes, newest last; one 0/1 column per span; the same weighted by age and age squared.
        age = np.arange(cells - 1, -1, -1, dtype=np.float32) * np.float32(cell_s / 60)
        inside = np.zeros((cells, len(self._spans)), dtype=np.float32)
        for column, (start, end) in enumerate(self._spans):
            inside[cells - end : cells - start, column] = 1.0
        self._inside = inside
        self._moments = np.concatenate([inside, inside * age[:, None], inside * (age**2)[:, None]], axis=1)
        self._aged = np.concatenate([inside, inside * age[:, None]], axis=1)

    @classmethod
    def of(cls, names: Sequence[str], definition: Definition) -> InputPlan:
        """The plan of a model's inputs."""
        channels, windowed = definition.channel_names, definition.windowed
        return cls(names, channels[:windowed], definition.cells, definition.resolution_s, channels[windowed:])

    def compute(self, values: FloatArray, optional: FloatArray | None = None) -> FloatArray:
        """Windows [N, channels, cells] (NaN = missing, newest last) and newest values of the optional channels
        [N, optional], all missing where left out -> inputs [N, len(names)] float32."""
        count, channels, cells = values.shape
        if (channels, cells) != (len(self.channels), self.cells):
            raise ValueError(
                f"windows of shape [N, {channels}, {cells}], expected [N, {len(self.channels)}, {self.cells}]"
            )
        out = np.empty((count, len(self.names)), dtype=np.float32)
        newest = {}
        nothing = np.full(count, np.nan, dtype=np.float32)
        for channel, minus in {(i.channel, i.minus) for _, i in self._inputs} | {(taken, -1) for taken in self._taken}:
            columns = [(c, i) for c, i in self._inputs if (i.channel, i.minus) == (channel, minus)]
            window = values[:, channel, :] if minus < 0 else values[:, channel, :] - values[:, minus, :]
            last = self._channel(np.ascontiguousarray(window), columns, out)
            if minus < 0:
                newest[channel] = last
        for column, wanted in self._beside:
            value = nothing if optional is None else optional[:, wanted.channel]
            out[:, column] = value if wanted.other < 0 else value - newest[wanted.other]
        return out

    def _channel(self, window: FloatArray, columns: list[tuple[int, Input]], out: FloatArray) -> FloatArray:
        """Fill a channel's columns; its newest values [N]."""
        rows = np.arange(len(window))
        usable = ~np.isnan(window)
        some = usable.any(axis=1)
        newest = self.cells - 1 - np.argmax(usable[:, ::-1], axis=1)
        last: FloatArray = window[rows, newest]  # NaN where nothing is usable: argmax of all-False is 0, a NaN cell
        # Sums are taken relative to the newest value: float32 would lose the small differences that matter otherwise.
        centre = np.where(some, last, np.float32(0.0))[:, None]
        relative = np.where(usable, window - centre, np.float32(0.0))
        k = len(self._spans)
        weights = usable.astype(np.float32) @ self._moments
        n, sum_t, sum_tt = weights[:, :k], weights[:, k : 2 * k], weights[:, 2 * k :]
        sums = relative @ self._aged
        sum_v, sum_tv = sums[:, :k], sums[:, k:]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = sum_v / n
            for column, wanted in columns:
                if wanted.kind == "last":
                    out[:, column] = last
                    continue
                if wanted.kind == "filled":
                    oldest = np.argmax(usable, axis=1)
                    out[:, column] = np.where(some, (self.cells - oldest) * self.cell_s, 0)
                    continue
                span = self._spans.index((wanted.start, wanted.end))
                if wanted.kind == "mean":
                    out[:, column] = mean[:, span] + centre[:, 0]
                elif wanted.kind == "change":
                    out[:, column] = mean[:, self._now] - mean[:, span]
                elif wanted.kind == "slope":
                    out[:, column] = _slope(
                        n[:, span], sum_t[:, span], sum_tt[:, span], sum_v[:, span], sum_tv[:, span]
                    )
                else:
                    squares = (relative**2) @ self._inside[:, span]
                    variance = squares / n[:, span] - mean[:, span] ** 2
                    out[:, column] = np.where(n[:, span] > 1, np.sqrt(np.maximum(variance, 0)), np.nan)
        return last


def _slope(
    n: FloatArray, sum_t: FloatArray, sum_tt: FloatArray, sum_v: FloatArray, sum_tv: FloatArray
) -> npt.NDArray[np.float32]:
    """Least-squares slope per minute forward in time (ages run backward, hence the sign); NaN with fewer than 3
    cells.
    """
    spread = n * sum_tt - sum_t**2
    slope = -(n * sum_tv - sum_t * sum_v) / spread
    return np.where((n > 2) & (spread > 0), slope, np.float32(np.nan)).astype(np.float32)
