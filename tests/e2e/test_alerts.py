"""Promise: what is wrong is an alert, once when it begins and once when it is over.

On the twin, in the history, and for Grafana's rule. Also where its thing is deleted and nobody saw it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from tests.e2e.cooling import CoolingUnit, cooling_unit
from tests.e2e.harness import Harness, eventually

from dashboards import alerts
from dashboards.provoke.referee import firing
from local_stack import Stack

RULE = "unit-refuses"


@pytest.fixture(scope="module")
def device(site: Harness, ready_rack: str) -> Iterator[CoolingUnit]:
    with cooling_unit(site, ready_rack) as unit:
        yield unit


def told_by_grafana(site: Harness) -> set[str]:
    """Things that Grafana's rule fires for, by its own query."""
    rules = yaml.safe_load(alerts.provisioning())["groups"][0]["rules"]
    (rule,) = [rule for rule in rules if rule["labels"]["rule"] == RULE]

    def ask(flux: str) -> list[Mapping[str, Any]]:
        return [record.values for table in site.influx.query_api().query(flux) for record in table.records]

    return firing(rule, site.site, ask)


def test_a_unit_that_refuses_is_an_alert_until_it_obeys(site: Harness, device: CoolingUnit) -> None:
    thing = device.thing

    def changes() -> list[float]:
        return [value for _, value in site.points("alert", thing, "firing")]

    def is_open() -> bool:
        return RULE in ((site.properties(thing, "alerts") or {}).get("open") or {})

    before = changes()
    with site.mqtt(device.login) as client:
        device.subscribe(client)
        device.report(client)
        eventually(lambda: (site.properties(thing, "air") or {}).get("airflow") == 6.0, "its report on the twin")
        device.status = 409
        device.ended(device.wish(setpoint=19.5), "refused")
        eventually(is_open, "the alert on the twin")
        entry = (site.properties(thing, "alerts") or {})["open"][RULE]
        assert "was refused by the unit" in entry["text"]
        assert "the door is open" in entry["text"]
        assert entry["action"]
        eventually(lambda: changes() == [*before, 1.0], "its begin in the history")
        assert thing in told_by_grafana(site)

        device.status = 200
        device.report(client)
        device.ended(device.wish(setpoint=19.0), "accepted")
        eventually(lambda: not is_open(), "the alert's end on the twin")
        eventually(lambda: changes() == [*before, 1.0, 0.0], "its end in the history")
        assert thing not in told_by_grafana(site)


def test_an_alert_of_a_unit_that_is_deleted_while_alerting_is_down_is_over(
    stack: Stack, site: Harness, ready_rack: str
) -> None:
    with cooling_unit(site, ready_rack) as unit:
        with site.mqtt(unit.login) as client:
            unit.subscribe(client)
            unit.report(client)
            eventually(lambda: (site.properties(unit.thing, "air") or {}).get("airflow") == 6.0, "its report")
            unit.status = 409
            unit.ended(unit.wish(setpoint=19.5), "refused")
            eventually(lambda: unit.thing in told_by_grafana(site), "its begin for Grafana")
        stack.halt("alerting")
    try:
        eventually(lambda: site.ditto.get_thing(unit.thing) is None, "its twin's end")
        assert unit.thing in told_by_grafana(site)
    finally:
        stack.ensure(["alerting"])
    eventually(lambda: unit.thing not in told_by_grafana(site), "its end for Grafana", 120)
    assert [value for _, value in site.points("alert", unit.thing, "firing")] == [1.0, 0.0]
