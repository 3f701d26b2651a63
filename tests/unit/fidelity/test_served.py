"""What `fidelity` tells of a rack is what the inlet model's runner reads, each number under its own name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import structlog
from tests.unit.fidelity.test_look import SITE, hall
from tests.unit.indices.test_watch import Setting

from fidelity.look import FidelityLooker
from fidelity.settings import FidelitySettings
from models.definition import read_definition
from models.statistics import InputPlan
from runner.intake import Intake


def test_each_expectation_reaches_the_input_of_its_name() -> None:
    setting = Setting()
    looker = FidelityLooker(FidelitySettings(), lambda: setting.now, structlog.stdlib.get_logger())
    layout = hall()
    # (horizon, bottom and top, rack): 20.00, 20.10, … so that each number says where it stands.
    expected = 20.0 + np.arange(3 * 2 * len(layout.racks)).reshape(3, 2, -1) / 10.0
    for result in looker._expected(cast("Any", SimpleNamespace(layout=layout)), expected, setting.now):
        setting.watcher._send(SITE, result)
    assert {topic for topic, _, _ in setting.producer.sent} == {f"racktwin.readings.{SITE}"}

    definition = read_definition("inlet_temperature")
    intake = Intake(definition)
    records = [((topic, 0), payload) for topic, _, payload in setting.producer.sent]
    assert intake.take(records, setting.now, setting.now).used == 6 * len(layout.racks)
    names = [channel.name for channel in definition.optional]
    plan = InputPlan.of([f"{name}.last" for name in names], definition)
    slots = intake.slots()
    snapshot = intake.windows.snapshot(slots, setting.now + 100_000)
    values = plan.compute(snapshot.values, snapshot.optional)
    for row, slot in enumerate(slots.tolist()):
        rack = layout.rack_index(intake.things[slot].id)
        for column, name in enumerate(names):
            place, horizon = ("top", name[3:]) if name.startswith("top") else ("bottom", name[6:])
            told = expected[("300", "900", "1800").index(horizon), ("bottom", "top").index(place), rack]
            assert abs(values[row, column] - told) < 1e-3
    assert np.isnan(intake.windows.snapshot(slots, setting.now + 200_000).optional).all()
