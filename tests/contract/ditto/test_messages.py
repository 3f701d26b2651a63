"""Live messages over HTTP: who may send, and what is said when nobody answers."""

from __future__ import annotations

import pytest


@pytest.fixture
def policy(ditto):
    return ditto.new_policy()


@pytest.fixture
def thing(ditto, policy):
    return ditto.new_thing(policy, features={"air": {"properties": {}}})


@pytest.mark.parametrize(
    "path", ["inbox/messages/reboot", "outbox/messages/opened", "features/air/inbox/messages/purge"]
)
def test_fire_and_forget_is_202(ditto, thing, path):
    assert ditto.call("POST", f"/things/{thing}/{path}?timeout=0", {"in": 5}).status_code == 202


def test_nobody_answers_in_time_is_408(ditto, thing, problem):
    body = problem(ditto.call("POST", f"/things/{thing}/inbox/messages/reboot?timeout=1", {}), 408, "command.timeout")
    assert "1,000ms" in body["message"]


def test_permission_is_asked_for_the_very_subject(ditto, policy, thing, problem):
    resource = "message:/features/air/inbox/messages/purge"
    ditto.allow(policy, {"thing:/": {"grant": ["READ"], "revoke": []}, resource: {"grant": ["WRITE"], "revoke": []}})
    assert ditto.call("POST", f"/things/{thing}/features/air/inbox/messages/purge?timeout=0", {}).status_code == 202
    other = ditto.call("POST", f"/things/{thing}/features/air/inbox/messages/other?timeout=1", {})
    problem(other, 403, "messages:send.notallowed")


def test_missing_thing_is_404_and_wrong_timeouts_400(ditto, thing, problem):
    missing = ditto.call("POST", f"/things/{ditto.new_id()}/inbox/messages/reboot?timeout=1", {})
    problem(missing, 404, "things:thing.notfound")
    for timeout in ("120", "abc"):
        late = ditto.call("POST", f"/things/{thing}/inbox/messages/reboot?timeout={timeout}", {})
        problem(late, 400, "timeout.invalid")
