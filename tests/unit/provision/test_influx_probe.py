"""The probe beside InfluxDB: what counts as a failed InfluxDB, and what does not."""

from types import SimpleNamespace

import pytest
import requests
import structlog

from provision import influx_probe
from provision.settings import ProbeSettings


@pytest.fixture
def context():
    return SimpleNamespace(log=structlog.get_logger())


def settings(tmp_path, token="t"):
    path = tmp_path / "token"
    if token:
        path.write_text(token)
    return ProbeSettings(probe_token_file=path)


@pytest.mark.parametrize(("status", "well"), [(204, True), (500, False), (503, False), (401, True), (404, True)])
def test_answers(tmp_path, context, monkeypatch, status, well):
    monkeypatch.setattr(requests, "post", lambda *_, **__: SimpleNamespace(status_code=status))
    assert influx_probe.look(settings(tmp_path), context) is well


def test_before_the_set_up_there_is_nothing_to_fail(tmp_path, context):
    assert influx_probe.look(settings(tmp_path, token=""), context)


def test_no_connection_is_the_startup_probes_business(tmp_path, context, monkeypatch):
    def refuse(*_, **__):
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "post", refuse)
    assert influx_probe.look(settings(tmp_path), context)


def test_silence_is_a_failure(tmp_path, context, monkeypatch):
    def hang(*_, **__):
        raise requests.ReadTimeout

    monkeypatch.setattr(requests, "post", hang)
    assert not influx_probe.look(settings(tmp_path), context)
