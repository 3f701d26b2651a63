"""What a room's twin would have told, as columns of simulated history: the code that serves it follows the room.

The twin sees what sensors showed up to each moment, minute by minute, and nothing of the plant's hidden parameters; it
is calibrated on the room's own first hours (`physics.follow`). Following costs seconds of a processor for each room, so
that a few rooms of each part are followed, over the part's time; of the others physics stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from models.definition import Definition
from physics.follow import HORIZONS_S, Terms, expectations
from physics.layout import Layout
from physics.recording import Recording

if TYPE_CHECKING:
    from training.history import History
    from training.samples import Part

FEATURE: Final = "expectation"
_PLACES: Final = ("bottom", "top")


@dataclass(frozen=True)
class Measured:
    """All that was measured in one room, a moment a minute; `things`: its racks among those of the history, in the
    layout's order."""

    layout: Layout
    recording: Recording
    things: list[int]


def columns(definition: Definition) -> dict[int, tuple[int, int]]:
    """Channels that hold expectations: their number -> (horizon, place), as `physics.follow` numbers them."""
    names = {f"{place}{horizon:.0f}": (h, p) for h, horizon in enumerate(HORIZONS_S) for p, place in enumerate(_PLACES)}
    return {
        number: names[channel.property]
        for number, channel in enumerate(definition.channels)
        if channel.feature == FEATURE and channel.property in names
    }


def fill(history: History, definition: Definition, room: str, begin: int, end: int) -> None:
    """Put what the room's twin would have told in cells [begin, end) into the history, in place. It is begun some
    hours before, where there are any, to be calibrated. What was followed already stays."""
    wanted, measured, terms = columns(definition), history.measured[room], Terms()
    if np.isfinite(history.values[begin:end, measured.things][:, :, list(wanted)]).any():
        return
    cells = round(terms.step_s / history.cell_s)
    first = max(0, begin // cells - round(terms.first_s / terms.step_s))
    told = expectations(measured.layout, measured.recording.part(first, end // cells), terms)
    # A moment is the last cell of its minute.
    at = np.arange(first + 1, first + 1 + len(told)) * cells - 1
    for channel, (horizon, place) in wanted.items():
        history.values[at[:, None], np.array(measured.things)[None, :], channel] = told[:, horizon, place]


def follow(
    histories: Sequence[History],
    parts: Sequence[Sequence[Part]],
    definition: Definition,
    rooms: Sequence[int],
    *,
    seed: int,
    note: Callable[[str], None],
) -> None:
    """Follow `rooms[p]` rooms of part p of the histories, spread over them, in place."""
    candidates = [number for number, history in enumerate(histories) if history.measured]
    if not columns(definition) or not candidates or not sum(rooms):
        return
    note(f"following {sum(rooms)} rooms with the physics of each")
    for part, count in enumerate(rooms):
        order = np.random.default_rng([seed, part, 9]).permutation(candidates)
        for k in range(count):
            number = int(order[k % len(order)])
            history, span = histories[number], parts[number][part]
            mine = sorted({history.rooms[thing] for thing in span.things})
            room = mine[(k // len(order)) % len(mine)]
            fill(history, definition, room, span.begin, span.end)
