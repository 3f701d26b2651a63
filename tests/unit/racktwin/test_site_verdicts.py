"""What is said of a site as a whole reaches its twin and its history."""

from __future__ import annotations

import json

from racktwin import site_verdicts


def test_a_merge_for_the_twin_and_a_reading_for_history() -> None:
    twin, reading = site_verdicts.records("lab", "model.warm", {"skill": 0.4}, 7000, by="judge", only_on_twin={"x": {}})
    assert (twin[0], twin[1]) == ("racktwin.twin.lab", "racktwin.lab:site-lab")
    assert json.loads(twin[2])["value"] == {"model.warm": {"properties": {"skill": 0.4, "x": {}}}}
    assert (reading[0], reading[1]) == ("racktwin.readings.lab", "racktwin.lab:site-lab")
    told = json.loads(reading[2])
    assert (told["device"], told["kind"], told["observedAt"], told["values"]) == ("judge", "site", 7000, {"skill": 0.4})
