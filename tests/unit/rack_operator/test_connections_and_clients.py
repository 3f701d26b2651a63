"""Connections as Ditto shows them; errors as people read them; the way into a cluster."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from rack_operator.clients.http import DependencyError, HttpDependency
from rack_operator.clients.kubeconfig import NoClusterError, find_cluster
from rack_operator.desired.connections import Broker, connection_matches, connections


def shown(connection: dict[str, Any]) -> dict[str, Any]:
    """The connection as Ditto 3.9 answers it: defaults added, password masked, empty things left out."""
    body = {
        **connection,
        "uri": connection["uri"].replace("secret", "*****"),
        "clientCount": 1,
        "validateCertificates": True,
        "processorPoolSize": 1,
        "tags": list(reversed(connection["tags"])),
    }
    if "sources" in body:
        (source,) = body["sources"]
        # What is empty or off is not shown.
        body["sources"] = [{key: value for key, value in source.items() if value not in ({}, {"enabled": False})}]
    return body


BROKER = Broker("k1:9092,k2:9092", "SASL_SSL", "SCRAM-SHA-512", "user", "secret")


def test_a_connection_matches_what_ditto_makes_of_it() -> None:
    for connection in connections("lab", BROKER):
        assert connection_matches(connection, shown(connection))


def test_a_new_password_and_a_closed_connection_are_seen() -> None:
    for old, new in zip(connections("lab", BROKER), connections("lab", Broker("k1:9092")), strict=True):
        assert not connection_matches(new, shown(old))
    changed = Broker("k1:9092,k2:9092", "SASL_SSL", "SCRAM-SHA-512", "user", "other")
    for old, new in zip(connections("lab", BROKER), connections("lab", changed), strict=True):
        assert not connection_matches(new, shown(old))
        assert not connection_matches(old, {**shown(old), "connectionStatus": "closed"})


def test_merges_come_in_by_one_connection_and_events_go_out_by_another() -> None:
    twin, models, events, operator = connections("lab", BROKER)
    assert twin["sources"][0]["addresses"] == ["racktwin.twin.lab"]
    assert twin["sources"][0]["qos"] == 1
    assert "targets" not in twin
    assert [source["addresses"] for source in models["sources"]] == [["racktwin.models.lab"]]
    assert models["specificConfig"]["groupId"] == models["id"] == "racktwin-lab-models"
    assert models["sources"][0]["authorizationContext"] == ["integration:racktwin-lab-models"]
    assert twin["sources"][0]["authorizationContext"] == ["integration:racktwin-lab-pipeline"]
    assert events["targets"][0]["address"] == "racktwin.events.lab/{{ thing:id }}"
    assert "sources" not in events
    (source,) = operator["sources"]
    assert source["addresses"] == ["racktwin.operator.lab"]
    assert source["replyTarget"]["address"] == "racktwin.operator-replies.lab"
    assert source["authorizationContext"] == ["integration:racktwin-lab-operator"]
    assert twin["uri"].startswith("ssl://user:secret@k1:9092")


ANSWERS = {
    "ditto": (
        {"status": 503, "error": "things:unavailable", "message": "Try later."},
        "things:unavailable; Try later.",
    ),
    "hono": ({"error": "no such tenant"}, "no such tenant"),
    "kubernetes": ({"kind": "Status", "message": "conflict"}, "conflict"),
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_an_error_names_dependency_status_and_cause(kind: str) -> None:
    body, said = ANSWERS[kind]

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=503)

    app = web.Application()
    app.router.add_get("/x", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        client = HttpDependency("Ditto", str(server.make_url("/")), session)
        with pytest.raises(DependencyError) as caught:
            await client.call("GET", "/x", expect={200})
    assert caught.value.reason == "DittoHTTP503"
    assert caught.value.status == 503
    assert said in str(caught.value)


async def test_no_answer_is_unreachable() -> None:
    async with aiohttp.ClientSession() as session:
        client = HttpDependency("HonoRegistry", "http://127.0.0.1:1", session)
        with pytest.raises(DependencyError) as caught:
            await client.call("GET", "/x", expect={200})
    assert caught.value.reason == "HonoRegistryUnreachable"


def test_a_kubeconfig_with_a_token(tmp_path: Path) -> None:
    path = tmp_path / "config"
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:6443/"}}],
        "users": [{"name": "u", "user": {"token": base64.b64encode(b"t").decode()}}],
    }
    path.write_text(yaml.safe_dump(config))
    cluster = find_cluster({"KUBECONFIG": str(path)})
    assert cluster.server == "http://127.0.0.1:6443"
    assert cluster.authorization() == {"authorization": "Bearer dA=="}
    config["users"] = [{"name": "u", "user": {"tokenFile": "token"}}]
    path.write_text(yaml.safe_dump(config))
    (tmp_path / "token").write_text("one\n")
    cluster = find_cluster({"KUBECONFIG": str(path)})
    assert cluster.authorization() == {"authorization": "Bearer one"}
    (tmp_path / "token").write_text("two\n")
    assert cluster.authorization() == {"authorization": "Bearer two"}


def test_no_cluster_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoClusterError, match="KUBECONFIG"):
        find_cluster({"HOME": str(tmp_path)})
