from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import Field

from racktwin.process import Fatal, describe, load
from racktwin.settings import KafkaSettings, ProcessSettings, SitesSettings

PROGRAM = """
import sys
from pydantic import Field
from racktwin.process import Context, Fatal, main
from racktwin.settings import ProcessSettings

class Settings(ProcessSettings):
    mood: str = Field("calm", description="What to do.")

def run(settings: Settings, context: Context) -> None:
    "A process for tests."
    context.health.set_ready(True)
    if settings.mood == "fatal":
        raise Fatal("the broker is gone; start it")
    if settings.mood == "crash":
        raise RuntimeError("bug")
    print("running", flush=True)
    context.stop.wait(30)

main("tester", Settings, run)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "tester.py"
    path.write_text(PROGRAM)
    return path


def environment(**extra: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **extra}


def run(program: Path, *args: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(program), *args],
        capture_output=True,
        text=True,
        env=environment(**extra),
        timeout=30,
        check=False,
    )


class Wide(KafkaSettings, SitesSettings, ProcessSettings):
    extra: int = Field(3, description="A number.", ge=1)


def test_settings_name_the_bad_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKTWIN_EXTRA", "0")
    monkeypatch.setenv("RACKTWIN_SITES", "Berlin!")
    with pytest.raises(Fatal, match=r"RACKTWIN_EXTRA.*greater than or equal to 1") as caught:
        load(Wide)
    assert "RACKTWIN_SITES" in str(caught.value)


def test_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKTWIN_SITES", "berlin, paris")
    assert load(Wide).site_list() == ["berlin", "paris"]
    monkeypatch.delenv("RACKTWIN_SITES")
    assert load(Wide).site_list() is None


def test_every_setting_is_described() -> None:
    rows = {row["name"]: row for row in describe(Wide)}
    assert rows["RACKTWIN_EXTRA"]["default"] == 3
    assert all(row["description"] for row in rows.values())


def test_a_signal_stops_it_gracefully(program: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events == ["started", "stopping", "stopped"]


def test_a_fatal_is_one_line(program: Path) -> None:
    done = run(program, RACKTWIN_MOOD="fatal")
    assert done.returncode == 1
    last = json.loads(done.stderr.splitlines()[-1])
    assert last["error"] == "the broker is gone; start it"
    assert "exception" not in last


def test_a_crash_shows_its_traceback(program: Path) -> None:
    done = run(program, RACKTWIN_MOOD="crash")
    assert done.returncode == 1
    assert "RuntimeError: bug" in json.loads(done.stderr.splitlines()[-1])["exception"]


def test_bad_settings_end_it_at_once(program: Path) -> None:
    done = run(program, RACKTWIN_HEALTH_PORT="70000")
    assert done.returncode == 2
    assert done.stderr.startswith("tester: settings: RACKTWIN_HEALTH_PORT")


def test_help_and_json(program: Path) -> None:
    assert "RACKTWIN_MOOD" in run(program, "--help").stdout
    settings = json.loads(run(program, "--json").stdout)["settings"]
    assert {"RACKTWIN_MOOD", "RACKTWIN_LOG_LEVEL"} <= {row["name"] for row in settings}
