"""The server twin's commands become the process that does the work."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from racktwin_cli import server
from racktwin_cli.main import cli


@pytest.mark.parametrize("name", ["logger", "stress", "experiment", "fingerprint", "report"])
def test_words_are_passed_on_as_they_are(monkeypatch, name):
    asked = []
    monkeypatch.setattr(server, "start", asked.append)
    told = CliRunner().invoke(cli, [name, "cpu", "--level", "50", "--help", "--json"])
    assert told.exit_code == 0, told.output
    assert asked == [[name, "cpu", "--level", "50", "--help", "--json"]]


def test_help_comes_from_the_process_itself():
    done = subprocess.run(
        [sys.executable, "-m", "racktwin_cli", "stress", "cpu", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: racktwin stress cpu" in done.stdout
    assert "--json" in done.stdout


def test_fidelity_of_a_server_is_asked_of_that_process(monkeypatch):
    asked = []
    monkeypatch.setattr(server, "start", asked.append)
    told = CliRunner().invoke(cli, ["fidelity", "--server", "--run", "here", "--worse-than", "3", "--json"])
    assert told.exit_code == 0, told.output
    assert asked == [["fidelity", "--run", "here", "--worse-than", "3.0", "--json"]]
    assert CliRunner().invoke(cli, ["fidelity", "--run", "here"]).exit_code == 2
