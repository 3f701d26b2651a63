"""A small room as the operator describes it, and a past that never touched InfluxDB."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from racktwin.history import Span
from scenarios.history import Row
from scenarios.question import Question, parse

BASE_MS = 1_767_225_600_000
SITE = "lab"


def rack(name: str, x: float, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "site": SITE,
            "room": "hall",
            "row": "r1",
            "position": {"xM": x, "yM": 3.0, "yawDeg": 90},
            "availablePowerW": 9000,
            "feeds": [{"name": "A", "pdu": "pdu-a"}, {"name": "B", "pdu": "pdu-b", "amperage": 16}],
            **spec,
        },
    }


def unit(name: str, x: float, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {
            "site": SITE,
            "room": "hall",
            "racks": [],
            "position": {"xM": x, "yM": 1.0},
            "capacityW": 30_000,
            "airflowM3s": 2.4,
            "fanPowerW": 1200,
            "setpointC": 19,
            "setpointMinC": 16,
            "setpointMaxC": 25,
            **spec,
        },
    }


def document(what_if: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The input of a Job: six racks, two units."""
    spec = {"site": SITE, "room": "hall", "whatIf": what_if} if what_if else {"site": SITE, "room": "hall"}
    return {
        "scenario": {"name": "trial", "namespace": SITE, "uid": "uid-1", "spec": {**spec, **changes.pop("spec", {})}},
        "site": {
            "metadata": {"name": SITE},
            "spec": {"rooms": [{"name": "hall", "widthM": 8, "depthM": 6, "heightM": 3}], "ashraeClass": "A2"},
        },
        "racks": [rack(f"k{n}", 1.5 + 0.8 * n) for n in range(6)],
        "coolingUnits": [unit("cu-1", 0.5), unit("cu-2", 7.5)],
        **changes,
    }


def question(what_if: dict[str, Any] | None = None, **changes: Any) -> Question:
    return parse(document(what_if, **changes))


class Past:
    """An hour and a half of a calm room."""

    def __init__(self, asked: Question, *, top: float = 23.0, power: float = 5000.0, minutes: int = 90) -> None:
        layout = asked.layout()
        self.racks, self.units = layout.rack_ids, layout.unit_ids
        self.top, self.power, self.minutes = top, power, minutes
        self.asked: list[Span] = []

    def rows(self, spans: Iterable[Span], *_arguments: Any, **_options: Any) -> Iterator[Row]:
        self.asked += spans
        noise = random.Random(1)
        for minute in range(self.minutes):
            at = BASE_MS - (self.minutes - 1 - minute) * 60_000
            for name in self.racks:
                top = self.top + noise.gauss(0, 0.05)
                yield Row(name, "environment.top", "temperature", at, f"{top:.2f}")
                yield Row(name, "environment.bottom", "temperature", at, f"{self.top - 2.0:.2f}")
                yield Row(name, "power", "power", at, f"{self.power + noise.gauss(0, 20):.0f}")
            for name in self.units:
                yield Row(name, "air", "supplyTemperature", at, "19.1")
