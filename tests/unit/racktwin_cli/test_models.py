"""`racktwin models` and the commands on files: what they say, and what they say when something is wrong."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import version_of
from models.registry import Registry, Scores, State
from racktwin.ditto_client import DittoClient, DittoError
from racktwin_cli.main import cli

MODEL = "inlet-temperature"


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "artefact"
    folder.mkdir()
    content = graph()
    write(folder, content, manifest(content))
    url = str(tmp_path / "registry")
    result = CliRunner().invoke(cli, ["models", "--registry", url, "publish", str(folder)])
    assert result.exit_code == 0, result.output
    return url, version_of(content)


def test_publish_promote_and_list(published):
    url, version = published
    assert (
        CliRunner().invoke(cli, ["models", "--registry", url, "promote", "inlet-temperature", version]).exit_code == 0
    )
    result = CliRunner().invoke(cli, ["models", "--registry", url, "--json"])
    (row,) = json.loads(result.stdout)["models"]
    assert (row["model"], row["version"], row["serves"]) == ("inlet-temperature", version, True)


def test_rollback_without_a_version_before_says_so(published):
    url, version = published
    CliRunner().invoke(cli, ["models", "--registry", url, "promote", "inlet-temperature", version])
    result = CliRunner().invoke(cli, ["models", "--registry", url, "rollback", "inlet-temperature"])
    assert result.exit_code != 0
    assert "first that served" in result.output


def test_without_a_registry_the_option_is_named(monkeypatch):
    monkeypatch.delenv("RACKTWIN_REGISTRY_URL", raising=False)
    result = CliRunner().invoke(cli, ["models"])
    assert result.exit_code != 0
    assert "--registry" in result.output


@pytest.mark.parametrize("command", ["train", "evaluate", "detect"])
def test_commands_on_files_have_help_and_name_a_bad_file(command, tmp_path):
    assert "--history" in CliRunner().invoke(cli, [command, "--help"]).output
    path = tmp_path / "bad.csv"
    path.write_text("a,b\n1,2\n")
    result = CliRunner().invoke(cli, [command, "--history", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "bad.csv" in result.output


def test_several_are_published_and_serve_at_once(published, tmp_path):
    url, version = published
    again = next((tmp_path).rglob("model.json")).parent
    result = CliRunner().invoke(
        cli, ["models", "--registry", url, "publish", str(again), "--promote", "--reason", "first of the site"]
    )
    assert result.exit_code == 0, result.output
    assert f"{version} serves" in result.output
    listed = CliRunner().invoke(cli, ["models", "--registry", url, "--json"])
    assert [row["serves"] for row in json.loads(listed.output)["models"]] == [True]


def test_what_serves_is_listed_with_how_it_does_by_horizon(published):
    url, version = published
    runner = CliRunner()
    assert json.loads(runner.invoke(cli, ["models", "--registry", url, "--json"]).stdout)["serving"] == []
    runner.invoke(cli, ["models", "--registry", url, "promote", MODEL, version])
    (row,) = json.loads(runner.invoke(cli, ["models", "--registry", url, "--json"]).stdout)["serving"]
    assert (row["version"], row["state"], row["horizons"]) == (version, "not scored", {})
    registry = Registry(url)
    horizons = {"1800": Scores(60, 0.9, -0.25, 0.1, 0.7), "300": Scores(90, 0.3, 0.125, 0.4, 0.9)}
    how = {"skill": 0.25, "coverage": 0.8, "mae": 0.6, "bias": -0.0625, "count": 150, "horizons": horizons}
    how |= {"since": registry.state(MODEL).since, "reason": "its intervals hold 70% instead of 90%"}
    registry.set_state(MODEL, State(version, 7, drifting=True, **how))
    (row,) = json.loads(runner.invoke(cli, ["models", "--registry", url, "--json"]).stdout)["serving"]
    assert (row["state"], row["at"], row["mae"], row["bias"], row["count"]) == ("drifting", 7, 0.6, -0.0625, 150)
    assert list(row["horizons"]) == ["300", "1800"]
    assert row["horizons"]["1800"] == {"mae": 0.9, "bias": -0.25, "skill": 0.1, "coverage": 0.7, "count": 60}
    told = runner.invoke(cli, ["models", "--registry", url]).stdout
    lines = [line.split() for line in told.splitlines()]
    assert [MODEL, version, "drifting", "all", "0.600", "-0.062", "0.25", "80.0%", "150"] in lines
    assert ["30", "min", "0.900", "-0.250", "0.10", "70.0%", "60"] in lines
    assert f"{MODEL}: its intervals hold 70% instead of 90%" in told
    # What is noted of another version says nothing of this one.
    registry.set_state(MODEL, State("f" * 12, 8, paused=True, since=how["since"]))
    assert "not scored" in runner.invoke(cli, ["models", "--registry", url]).stdout


def test_what_is_paused_predicts_again_when_somebody_says_so(published):
    url, version = published
    command = ["models", "--registry", url, "resume", MODEL]
    nothing = CliRunner().invoke(cli, command)
    assert (nothing.exit_code, "nothing serves" in nothing.output) == (1, True)
    registry = Registry(url)
    registry.promote(MODEL, version, at_ms=5, by="person", reason="")
    registry.set_state(MODEL, State(version, 6, paused=True, since=5))
    told = CliRunner().invoke(cli, command)
    assert told.output.strip() == f"{MODEL}: {version} predicts again"
    assert not registry.state(MODEL).paused
    unknown = CliRunner().invoke(cli, [*command, "--version", "f" * 12])
    assert (unknown.exit_code, version in unknown.output) == (1, True)


def test_scores_of_each_rack_come_from_the_twins_the_worst_first(monkeypatch):
    def twin(name, skill):
        own = {"count": 40, "mae": 0.5, "bias": 0.1, "skill": skill, "coverage": 0.9}
        models = {
            MODEL: {"environment.top/temperature": {"900": own}},
            "rack-power": {"power/activePower": {"300": own}},
        }
        return {"thingId": f"racktwin.lab:{name}", "features": {"scorecard": {"properties": {"models": models}}}}

    things = [twin("rack-good", 0.6), twin("rack-bad", -0.2), {"thingId": "racktwin.lab:room-hall", "features": {}}]
    monkeypatch.setattr(DittoClient, "search", lambda *_, **__: iter(things))
    result = CliRunner().invoke(cli, ["models", "scores", MODEL, "--site", "lab", "--json"])
    told = json.loads(result.stdout)
    assert [(row["thing"], row["horizon"], row["skill"]) for row in told["things"]] == [
        ("racktwin.lab:rack-bad", 900, -0.2),
        ("racktwin.lab:rack-good", 900, 0.6),
    ]
    table = CliRunner().invoke(cli, ["models", "scores", MODEL, "--site", "lab"]).stdout.splitlines()
    assert table[1].split() == [
        "rack-bad", "environment.top/temperature", "15", "min", "0.500", "+0.100", "-0.20", "90.0%", "40",
    ]  # fmt: skip
    nothing = CliRunner().invoke(cli, ["models", "scores", "unknown", "--site", "lab"])
    assert nothing.exit_code == 1
    assert "no twin has scores of a model 'unknown' yet" in nothing.output


def test_scores_without_ditto_say_what_to_do(monkeypatch):
    def away(*_, **__):
        raise DittoError(0, "unreachable", "connection refused")

    monkeypatch.setattr(DittoClient, "search", away)
    result = CliRunner().invoke(cli, ["models", "scores", MODEL, "--site", "lab"])
    assert result.exit_code == 1
    assert "RACKTWIN_DITTO_URL" in result.output
