"""Promise: what is written on the command line becomes the changes of a Scenario, or is refused with an example."""

from __future__ import annotations

from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from racktwin_cli.main import cli
from racktwin_cli.scenario import changes, outcome, resource, whatif


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("unit_fails", "crah-a1", {"coolingUnit": {"name": "crah-a1", "fails": True}}),
        ("unit_fails", "crah-a1@5m", {"atS": 300.0, "coolingUnit": {"name": "crah-a1", "fails": True}}),
        ("unit_capacity", "crah-a1=50%", {"coolingUnit": {"name": "crah-a1", "capacityPercent": 50.0}}),
        ("setpoint", "crah-a1=22.5", {"coolingUnit": {"name": "crah-a1", "setpointC": 22.5}}),
        ("load", "all=+10%", {"load": {"addPercent": 10.0}}),
        ("load", "r1,r2=-1.5kW@30s", {"atS": 30.0, "load": {"racks": ["r1", "r2"], "addW": -1500.0}}),
        ("cap", "all=5kW", {"load": {"capW": 5000.0}}),
        ("move", "r1:r2", {"move": {"from": "r1", "to": "r2"}}),
        ("move", "r1:r2=2000", {"move": {"from": "r1", "to": "r2", "powerW": 2000.0}}),
        (
            "add_rack",
            "new-1=3.5,2.4,8kW",
            {"rack": {"name": "new-1", "position": {"xM": 3.5, "yM": 2.4, "yawDeg": 0}, "powerW": 8000.0}},
        ),
        ("open_containment", "50%", {"containment": {"openPercent": 50.0}}),
        ("lose_pdu", "pdu-a1-a", {"feed": {"pdu": "pdu-a1-a"}}),
        ("lose_feed", "r1:a", {"feed": {"rack": "r1", "feed": "A"}}),
    ],
)
def test_each_option_becomes_its_change(option: str, text: str, expected: dict[str, Any]) -> None:
    assert changes.of_options({option: [text]}) == [expected]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("unit_fails", "CRAH A1"), ("unit_fails", "crah-a1@soon"), ("setpoint", "crah-a1"), ("load", "all=lots"),
        ("load", "10%"), ("move", "r1"), ("add_rack", "new-1=3.5,2.4"), ("lose_feed", "r1"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_an_example(option: str, text: str) -> None:
    with pytest.raises(click.BadParameter, match="for instance"):
        changes.of_options({option: [text]})


class FakeCluster:
    def __init__(self, phases: list[dict[str, Any]]) -> None:
        self.phases = phases
        self.made: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    def sites(self) -> list[str]:
        return ["lab"]

    def site(self, _site: str) -> dict[str, Any]:
        return {"spec": {"rooms": [{"name": "hall"}]}}

    def create_scenario(self, _site: str, body: dict[str, Any]) -> None:
        self.made.append(body)

    def scenario(self, _site: str, name: str) -> dict[str, Any] | None:
        status = self.phases.pop(0) if len(self.phases) > 1 else self.phases[0]
        return {"metadata": {"name": name, "uid": "u"}, "spec": {}, "status": status}

    def delete_scenario(self, _site: str, name: str) -> None:
        self.deleted.append(name)


def status(phase: str, reason: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    return {"phase": phase, "conditions": [{"type": "Ready", "reason": reason, "message": message}], **more}


DONE = status(
    "Done", "Done", headline="k1 leaves the allowable range after 3 min", baseTime="2026-01-01T00:00:00Z",
    bucket="lab_scenarios",
    cases=[{"name": "baseline", "peakC": 23.0}, {"name": "x", "firstRack": "k1", "allowableAfterS": 185.0}],
)  # fmt: skip


def ask(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, *arguments: str) -> Any:
    monkeypatch.setattr(whatif, "Cluster", lambda: cluster)
    monkeypatch.setattr(resource, "_POLL_S", 0.0)
    return CliRunner().invoke(cli, ["whatif", *arguments])


def test_a_scenario_is_made_waited_for_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster([status("Pending"), status("Running", "Running", "its Job is at work"), DONE])
    result = ask(monkeypatch, cluster, "--name", "x", "--unit-fails", "cu-1", "--duration", "30m", "--delete")
    assert result.exit_code == 0, result.output
    spec = cluster.made[0]["spec"]
    assert spec["room"] == "hall"
    assert spec["whatIf"] == {
        "durationS": 1800.0,
        "changes": [{"coolingUnit": {"name": "cu-1", "fails": True}}],
    }
    assert "3 min 05 s" in result.stdout
    assert "its Job is at work" in result.stderr
    assert cluster.deleted == ["x"]


def test_a_failed_scenario_is_a_failure_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster([status("Failed", "CannotBeComputed", "room hall: no cooling unit")])
    result = ask(monkeypatch, cluster, "--unit-fails", "cu-1")
    assert result.exit_code == 1
    assert "room hall: no cooling unit" in result.stderr
    assert "next:" in result.stderr


def test_nothing_asked_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, FakeCluster([DONE])).exit_code == 2


def test_one_that_does_not_end_says_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster([status("Pending", "WaitingForTwins", "its own Rack is not ready yet")])
    result = ask(monkeypatch, cluster, "--unit-fails", "cu-1", "--timeout", "1ms")
    assert result.exit_code == 1
    assert "its own Rack is not ready yet" in result.stderr


def test_a_file_asks_several_cases(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    cases = [{"name": "a", "changes": [{"load": {"addPercent": 10}}]}]
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump({"kind": "Scenario", "spec": {"room": "hall", "whatIf": {"cases": cases}}}))
    cluster = FakeCluster([DONE])
    result = ask(monkeypatch, cluster, "--file", str(path), "--each-unit-fails", "--json")
    assert result.exit_code == 0, result.output
    assert cluster.made[0]["spec"]["whatIf"]["cases"] == cases
    assert cluster.made[0]["spec"]["whatIf"]["eachUnitFails"] is True


def test_a_made_up_name_is_one_that_kubernetes_takes() -> None:
    name = resource.fresh_name("whatif")
    assert len(name) <= 30
    assert name[0].isalpha()
    assert outcome._span(None) == "never"
