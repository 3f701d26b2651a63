"""Who may come in, and who may do what."""

from __future__ import annotations

import pytest
from starlette.websockets import WebSocketDisconnect
from tests.unit.console.conftest import NOW

from console import users
from console.limits import Limiter
from console.sessions import COOKIE, Sessions
from console.users import LocalUsers, UsersError, hash_password, password_matches

WISH = "/api/v1/sites/berlin/units/crah-1/wish"


def test_nothing_is_told_without_a_session(console):
    client = console.client()
    for path in ("/api/v1/session", "/api/v1/sites", "/api/v1/sites/berlin/things", "/api/v1/sites/berlin/log/alert"):
        assert client.get(path, params={"from": 0, "to": 1}).status_code == 401, path
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/v1/sites/berlin/live"):
        pass


def test_a_wrong_password_and_an_unknown_name_look_the_same(console):
    client = console.client()
    wrong = client.post("/api/v1/session", json={"user": "viewer", "password": "no"})
    unknown = client.post("/api/v1/session", json={"user": "nobody", "password": "no"})
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json()) == (401, wrong.json())


def test_guessing_is_slowed_down(console):
    client = console.client()
    answers = [
        client.post("/api/v1/session", json={"user": "viewer", "password": str(i)}).status_code for i in range(8)
    ]
    assert answers == [401] * 5 + [429] * 3


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(console):
    answer = console.client().post("/api/v1/session", json={"user": "viewer", "password": console.passwords["viewer"]})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert console.passwords["viewer"] not in cookie


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.evil.example"])
def test_another_sites_page_can_change_nothing(console, origin):
    client = console.client("operator")
    assert client.post(WISH, json={"setpoint": 21}, headers={"origin": origin}).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/api/v1/sites/berlin/live", headers={"origin": origin}),
    ):
        pass
    assert console.ditto.requests == []


def test_a_change_needs_the_sessions_token(console):
    client = console.client("operator")
    client.headers["x-csrf-token"] = "guessed"
    answer = client.post(WISH, json={"setpoint": 21})
    assert answer.status_code == 403
    assert "x-csrf-token" in answer.json()["detail"]


def test_a_viewer_sees_and_does_not_command(console):
    client = console.client("viewer")
    assert client.get("/api/v1/sites/berlin/things").status_code == 200
    answer = client.post(WISH, json={"setpoint": 21})
    assert (answer.status_code, answer.json()["detail"]) == (403, "role: this needs operator; viewer is viewer")


def test_a_site_of_others_is_as_one_that_does_not_exist(console):
    client = console.client("viewer")
    other = client.get("/api/v1/sites/paris/things")
    none = client.get("/api/v1/sites/nowhere/things")
    assert other.status_code == none.status_code == 404
    assert [site["name"] for site in client.get("/api/v1/sites").json()] == ["berlin"]


def test_nobody_listens_to_a_site_of_others(console):
    client = console.client("viewer")
    with client.websocket_connect("/api/v1/sites/berlin/live") as socket:
        assert socket.receive()["type"] == "websocket.send"
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        client.websocket_connect("/api/v1/sites/paris/live") as socket,
    ):
        socket.receive_text()
    with (
        pytest.raises(WebSocketDisconnect) as nowhere,
        client.websocket_connect("/api/v1/sites/nowhere/live") as socket,
    ):
        socket.receive_text()
    assert closed.value.code == nowhere.value.code


def test_a_removed_user_is_out_with_the_next_request_and_a_demoted_one_loses_rights(console):
    client = console.client("operator")
    assert client.get("/api/v1/session").json()["role"] == "operator"
    known = users.read(console.users_file)
    users.add(console.users_file, "operator", "viewer", ["berlin"])
    assert client.get("/api/v1/session").json()["role"] == "viewer"
    known.pop("operator")
    users.write(console.users_file, known)
    assert client.get("/api/v1/session").status_code == 401


def test_a_session_signed_by_another_key_or_too_old_is_none(console):
    _, cookie = Sessions("x" * 40, 1).begin("viewer", "viewer", ("*",))
    client = console.client()
    client.cookies.set(COOKIE, cookie)
    assert client.get("/api/v1/session").status_code == 401
    sessions = Sessions("k" * 40, 1)
    _, cookie = sessions.begin("viewer", "viewer", ("*",))
    sessions.max_age_s = -1
    assert sessions.read(cookie) is None
    with pytest.raises(ValueError, match="RACKTWIN_CONSOLE_SESSION_KEY"):
        Sessions("short", 1)


def test_signing_out_ends_the_browsers_session(console):
    client = console.client("viewer")
    assert client.delete("/api/v1/session").status_code == 204
    assert client.get("/api/v1/session").status_code == 401


def test_a_users_file_that_is_wrong_is_named(tmp_path):
    path = tmp_path / "users.json"
    with pytest.raises(UsersError, match=r"users\.json: No such file"):
        LocalUsers(path)
    path.write_text('[{"name": "a", "role": "king", "sites": [], "password": ""}]')
    with pytest.raises(UsersError, match="king"):
        LocalUsers(path)


def test_hashes_are_salted_and_bad_ones_match_nothing():
    assert hash_password("a") != hash_password("a")
    assert password_matches("a", hash_password("a"))
    assert not password_matches("a", "plain")
    assert not password_matches("", "scrypt$x")


def test_a_limiter_forgets_whom_it_has_not_seen_for_long():
    limiter = Limiter(rate=1, burst=2)
    assert [limiter.admit("a", 0) for _ in range(3)] == [0, 0, 1]
    assert limiter.admit("b", 0) == 0
    assert limiter.admit("a", 1) == 0


def test_a_wish_names_who_asks_and_reaches_the_twin_whole(console):
    client = console.client("operator")
    answer = client.post(WISH, json={"setpoint": 21.5, "confirm": True})
    assert answer.status_code == 202
    method, path, body = console.ditto.requests[0]
    assert (method, path) == ("PUT", "/api/2/things/racktwin.berlin:cooling-crah-1/features/control/desiredProperties")
    assert body["setpoint"] == 21.5
    request = body["request"]
    assert (request["id"], request["who"], request["origin"]) == (answer.json()["id"], "operator", "console")
    assert request["confirm"] is True
    assert request["validUntil"] == NOW + 600_000


@pytest.mark.parametrize(
    ("unit", "wish", "status"),
    [
        ("crah-1", {}, 422),
        ("crah-1", {"setpoint": 99}, 422),
        ("crah-1", {"mode": "turbo"}, 422),
        ("crah-9", {"setpoint": 21}, 404),
        ("No Such", {"setpoint": 21}, 404),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_it_leaves(console, unit, wish, status):
    answer = console.client("operator").post(f"/api/v1/sites/berlin/units/{unit}/wish", json=wish)
    assert answer.status_code == status
    assert console.ditto.requests == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("setpoint", True),
        ("setpoint", "21"),
        ("fan_speed", False),
        ("confirm", "on"),
        ("confirm", 1),
        ("valid_s", True),
        ("valid_s", "60"),
    ],
)
def test_nothing_in_a_wish_is_taken_for_what_it_is_not(console, field, value):
    answer = console.client("operator").post(WISH, json={"mode": "auto", field: value})
    assert answer.status_code == 422
    assert field in str(answer.json()["detail"])
    assert console.ditto.requests == []


def test_a_ditto_that_refuses_is_said(console):
    console.ditto.status = 403
    answer = console.client("operator").post(WISH, json={"setpoint": 21})
    assert (answer.status_code, answer.json()["detail"]) == (502, "Ditto answered 403: ")
