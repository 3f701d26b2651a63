"""`python -m optimiser.ask`: one question about a room, JSON on standard input, the answer on standard output.

``{"question": "optimise" | "placement" | "capacity" | "shift", "room": ..., "things": [...], "now": epoch ms}``, the
things as Ditto shows them, with ``horizonS``, ``rci``, ``tariff`` and ``carbon`` (their files' text), ``carbonPrice``,
``powerW`` (placement), ``blockW`` and ``moves`` (shift). What cannot be answered is ``{"error": ...}``, with a ``hint``
where something helps. For tools; the process that looks all the time is ``python -m optimiser``.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from optimiser.advise import ADVISE, propose
from optimiser.controller import Controller
from optimiser.placement import capacity_left, places
from optimiser.prices import Series, SeriesError, carbon_price, parse, together
from optimiser.response import Operation
from optimiser.shift import shift
from optimiser.snapshot import NotReady, Snapshot, take
from physics.laws import Floats
from physics.layout import LayoutError

# Share of a rack's power that is its servers' own, without their fans.
_IT_SHARE = 0.94


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one question; ``error`` where there is none."""
    try:
        seen = take(str(question["room"]), question["things"], int(question["now"]))
        return _ANSWERS[str(question["question"])](seen, question)
    except SeriesError as error:
        return {"error": str(error), "hint": "lines of time and value, under a heading such as time,EUR/kWh"}
    except (NotReady, LayoutError) as error:
        return {"error": str(error)}


def _optimise(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    horizon = float(question.get("horizonS") or ADVISE.horizon_s)
    rci = float(question.get("rci") or ADVISE.rci_target)
    tuning = dataclasses.replace(
        ADVISE, horizon_s=horizon, interval_s=min(ADVISE.interval_s, horizon / 2), rci_target=rci
    )
    controller = Controller(seen.layout, seen.parameters, tuning)
    return propose(seen, controller, _prices(question)).properties(seen.wanted_mode, "")


def _prices(question: Mapping[str, Any]) -> Series | None:
    """What is to be kept low beside energy. An empty file is a series without values, not the lack of one."""
    tariff, carbon, price = (question.get(name) for name in ("tariff", "carbon", "carbonPrice"))
    return together(
        None if tariff is None else parse(str(tariff), "tariff"),
        None if carbon is None else parse(str(carbon), "carbon"),
        None if price is None else carbon_price(str(price)),
    )


def _placement(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    power = float(question["powerW"])
    found = places(seen.layout, seen.parameters, _at(seen), power)
    return {"powerW": power, "places": [dataclasses.asdict(place) for place in found]}


def _capacity(seen: Snapshot, _question: Mapping[str, Any]) -> dict[str, Any]:
    return dataclasses.asdict(capacity_left(seen.layout, seen.parameters, _at(seen), _measured(seen)))


def _shift(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    found = shift(
        seen.layout,
        seen.parameters,
        _at(seen),
        block_w=float(question.get("blockW") or 500.0),
        most_moves=int(question.get("moves") or 3),
    )
    return {
        "moves": [{"from": one, "to": other, "powerW": power} for one, other, power in found.moves],
        "hottest": round(found.hottest_c, 2),
        "hottestThen": round(found.hottest_then_c, 2),
    }


def _measured(seen: Snapshot) -> Floats:
    power = seen.seen.power
    return np.asarray(np.where(np.isfinite(power), power, np.nanmean(power)))


def _at(seen: Snapshot) -> Operation:
    now = seen.seen
    return Operation(now.setpoint, now.fan, now.capacity, np.asarray(_IT_SHARE * _measured(seen)))


_ANSWERS = {"optimise": _optimise, "placement": _placement, "capacity": _capacity, "shift": _shift}


def main() -> None:
    """Answer the question on standard input."""
    try:
        question = json.load(sys.stdin)
        result = answer(question)
    except (ValueError, KeyError, TypeError) as error:
        result = {"error": f"question: {error!r}; see python -m optimiser.ask"}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
