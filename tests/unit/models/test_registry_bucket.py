"""A registry in a bucket whose service refuses, fails, is away or knows less than S3: one clear error, soon, and no
promotion told that was none."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest
import requests
from tests.unit.runner.conftest import NOW, graph, manifest, write

from models import store
from models.definition import version_of
from models.registry import Registry, RegistryError, State
from models.store import AWAY_S, Store
from racktwin import health, logs
from racktwin.process import Context
from runner.settings import RunnerSettings
from runner.source import ModelSource

MODEL = "inlet-temperature"


def published(registry, folder, **how):
    folder.mkdir()
    content = graph(**how)
    registry.publish(write(folder, content, manifest(content)))
    return version_of(content)


def test_a_bucket_that_is_not_there_is_said_and_not_made(s3, tmp_path):
    there = Registry("s3://nobodys/models")
    for doing in (
        there.models,
        lambda: there.pointer(MODEL),
        lambda: there.set_refusal(MODEL, "g", None),
        lambda: there.set_state(MODEL, State("a" * 12, 0)),
        lambda: there.promote(MODEL, "a" * 12, at_ms=0, by="person", reason=""),
        lambda: published(there, tmp_path / "a"),
    ):
        with pytest.raises(RegistryError, match="s3://nobodys/models: the bucket does not exist"):
            doing()
    assert all(bucket["Name"] != "nobodys" for bucket in s3.client().list_buckets()["Buckets"])


def test_a_login_that_is_refused_names_the_variables(s3):
    there = Registry(f"s3://{s3.bucket()}/models")
    for code in (b"InvalidAccessKeyId", b"SignatureDoesNotMatch", b"AccessDenied"):
        said = b"<Error><Code>" + code + b"</Code><Message>No such login</Message></Error>"
        s3.fault = lambda *_, said=said: ("403 Forbidden", said)
        for look in (there.models, lambda: there.pointer(MODEL)):
            with pytest.raises(RegistryError, match=r"refuses us \(AWS_ACCESS_KEY_ID.*No such login"):
                look()


def test_a_wrong_secret_is_refused_and_the_right_one_is_not(s3, monkeypatch, tmp_path):
    bucket = s3.bucket()
    users = s3.client("iam")
    users.create_user(UserName="runner")
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    users.put_user_policy(UserName="runner", PolicyName="models", PolicyDocument=policy)
    key = users.create_access_key(UserName="runner")["AccessKey"]
    reset = f"{s3.url}/moto-api/reset-auth"
    requests.post(reset, data="0", timeout=30)
    try:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(RegistryError, match="refuses us"):
            Registry(f"s3://{bucket}/models").pointer(MODEL)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        version = published(Registry(f"s3://{bucket}/models"), tmp_path / "a")
        assert [made.version for made in Registry(f"s3://{bucket}/models").versions(MODEL)] == [version]
    finally:
        requests.post(reset, data="inf", timeout=30)


def test_a_service_that_is_away_is_one_error_and_asked_again_later(s3, monkeypatch):
    bucket = s3.bucket()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    now = [0.0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", nobody)
    there = Store(f"s3://{bucket}/models", lambda: now[0])
    for look in (lambda: there.read("a"), lambda: there.names(""), lambda: there.write("a", b"")):
        with pytest.raises(RegistryError, match=f"Could not connect.*{nobody}"):
            look()
    # Until some time has passed it was not asked again: else the last would say what it was about.
    with pytest.raises(RegistryError, match="models: Could not connect"):
        there.write("a", b"")
    now[0] = AWAY_S
    with pytest.raises(RegistryError, match="cannot write a: Could not connect"):
        there.write("a", b"")


def test_a_service_that_does_not_answer_is_given_up(s3, monkeypatch):
    quick = {"connect_timeout": 0.2, "read_timeout": 0.2, "retries": {"mode": "standard", "total_max_attempts": 2}}
    monkeypatch.setitem(store._S3, "config_kwargs", quick)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(RegistryError, match=r"(?i)timeout"):
            Registry("s3://models").pointer(MODEL)


def test_a_failure_that_passes_is_not_seen(s3):
    there = Store(f"s3://{s3.bucket()}/models")
    there.write("a", b"1")
    failures = iter([("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>")])
    s3.fault = lambda _method, _path, answer: next(failures, None) or answer()
    assert there.read("a") == b"1"


def test_one_that_stays_is_asked_twice(s3):
    there = Store(f"s3://{s3.bucket()}/models")
    s3.requests.clear()
    s3.fault = lambda *_: ("503 Slow Down", b"<Error><Code>SlowDown</Code><Message>Slow down</Message></Error>")
    with pytest.raises(RegistryError, match="Slow down"):
        there.read("a")
    assert len(s3.requests) == 2


def test_a_promotion_whose_answer_is_lost_is_one_promotion(s3, tmp_path):
    there = Registry(f"s3://{s3.bucket()}/models")
    versions = [published(there, tmp_path / f"v{n}", opset=17 + n) for n in range(2)]
    there.promote(MODEL, versions[0], at_ms=0, by="person", reason="")
    lost = []

    def fault(method, _path, answer):
        if method != "PUT" or lost:
            return answer()
        lost.append(b"".join(answer()))
        return ("500 Internal Server Error", b"<Error><Code>InternalError</Code></Error>")

    s3.fault = fault
    there.promote(MODEL, versions[1], at_ms=1, by="person", reason="")
    assert lost
    assert [each.version for each in there.pointer(MODEL).history] == versions


def test_a_service_without_conditional_requests_will_do(s3, tmp_path):
    there = Registry(f"s3://{s3.bucket()}/models")
    refused = []

    def fault(method, path, answer):
        # Its first answer to each object that is written with a condition; what comes without one it takes.
        if method == "PUT" and path.endswith(("model.json", "current.json")) and path not in refused:
            refused.append(path)
            return ("501 Not Implemented", b"<Error><Code>NotImplemented</Code></Error>")
        return answer()

    s3.fault = fault
    version = published(there, tmp_path / "a")
    there.promote(MODEL, version, at_ms=0, by="person", reason="")
    assert there.pointer(MODEL).version == version
    assert len(refused) == 2


def test_a_runner_follows_the_pointer_in_a_bucket(s3, tmp_path):
    url = f"s3://{s3.bucket()}/models"
    there = Registry(url)
    now = [NOW]
    context = Context("runner", logs.configure("runner", "error"), health.Health(), threading.Event(), lambda: now[0])
    first, second = (published(there, tmp_path / f"v{n}", opset=17 + n) for n in range(2))
    there.promote(MODEL, first, at_ms=0, by="person", reason="")
    source = ModelSource(RunnerSettings(registry_url=url, model=MODEL), context)
    assert source.first().manifest.version == first
    there.promote(MODEL, second, at_ms=1, by="person", reason="")
    now[0] += 10_000
    newer = source.update()
    assert newer is not None
    assert newer.manifest.version == second


def test_a_directory_needs_nothing_of_s3(tmp_path):
    look = (
        "import sys; from models.registry import Registry; Registry(sys.argv[1]).models();"
        "print([name for name in ('s3fs', 'aiobotocore', 'botocore', 'aiohttp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", look, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
