"""`racktwin collect` hands on to the collectors and keeps their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil

CONFIG = (
    "site: t\ngateway: edge\nuplink: {credentials: s}\nstore: {directory: d}\n"
    "collectors: [{name: a, protocol: modbus, host: 127.0.0.1, port: 1, thing: cooling-c, map: cooling-unit}]\n"
)


def racktwin(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "racktwin_cli", "collect", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=90)


def test_check_prints_json_and_ends_with_3(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    done = racktwin("check", "--config", str(path), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["sources"][0]["name"] == "a"


def test_a_configuration_that_is_not_there_is_told() -> None:
    done = racktwin("check", "--config", "none.yaml")
    assert done.returncode == 2 and "none.yaml" in done.stderr


def test_what_collects_is_the_collectors_alone_and_stops_when_it_is_told(tmp_path: Path) -> None:
    """`racktwin collect run` does not stay beside them: it takes several times their memory."""
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    command = [sys.executable, "-m", "racktwin_cli", "collect", "run", "--config", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any('"source fails"' in line for line in process.stderr), "it ended"
            assert "racktwin_cli" not in psutil.Process(process.pid).cmdline()
            assert not psutil.Process(process.pid).children()
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
