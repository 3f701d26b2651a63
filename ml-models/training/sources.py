"""Which history to train on: what was recorded, if it is enough, else what is simulated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from models.definition import Definition
from racktwin.settings import InfluxSettings
from training.history import History, HistoryError
from training.recorded import Recorder
from training.simulated import USUAL, Simulation, simulate

Source = Literal["influx", "simulated", "auto"]

# Below these it is not worth trying: trained on one day of a simulated site, a model was hardly better than persistence
# on other racks and later times. Whether two days and more are enough, `training.job.good_enough` says afterwards.
LEAST_HOURS = 48.0
LEAST_THINGS = 12
LEAST_FILLED = 0.5


def gather(
    source: Source,
    definition: Definition,
    settings: InfluxSettings,
    *,
    sites: list[str] | None,
    hours: float,
    seed: int,
    now_s: int,
    note: Callable[[str], None],
    simulation: Simulation = USUAL,
) -> list[History]:
    """History of each site or plant. `note` is told, in a sentence, what was chosen and why.

    Raises:
        HistoryError: `influx` was asked for and there is not enough.
    """
    if source == "simulated":
        return simulate(definition, seed, simulation)
    try:
        histories = recorded(definition, settings, sites, hours, now_s)
    except HistoryError as error:
        if source == "influx":
            raise
        note(f"no recorded history to train on ({error}), simulating instead")
        return simulate(definition, seed, simulation)
    note(f"training on recorded history of {', '.join(str(h.origin['site']) for h in histories)}")
    return histories


def recorded(
    definition: Definition, settings: InfluxSettings, sites: list[str] | None, hours: float, now_s: int
) -> list[History]:
    """Recorded history of the sites that have enough of it.

    Raises:
        HistoryError: none has, or InfluxDB cannot be reached.
    """
    with Recorder(settings) as recorder:
        found = [trimmed(recorder.history(site, definition, hours, now_s)) for site in sites or recorder.sites()]
    windowed = definition.windowed
    enough = [history for history in found if not shortfall(history, windowed)]
    if not enough:
        reasons = "; ".join(f"{h.origin['site']}: {shortfall(h, windowed)}" for h in found) or "no site has a bucket"
        raise HistoryError(f"not enough recorded history: {reasons}")
    return enough


def trimmed(history: History) -> History:
    """Without the empty cells before the first reading."""
    if not history.things:
        return history
    first = int((history.values == history.values).any(axis=(1, 2)).argmax())
    return History(
        start_ms=history.start_ms + first * history.cell_s * 1000,
        cell_s=history.cell_s,
        things=history.things,
        rooms=history.rooms,
        channels=history.channels,
        values=history.values[first:],
        origin=history.origin | {"from": history.start_ms // 1000 + first * history.cell_s},
    )


def shortfall(history: History, channels: int | None = None) -> str:
    """Why a history is not enough to train on; empty if it is. By its first `channels`: the others may be missing."""
    if len(history.things) < LEAST_THINGS:
        return f"{len(history.things)} things, at least {LEAST_THINGS} needed"
    if history.hours < LEAST_HOURS:
        return f"{history.hours:.1f} h, at least {LEAST_HOURS:.0f} h needed"
    if history.filled(channels) < LEAST_FILLED:
        filled = f"{history.filled(channels):.0%} of the cells filled, at least {LEAST_FILLED:.0%} needed"
        return filled + _missing(history, channels)
    return ""


def _missing(history: History, channels: int | None) -> str:
    """The channels of which nothing was recorded, as an addition to a sentence."""
    seen = (history.values == history.values).any(axis=(0, 1))[:channels]
    names = [name for name, there in zip(history.channels[:channels], seen, strict=True) if not there]
    return f"; nothing of {', '.join(names)} was recorded" if names else ""
