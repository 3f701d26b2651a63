"""The process: serves until it is told to stop, says what it lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


def start(**settings: str) -> subprocess.Popen[str]:
    names = {f"RACKTWIN_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "definitions"],
        env={**os.environ, "RACKTWIN_DEFINITIONS_PORT": "0", "RACKTWIN_HEALTH_PORT": "0", **names},
        stderr=subprocess.PIPE,
        text=True,
    )


def log(process: subprocess.Popen[str]) -> Iterator[dict[str, object]]:
    assert process.stderr is not None
    for line in process.stderr:
        yield json.loads(line)


def test_it_serves_until_it_is_told_to_stop() -> None:
    process = start(definitions_url="http://models.example")
    try:
        lines = log(process)
        health = next(line for line in lines if line["event"] == "started")["health_port"]
        port = next(line for line in lines if line["event"] == "serving")["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/rack-1.0.0.tm.jsonld", timeout=60) as answer:
            assert answer.headers["Content-Type"] == "application/tm+json"
            assert json.load(answer)["links"][0]["href"].startswith("http://models.example/")
        for path in ("healthz", "readyz"):
            with urllib.request.urlopen(f"http://127.0.0.1:{health}/{path}", timeout=60) as answer:
                assert json.load(answer)["status"] == "ok"
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_folder_without_models_ends_it_with_one_clear_line(tmp_path: Path) -> None:
    process = start(definitions_dir=str(tmp_path))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "RACKTWIN_DEFINITIONS_DIR" in errors.splitlines()[-1]


@pytest.mark.parametrize("url", ["models.example", "ftp://models.example"])
def test_a_public_url_that_is_none_is_a_bad_setting(url: str) -> None:
    process = start(definitions_url=url)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "RACKTWIN_DEFINITIONS_URL" in errors
