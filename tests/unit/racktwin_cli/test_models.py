"""`racktwin models` and the commands on files: what they say, and what they say when something is wrong."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tests.unit.runner.conftest import graph, manifest, write

from models.definition import version_of
from racktwin_cli.main import cli


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
