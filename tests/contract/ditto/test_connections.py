"""Connections as configuration: create, read, change, command, delete. What runs over them is in ``test_kafka``."""

from __future__ import annotations

import uuid

import pytest

TYPES = ["response", "error"]
REPLIES_AS_ASKED_FOR = {
    "address": "{{header:reply-to}}",
    "headerMapping": {"content-type": "{{header:content-type}}", "correlation-id": "{{header:correlation-id}}"},
    "expectedResponseTypes": TYPES,
    "enabled": True,
}


def body(subject: str, **more: object) -> dict[str, object]:
    """A connection that is not opened."""
    return {
        "name": "contract",
        "connectionType": "kafka",
        "connectionStatus": "closed",
        "uri": "tcp://127.0.0.1:19999",
        "specificConfig": {"bootstrapServers": "127.0.0.1:19999", "saslMechanism": "plain"},
        "sources": [{"addresses": ["in"], "qos": 1, "authorizationContext": [subject]}],
        "targets": [
            {
                "address": "out/{{ thing:id }}",
                "topics": ["_/_/things/twin/events?namespaces=a.b"],
                "authorizationContext": [subject],
                "headerMapping": {"revision": "{{ header:entity-revision }}"},
            }
        ],
        **more,
    }


@pytest.fixture
def connection(ditto):
    name = f"contract-{uuid.uuid4().hex[:8]}"
    yield name
    ditto.delete(f"/connections/{name}")


def test_put_creates_with_defaults_and_replaces(ditto, connection):
    created = ditto.put(f"/connections/{connection}", body(ditto.subject))
    assert created.status_code == 201
    assert created.headers["location"].endswith(f"/api/2/connections/{connection}")
    document = created.json()
    assert document["id"] == connection
    assert (document["clientCount"], document["failoverEnabled"], document["tags"]) == (1, True, [])
    assert document["sources"][0]["replyTarget"] == REPLIES_AS_ASKED_FOR
    assert document["targets"] == body(ditto.subject)["targets"]
    replaced = ditto.put(f"/connections/{connection}", body(ditto.subject, name="other"))
    assert (replaced.status_code, replaced.headers["entity-revision"]) == (204, "2")
    assert ditto.get(f"/connections/{connection}?fields=name,sources/addresses").json() == {
        "name": "other",
        "sources": [{"addresses": ["in"]}],
    }


def test_post_makes_an_id(ditto):
    created = ditto.call("POST", "/connections", body(ditto.subject))
    assert created.status_code == 201
    name = created.json()["id"]
    assert name in ditto.get("/connections?ids-only=true").json()
    assert ditto.delete(f"/connections/{name}").status_code == 204
    assert name not in ditto.get("/connections?ids-only=true").json()


def test_status_of_a_closed_connection(ditto, connection):
    ditto.put(f"/connections/{connection}", body(ditto.subject))
    status = ditto.get(f"/connections/{connection}/status").json()
    assert (status["connectionStatus"], status["liveStatus"]) == ("closed", "closed")
    assert status["clientStatus"][0]["status"] == "closed"
    metrics = ditto.get(f"/connections/{connection}/metrics").json()
    assert metrics["connectionMetrics"] == {"inbound": None, "outbound": None}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, REPLIES_AS_ASKED_FOR),
        ({"enabled": False}, {"enabled": False}),
        ({"address": "r"}, {"address": "r", "headerMapping": {}, "expectedResponseTypes": TYPES, "enabled": True}),
        (
            {"address": "r", "enabled": False},
            {"address": "r", "headerMapping": {}, "expectedResponseTypes": TYPES, "enabled": False},
        ),
    ],
)
def test_where_replies_go(ditto, connection, given, kept):
    source = {"addresses": ["in"], "qos": 1, "authorizationContext": [ditto.subject], "replyTarget": given}
    document = ditto.put(f"/connections/{connection}", body(ditto.subject, sources=[source], targets=[])).json()
    assert document["sources"][0]["replyTarget"] == kept
    assert document["targets"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"connectionType": "pigeon"}, "json.invalid"),
        ({"sources": [], "targets": []}, "connectivity:connection.configuration.invalid"),
        ({"uri": "nope"}, "connectivity:connection.uri.invalid"),
    ],
)
def test_wrong_configurations_are_400(ditto, connection, problem, change, code):
    problem(ditto.put(f"/connections/{connection}", body(ditto.subject, **change)), 400, code)


def test_what_is_not_there_is_404_and_unknown_commands_400(ditto, connection, problem):
    for path in ("", "/status", "/metrics"):
        problem(ditto.get(f"/connections/absent-{connection}{path}"), 404, "connectivity:connection.notfound")
    ditto.put(f"/connections/{connection}", body(ditto.subject))
    url = f"{ditto.url}/api/2/connections/{connection}/command"
    answer = ditto.devops.post(
        url, data="connectivity.commands:dance", headers={"content-type": "text/plain"}, timeout=20
    )
    problem(answer, 400, "connectivity:command.invalid")
