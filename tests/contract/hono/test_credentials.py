"""Credentials: hashed here, rotated with two secrets at a time, never shown in the clear."""

from __future__ import annotations

import pytest
from tests.contract.hono.registry import credentials, hashed


@pytest.fixture
def device(registry, tenant):
    return registry.new_device(tenant)


@pytest.fixture
def path(tenant, device):
    return f"/credentials/{tenant}/{device}"


def test_a_new_device_has_none(registry, path):
    answer = registry.get(path)
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["etag"]


def test_a_hash_is_taken_as_it_is(registry, path, dialect, device):
    secret = hashed("not registered")
    put = registry.call("PUT", path, credentials(device.replace(":", "_"), secret))
    assert (put.status_code, put.text) == (204, "")
    read = registry.get(path)
    assert read.headers["etag"] == put.headers["etag"]
    (kept,) = read.json()
    assert (kept["type"], kept["auth-id"]) == ("hashed-password", device.replace(":", "_"))
    (shown,) = kept["secrets"]
    if dialect.hides_secrets:
        assert set(shown) == {"id"}
    else:
        assert shown == secret


def test_two_secrets_with_their_times_stand_side_by_side(registry, path):
    old = hashed("old", **{"not-after": "2027-01-01T00:00:00Z"})
    new = hashed("new", **{"not-before": "2026-01-01T00:00:00Z"})
    assert registry.call("PUT", path, credentials("rotating", old, new)).status_code == 204
    first, second = registry.get(path).json()[0]["secrets"]
    assert first["not-after"] == "2027-01-01T00:00:00Z"
    assert "not-before" not in first
    assert second["not-before"] == "2026-01-01T00:00:00Z"
    assert "not-after" not in second


def test_the_next_secret_joins_the_one_that_is_there(registry, path, dialect):
    """How a rotation keeps the old secret: by its id where there are ids, else by giving it again."""
    old, until = hashed("old"), {"not-after": "2027-01-01T00:00:00Z"}
    registry.call("PUT", path, credentials("rotating", old))
    kept = registry.get(path).json()[0]["secrets"][0]
    again = {"id": kept["id"], **until} if dialect.hides_secrets else {**kept, **until}
    assert registry.call("PUT", path, credentials("rotating", again, hashed("new"))).status_code == 204
    both = registry.get(path).json()[0]["secrets"]
    assert len(both) == 2
    assert both[0]["not-after"] == until["not-after"]
    if dialect.hides_secrets:
        assert both[0]["id"] == kept["id"]
        unknown = registry.call("PUT", path, credentials("rotating", {"id": "unknown"}))
        assert unknown.status_code == 400


def test_a_change_may_depend_on_the_version(registry, path, refused):
    first = registry.call("PUT", path, credentials("a", hashed("one")))
    etag = first.headers["etag"]
    assert registry.call("PUT", path, credentials("a", hashed("two")), if_match=etag).status_code == 204
    refused(registry.call("PUT", path, credentials("a", hashed("three")), if_match=etag), 412)


def test_an_empty_list_takes_all_away(registry, path):
    registry.call("PUT", path, credentials("a", hashed("x")))
    assert registry.call("PUT", path, []).status_code == 204
    assert registry.get(path).json() == []


def test_a_password_in_the_clear_is_not_shown_again(registry, path):
    assert registry.call("PUT", path, credentials("a", {"pwd-plain": "open sesame"})).status_code == 204
    assert "open sesame" not in registry.get(path).text


def test_an_auth_id_belongs_to_one_device(registry, tenant, path, refused):
    registry.call("PUT", path, credentials("taken", hashed("x")))
    other = registry.new_device(tenant)
    refused(registry.call("PUT", f"/credentials/{tenant}/{other}", credentials("taken", hashed("y"))), 409)


def test_the_same_auth_id_twice_on_one_device(registry, path, dialect):
    twice = credentials("a", hashed("x")) + credentials("a", hashed("y"))
    assert registry.call("PUT", path, twice).status_code == (400 if dialect.is_strict else 204)


def test_credentials_without_secrets_are_400(registry, path, refused):
    refused(registry.call("PUT", path, credentials("a")), 400)


def test_of_a_device_that_is_not_there(registry, tenant, refused, dialect):
    path = f"/credentials/{tenant}/absent"
    put = registry.call("PUT", path, [])
    assert put.status_code == (204 if dialect.takes_orphaned_credentials else 404)
    refused(registry.get(path), 404)


def test_they_go_with_their_device(registry, tenant, device, path, refused):
    registry.call("PUT", path, credentials("a", hashed("x")))
    assert registry.call("DELETE", f"/devices/{tenant}/{device}").status_code == 204
    refused(registry.get(path), 404)
    again = registry.new_device(tenant)
    answer = registry.call("PUT", f"/credentials/{tenant}/{again}", credentials("a", hashed("y")))
    assert answer.status_code == 204, "the auth-id is free again"
