"""The service itself: health, status, who am I."""

from __future__ import annotations

import requests


def test_health_and_status(ditto):
    assert ditto.session.get(f"{ditto.url}/health", timeout=10).json() == {"status": "UP"}
    status = ditto.session.get(f"{ditto.url}/status", timeout=10)
    assert status.status_code == 200
    assert status.json()["service-version"]


def test_whoami(ditto):
    assert ditto.get("/whoami").json()["subjects"][0] == ditto.subject


def test_without_credentials_is_401(ditto):
    answer = requests.get(f"{ditto.url}/api/2/whoami", timeout=10)
    assert answer.status_code == 401


def test_old_versions_of_the_api_are_gone(ditto, problem):
    answer = ditto.session.get(f"{ditto.url}/api/1/things", timeout=10)
    problem(answer, 404, "api.version.notsupported")


def test_permissions_can_be_asked_for(ditto):
    policy = ditto.new_policy()
    thing = ditto.new_thing(policy)
    ditto.allow(policy, {"thing:/features": {"grant": ["READ"], "revoke": []}})
    questions = {
        "reads": {"resource": "thing:/features", "entityId": thing, "hasPermissions": ["READ"]},
        "writes": {"resource": "thing:/features", "entityId": thing, "hasPermissions": ["WRITE"]},
        "absent": {"resource": "thing:/", "entityId": ditto.new_id(), "hasPermissions": ["READ"]},
    }
    answer = ditto.call("POST", "/checkPermissions", questions)
    assert answer.json() == {"reads": True, "writes": False, "absent": False}
