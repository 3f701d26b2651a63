"""Packs as ingest reads them, the size Hono takes, and totals of feeds."""

from __future__ import annotations

import json

from collector.model import Reading
from collector.packs import Numbers, packs
from collector.totals import Totals
from ingest import packs as ingest_packs
from ingest.intake import Inbound

NOW = 1_767_225_600_000
RACK, SERVER = "racktwin.t:rack-a", "racktwin.t:server-b"


def reading(thing: str, feature: str, name: str, value: float | str, time: int = NOW) -> Reading:
    return Reading(thing, feature, name, value, time)


def test_ingest_reads_what_we_write() -> None:
    made = list(
        packs(
            [
                reading(RACK, "environment.top", "temperature", 23.4),
                reading(RACK, "environment.top", "relativeHumidity", 41.0),
                reading(SERVER, "cpu", "utilization", 3.5, NOW + 1),
            ],
            Numbers(),
            2000,
        )
    )
    assert [(device, count) for device, _, count in made] == [(RACK, 2), (SERVER, 1)]
    inbound = Inbound("t", 0, 0, "t", RACK, RACK, {}, made[0][1], 5000, "senml")
    decoded = ingest_packs.decode(inbound)
    assert not decoded.bad
    assert {(v.feature, v.property, v.value, v.unit, v.time, v.seq) for v in decoded.values} == {
        ("environment.top", "temperature", 23.4, "Cel", NOW, 1),
        ("environment.top", "relativeHumidity", 41.0, "%RH", NOW, 1),
    }


def test_no_message_is_larger_than_hono_takes() -> None:
    many = [reading(SERVER, "cpu", "utilization", 1.234567, time) for time in range(50)]
    many += [reading(RACK, f"environment.place-{n}", "temperature", 20.0 + n, 7) for n in range(100)]
    made = list(packs(many, Numbers(), 600))
    assert max(len(payload) for _, payload, _ in made) <= 600
    assert sum(count for _, _, count in made) == 150
    numbers = [json.loads(payload)[-1]["v"] for device, payload, _ in made if device == SERVER]
    assert numbers == list(range(1, 51))


def test_text_has_a_label_of_its_own() -> None:
    ((_, payload, _),) = packs([reading("racktwin.t:cooling-c", "control", "mode", "auto")], Numbers(), 2000)
    assert json.loads(payload)[0] == {"bt": NOW / 1000, "n": "control/mode", "vs": "auto"}


def test_a_racks_power_is_the_sum_of_its_feeds() -> None:
    totals = Totals([(RACK, "powerA"), (RACK, "powerB"), (RACK, "voltageA")])
    assert totals.of([reading(RACK, "power", "powerA", 1000.5)]) == []
    made = totals.of([reading(RACK, "power", "powerB", 500.0, NOW + 800)])
    assert made == [reading(RACK, "power", "power", 1500.5, NOW + 800)]
    # Feed A has fallen silent: half a rack's power is no rack's power.
    assert totals.of([reading(RACK, "power", "powerB", 500.0, NOW + 60_000)]) == []
    assert totals.of([reading(SERVER, "power", "powerA", 500.0)]) == []
