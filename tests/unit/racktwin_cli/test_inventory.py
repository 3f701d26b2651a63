"""`racktwin import`, `export` and `netbox` at the command line, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.netbox_fake import TOKEN, FakeNetBox
from tests.unit.netbox_site import Hall, fake, hall, netbox, settings

from inventory import documents
from racktwin_cli.main import cli

__all__ = ["fake", "hall", "netbox", "settings"]

EXAMPLE = Path(__file__).resolve().parents[3] / "operators/examples/berlin"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments))
    return result.exit_code, result.output


def test_the_example_site_goes_to_csv_and_back(tmp_path: Path) -> None:
    code, text = run("export", "csv", "--from", str(EXAMPLE), "--out", str(tmp_path / "csv"))
    assert code == 0, text
    racks, servers = tmp_path / "csv/racks.csv", tmp_path / "csv/servers.csv"
    options = ["--servers", str(servers), "--site", "berlin"]
    # Against itself: nothing to change.
    code, text = run("import", "csv", str(racks), *options, "--against", str(EXAMPLE), "--json")
    assert code == 0 and json.loads(text)["changes"] == [], text
    # From nothing: the same racks.
    code, text = run("import", "csv", str(racks), *options, "--out", str(tmp_path / "yaml"))
    assert code == 0, text
    before = {doc["metadata"]["name"]: doc["spec"] for doc in documents.read(EXAMPLE) if doc["kind"] == "Rack"}
    after = {doc["metadata"]["name"]: doc["spec"] for doc in documents.read(tmp_path / "yaml") if doc["kind"] == "Rack"}
    assert after == before


def test_netbox_to_yaml_and_the_difference_afterwards(
    fake: FakeNetBox,
    hall: Hall,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rack = hall.rack("R1")
    hall.device("web", rack, 4.0)
    monkeypatch.setenv("RACKTWIN_NETBOX_TOKEN", TOKEN)
    out = str(tmp_path)
    where = ("--url", fake.url, "--site", "berlin", "--gateway", "main")
    assert run("netbox", "diff", *where, "--against", out)[0] == 3
    code, text = run("netbox", "import", *where, "--out", out)
    assert code == 0 and "+ Rack r1 <- rack R1" in text, text
    assert run("netbox", "diff", *where, "--against", out)[0] == 0
    rack["serial"] = "new"
    code, text = run("netbox", "diff", *where, "--against", out)
    assert code == 3 and "~ Rack r1" in text and "serial nothing -> new" in text
    rack["location"] = None
    code, text = run("netbox", "diff", *where, "--against", out)
    assert code == 3 and "problem: rack R1" in text and "location: missing" in text


def test_errors_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACKTWIN_NETBOX_TOKEN", raising=False)
    code, text = run("netbox", "diff", "--against", str(tmp_path))
    assert code == 1 and text.startswith("error: no token") and text.count("\n") == 1
    bad = tmp_path / "racks.csv"
    bad.write_text("nonsense\n")
    code, text = run("import", "csv", str(bad), "--site", "berlin", "--against", str(tmp_path))
    assert code == 1 and "unknown column" in text
    assert run("import", "csv", str(bad), "--site", "Berlin!", "--against", str(tmp_path))[0] == 1
