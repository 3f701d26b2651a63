"""The definitions server: content type, ETags, HEAD, errors, index, composed models, over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from definitions.responses import Definitions
from definitions.server import create, load_models

RACK = "/rack-1.0.0.tm.jsonld"


@pytest.fixture
def seen() -> list[tuple[str, str, int]]:
    return []


@pytest.fixture
def address(models: dict[str, Any], seen: list[tuple[str, str, int]]) -> Iterator[tuple[str, int]]:
    server = create(Definitions(models), "127.0.0.1", 0, lambda *what: seen.append(what))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield "127.0.0.1", server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join(60)


class Client:
    def __init__(self, address: tuple[str, int]) -> None:
        self.connection = HTTPConnection(*address, timeout=60)
        self.base = f"http://{address[0]}:{address[1]}"

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
        self.connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = self.connection.getresponse()
        return response, response.read()


@pytest.fixture
def client(address: tuple[str, int]) -> Iterator[Client]:
    client = Client(address)
    yield client
    client.connection.close()


def test_a_model_is_served_as_a_thing_model_with_absolute_links(client: Client) -> None:
    response, body = client.ask(RACK)
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/tm+json"
    assert int(response.headers["Content-Length"]) == len(body)
    hrefs = {link["href"] for link in json.loads(body)["links"]}
    assert f"{client.base}/environment-1.0.0.tm.jsonld" in hrefs
    for href in hrefs:
        followed, _ = client.ask(href.removeprefix(client.base))
        assert followed.status == 200


def test_every_model_is_served(client: Client, models: dict[str, Any]) -> None:
    for name, model in models.items():
        response, body = client.ask(f"/{name}")
        assert response.status == 200
        assert json.loads(body)["id"] == model["id"]


def test_head_is_get_without_a_body(client: Client) -> None:
    got, body = client.ask(RACK)
    head, nothing = client.ask(RACK, "HEAD")
    assert head.status == 200
    assert nothing == b""
    for name in ("ETag", "Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]
    assert body


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_an_unchanged_model_is_not_sent_again(client: Client, form: str) -> None:
    first, _ = client.ask(RACK)
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    again, body = client.ask(RACK, If_None_Match=form.format(etag))
    assert (again.status, body) == (304, b"")
    assert again.headers["ETag"] == etag
    # The connection is still in step: a 304 has no body to misread.
    assert client.ask(RACK)[0].status == 200


def test_another_etag_gets_the_model(client: Client) -> None:
    assert client.ask(RACK, If_None_Match='"0123"')[0].status == 200


def test_etags_of_different_compositions_differ(client: Client) -> None:
    plain, _ = client.ask(RACK)
    more, _ = client.ask(f"{RACK}?features=environment.middle")
    assert plain.headers["ETag"] != more.headers["ETag"]


def test_further_features_are_composed_on_request(client: Client) -> None:
    response, body = client.ask(f"{RACK}?features=prediction.power,environment.middle,environment.top")
    assert response.status == 200
    links = {link["instanceName"]: link["href"] for link in json.loads(body)["links"]}
    assert links["environment.middle"] == f"{client.base}/environment-1.0.0.tm.jsonld"
    assert links["prediction.power"] == f"{client.base}/prediction-1.0.0.tm.jsonld"
    assert list(links).count("environment.top") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/none-1.0.0.tm.jsonld",
        "/rack-9.0.0.tm.jsonld",
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/schema/thing-model.schema.json",
        f"{RACK}?features=cpu",
        f"{RACK}?features=scenario.x",
        "/cpu-1.0.0.tm.jsonld?features=environment.middle",
        f"{RACK}?features=" + ",".join(f"prediction.m{n}" for n in range(201)),
    ],
)
def test_what_is_not_there_is_a_json_404(client: Client, path: str) -> None:
    response, body = client.ask(path)
    assert response.status == 404
    assert response.headers["Content-Type"] == "application/json"
    error = json.loads(body)
    assert error["status"] == 404
    assert error["error"] == "model.notfound"
    assert error["message"]
    assert error["description"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_models_cannot_be_written(client: Client, method: str) -> None:
    response, body = client.ask(RACK, method)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert json.loads(body)["error"] == "method.notallowed"


def test_the_index_lists_the_models_for_people_and_programs(client: Client, models: dict[str, Any]) -> None:
    page, body = client.ask("/", Accept="text/html,application/xhtml+xml,*/*")
    assert page.headers["Content-Type"].startswith("text/html")
    listing, text = client.ask("/", Accept="application/json")
    assert listing.headers["Vary"] == "Accept"
    hrefs = [row["href"] for row in json.loads(text)["models"]]
    assert hrefs == sorted(f"{client.base}/{name}" for name in models)
    for href in hrefs:
        assert href.encode() in body
    assert client.ask("/index.json")[1] == text


def test_each_answer_is_reported_for_the_log(client: Client, seen: list[tuple[str, str, int]]) -> None:
    client.ask(RACK)
    client.ask("/nothing")
    assert seen == [(RACK, "GET", 200), ("/nothing", "GET", 404)]


def test_a_public_url_wins_over_the_host_header(models: dict[str, Any]) -> None:
    definitions = Definitions(models, "https://models.example/twin")
    answer = definitions.answer("GET", RACK, "", {"host": "127.0.0.1:1"})
    assert json.loads(answer.body)["links"][0]["href"].startswith("https://models.example/twin/")


@pytest.mark.parametrize("host", ["", "evil.example/path", "a b", "x@y", "host:99999999"])
def test_a_host_that_is_none_is_refused(models: dict[str, Any], host: str) -> None:
    assert Definitions(models).answer("GET", RACK, "", {"host": host}).status == 400


@pytest.mark.parametrize(
    ("content", "names"),
    [(None, "no "), ("{", "not JSON"), ("[]", "not a Thing Model"), ('{"title": "x"}', "version")],
)
def test_a_folder_without_good_models_says_what_is_wrong(tmp_path: Path, content: str | None, names: str) -> None:
    if content is not None:
        (tmp_path / "a-1.0.0.tm.jsonld").write_text(content)
    with pytest.raises(ValueError, match=names):
        load_models(tmp_path)
