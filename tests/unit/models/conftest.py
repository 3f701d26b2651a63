"""A registry in a directory and one in a bucket: an S3 of somebody else's making on loopback, in which a test can make
requests fail."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from models.registry import Registry

Fault = Callable[[str, str, Callable[[], Any]], Any]


class S3:
    """The service. `fault` is asked at each request with its method, its path and what answers it; what it returns is
    sent: (status, body), or what the answer is."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        # One at a time: whether two requests meet must be up to S3's conditions, not to the peer's threads.
        self._server = make_server("127.0.0.1", 0, self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.requests: list[tuple[str, str]] = []
        self.fault: Fault | None = None
        self._buckets = 0
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @functools.cache  # noqa: B019 - one service for all tests
    def client(self, service="s3"):
        login = {"aws_access_key_id": "owner", "aws_secret_access_key": "owner"}
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", **login)

    def bucket(self) -> str:
        self._buckets += 1
        name = f"models-{self._buckets}"
        self.client().create_bucket(Bucket=name)
        return name

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path))
        if self.fault is None:
            return self._moto(environ, start_response)
        answer = self.fault(method, path, lambda: self._moto(environ, start_response))
        if not isinstance(answer, tuple):
            return answer
        status, body = answer
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [] if method == "HEAD" else [body]


@pytest.fixture(scope="session")
def s3_service():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    service = S3()
    yield service
    service.stop()


@pytest.fixture
def s3(s3_service, monkeypatch):
    """The service, with its address and a login in the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_service.url,
        "AWS_ACCESS_KEY_ID": "owner",
        "AWS_SECRET_ACCESS_KEY": "owner",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Nobody's own settings.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3_service.requests.clear()
    yield s3_service
    s3_service.fault = None


@pytest.fixture(params=["directory", "bucket"])
def url(request, tmp_path):
    """Where a registry may be."""
    if request.param == "directory":
        return str(tmp_path / "registry")
    return f"s3://{request.getfixturevalue('s3').bucket()}/some/prefix"


@pytest.fixture
def registry(url):
    return Registry(url)
