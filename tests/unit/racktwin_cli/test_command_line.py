"""Every command explains itself, and every error is one line that names the next step."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from racktwin_cli import installation
from racktwin_cli.doctor.target import Model, predicts, site_of, thing_of
from racktwin_cli.failures import Failure
from racktwin_cli.main import cli


@pytest.mark.parametrize("command", ["doctor", "rejects", "size", "status"])
def test_every_command_has_help_and_json(command):
    told = CliRunner().invoke(cli, [command, "--help"])
    assert told.exit_code == 0
    assert "--json" in told.output


def test_help_documents_exit_codes():
    assert "Exit codes:" in CliRunner().invoke(cli, ["--help"]).output


def test_a_failure_is_one_line_and_exit_code_1(monkeypatch, tmp_path):
    monkeypatch.setenv("RACKTWIN_HOME", str(tmp_path))
    told = CliRunner().invoke(cli, ["--stack", "absent", "status"])
    assert told.exit_code == 1
    assert told.output.startswith("error: stack 'absent'")
    assert "next: start it" in told.output
    assert len(told.output.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == [], "asking for a stack makes none"


def test_a_wrong_setting_is_named(monkeypatch):
    monkeypatch.setenv("RACKTWIN_KAFKA_SECURITY_PROTOCOL", "NONE")
    with pytest.raises(Failure, match="RACKTWIN_KAFKA_SECURITY_PROTOCOL"):
        installation.load()


def test_edit_goes_with_replay():
    assert CliRunner().invoke(cli, ["rejects", "--again"]).exit_code == 2


class FakeCluster:
    def __init__(self, sites=("berlin",), racks=()):
        self._sites, self._racks = list(sites), list(racks)

    def sites(self):
        return self._sites

    def racks(self, site):
        return self._racks


def rack(name, ready):
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}


def test_the_site_is_the_only_one_or_must_be_named():
    settings = installation.Installation()
    assert site_of(settings, FakeCluster(), None) == "berlin"
    assert site_of(settings, FakeCluster(["berlin", "lab"]), "lab") == "lab"
    with pytest.raises(Failure, match=r"berlin, lab.*--site"):
        site_of(settings, FakeCluster(["berlin", "lab"]), None)
    with pytest.raises(Failure, match="no Site"):
        site_of(settings, FakeCluster([]), None)


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("r1", "racktwin.berlin:rack-r1"),
        ("rack/r1", "racktwin.berlin:rack-r1"),
        ("server/web-1", "racktwin.berlin:server-web-1"),
        ("racktwin.berlin:cooling-c1", "racktwin.berlin:cooling-c1"),
    ],
)
def test_devices_are_named_shortly_or_whole(text, thing):
    assert str(thing_of(text, "berlin", FakeCluster())) == thing


@pytest.mark.parametrize("text", ["R1", "shelf/s1", "racktwin.berlin:shelf-s1", "rack/", ""])
def test_a_wrong_name_is_refused(text):
    with pytest.raises(Failure, match="next: name a device"):
        thing_of(text, "berlin", FakeCluster())


def test_without_a_name_it_is_the_first_ready_rack():
    cluster = FakeCluster(racks=[rack("a", False), rack("b", True), rack("c", True)])
    assert thing_of(None, "berlin", cluster).name == "b"
    assert thing_of(None, "berlin", FakeCluster(racks=[rack("a", False)])).name == "a"
    with pytest.raises(Failure, match="has no Rack"):
        thing_of(None, "berlin", FakeCluster())


def test_a_model_predicts_from_what_it_targets():
    model = Model("inlet", 1, ("rack",), ("environment.top", "environment.bottom"))
    assert predicts(model, "rack", "environment.top")
    assert not predicts(model, "rack", "power")
    assert not predicts(model, "server", "environment.top")
    assert predicts(Model("other", 1, None, None), "rack", "power"), "one that cannot be read is taken to"


def test_every_command_is_where_the_group_looks_for_it_and_has_the_name_it_is_called_by():
    context = click.Context(cli)
    names = cli.list_commands(context)
    assert {"doctor", "export", "logger", "whatif"} <= set(names)
    for name in names:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
    assert cli.get_command(context, "no-such") is None


def test_a_command_imports_what_it_needs_and_not_what_others_do():
    code = (
        "import sys; from click.testing import CliRunner; from racktwin_cli.main import cli;"
        "assert CliRunner().invoke(cli, ['size', '--help']).exit_code == 0;"
        "print([name for name in ('rdflib', 'kubernetes', 'influxdb_client', 'onnxruntime') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout.strip() == "[]"
