"""Documents are fresh, and the servers answer as theirs say: whatever is sent, nothing comes that is not documented."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from tests import fuzzing

import collector.openapi
import definitions.openapi
import exporter.openapi
import racktwin.openapi
from api_docs.__main__ import rendered, stale
from collector.protocols import push
from collector.secrets import Secret
from dcim import receiver
from definitions import server as definitions_server
from definitions.responses import Definitions
from exporter import server as exporter_server
from local_stack import paths
from racktwin import health

# Its checks are known once it has read a document.
schemathesis.openapi.from_dict(racktwin.openapi.process())
CHECKS = [
    schemathesis.checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
]
# What a server is, says its answer 503: that is no error of its own.
TELLING = CHECKS[1:]
TOKEN = "a-token"
FILES = rendered()


def test_files_are_fresh() -> None:
    assert stale(FILES) == [], "python -m api_docs --write"


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_document_is_one_to_others(name: str) -> None:
    body = json.loads(FILES[name])
    operations = [found.ok() for found in schemathesis.openapi.from_dict(body).get_all_operations()]
    assert operations and body["info"]["title"] and body["info"]["version"]
    assert all(operation.definition.raw["responses"] for operation in operations)


def fuzz(schema: Any, url: str, headers: dict[str, str], checks: list[Any], examples: int = 12) -> None:
    """Send to every operation what its document allows, and what it does not."""
    for found in schema.get_all_operations():
        operation = found.ok()
        _run(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), url, headers, checks, examples)
        # What takes nothing cannot be asked wrongly.
        with contextlib.suppress(Unsatisfiable):
            _run(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), url, headers, checks, examples)


def _run(strategy: Any, url: str, headers: dict[str, str], checks: list[Any], examples: int) -> None:
    @settings(
        max_examples=fuzzing.examples(examples),
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def run(case: Any) -> None:
        case.call_and_validate(base_url=url, headers=headers, checks=checks, allow_redirects=False)

    run()


Serve = Callable[[ThreadingHTTPServer], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves in a thread until the test is over; gives the address."""
    servers: list[ThreadingHTTPServer] = []

    def start(server: ThreadingHTTPServer) -> str:
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.hypothesis
def test_definitions(serve: Serve) -> None:
    models = definitions_server.load_models(paths.repository() / "thing-definitions")
    url = serve(definitions_server.create(Definitions(models), "127.0.0.1", 0, lambda *_: None))
    fuzz(schemathesis.openapi.from_dict(definitions.openapi.openapi()), url, {}, CHECKS)


@pytest.mark.hypothesis
@pytest.mark.parametrize("text", [b"x 1\n", None])
def test_exporter(serve: Serve, text: bytes | None) -> None:
    url = serve(exporter_server.create(("127.0.0.1", 0), lambda _om: text, TOKEN, lambda _s: None))
    schema = schemathesis.openapi.from_dict(exporter.openapi.openapi())
    for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer wrong"}):
        fuzz(schema, url, headers, TELLING)


@pytest.mark.hypothesis
@pytest.mark.parametrize("ready", [True, False])
def test_health(serve: Serve, ready: bool) -> None:
    state = health.Health()
    state.set_ready(ready, "not yet")
    server = health.serve(state, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        fuzz(schemathesis.openapi.from_dict(racktwin.openapi.process()), url, {}, TELLING)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.hypothesis
def test_dcim() -> None:
    app = receiver.build("a secret of the test", lambda _event, _model: None, lambda _result: None)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=fuzzing.examples(25), database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            case.call_and_validate(checks=CHECKS)

        run()


@pytest.mark.hypothesis
def test_collector_push(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSH_TOKEN", TOKEN)
    options = push.PushOptions(name="p", protocol="push", token=Secret(env="PUSH_TOKEN"), devices=[])

    def take(body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            document = json.loads(body)
        except ValueError as error:
            return 400, {"error": str(error)}
        return (202 if document else 422), {"readings": 1, "unknown": []}

    url = serve(ThreadingHTTPServer(("127.0.0.1", 0), push._handler(options, take)))
    schema = schemathesis.openapi.from_dict(collector.openapi.openapi())
    for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer wrong"}):
        fuzz(schema, url, headers, CHECKS)
