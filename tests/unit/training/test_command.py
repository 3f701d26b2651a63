"""`python -m training` says what went wrong in one line, and what it offers."""

from __future__ import annotations

import pytest

from training import detecting
from training.command import main


def test_no_history_is_one_line_and_exit_code_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("RACKTWIN_INFLUX_URL", "http://127.0.0.1:1")
    assert main(["--history", "influx", "--out", str(tmp_path)]) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("training: InfluxDB at http://127.0.0.1:1")


def test_recorded_history_is_not_what_a_detector_is_trained_on(monkeypatch, capsys, tmp_path):
    def nothing(*_args, **_kwargs):
        raise ValueError("far enough")

    monkeypatch.setattr(detecting, "train", nothing)
    assert main(["--model", "sensor-faults", "--history", "influx", "--out", str(tmp_path)]) == 1
    assert "sensor-faults is trained on simulated faults" in capsys.readouterr().err


def test_wrong_setting_is_named(monkeypatch, capsys):
    monkeypatch.setenv("RACKTWIN_SITES", "Not A Site")
    assert main(["--history", "simulated"]) == 1
    assert "RACKTWIN_SITES" in capsys.readouterr().err


def test_help_lists_models_and_settings(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "inlet-temperature" in text
    assert "RACKTWIN_INFLUX_URL" in text
