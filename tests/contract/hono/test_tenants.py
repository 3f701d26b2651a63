"""Tenants: one for each site."""

from __future__ import annotations

import uuid

import pytest

SETTINGS = {
    "enabled": True,
    "ext": {"plan": "x"},
    "defaults": {"ttl": 30},
    "adapters": [{"type": "hono-mqtt", "enabled": True, "device-authentication-required": True}],
    "resource-limits": {"max-connections": 10},
}


def test_create_read_replace_delete(registry):
    name = f"contract-{uuid.uuid4().hex[:10]}"
    created = registry.call("POST", f"/tenants/{name}", SETTINGS)
    assert (created.status_code, created.json()) == (201, {"id": name})
    assert created.headers["location"] == f"/v1/tenants/{name}"
    read = registry.get(f"/tenants/{name}")
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, SETTINGS, created.headers["etag"])
    replaced = registry.call("PUT", f"/tenants/{name}", {"enabled": False})
    assert (replaced.status_code, replaced.text) == (204, "")
    read = registry.get(f"/tenants/{name}")
    assert (read.json(), read.headers["etag"]) == ({"enabled": False}, replaced.headers["etag"])
    assert registry.call("DELETE", f"/tenants/{name}").status_code == 204
    assert registry.get(f"/tenants/{name}").status_code == 404


def test_post_without_a_name_makes_one(registry):
    created = registry.call("POST", "/tenants", {"enabled": True})
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/tenants/{created.json()['id']}"


def test_what_is_there_is_409_and_what_is_not_404(registry, tenant, refused):
    refused(registry.call("POST", f"/tenants/{tenant}", {}), 409)
    absent = f"absent-{uuid.uuid4().hex[:8]}"
    refused(registry.get(f"/tenants/{absent}"), 404)
    refused(registry.call("PUT", f"/tenants/{absent}", {}), 404)
    refused(registry.call("DELETE", f"/tenants/{absent}"), 404)


def test_a_change_may_depend_on_the_version(registry, tenant, refused):
    old = registry.get(f"/tenants/{tenant}").headers["etag"]
    new = registry.call("PUT", f"/tenants/{tenant}", {"enabled": False}, if_match=old)
    assert new.status_code == 204
    assert new.headers["etag"] != old
    refused(registry.call("PUT", f"/tenants/{tenant}", {"enabled": True}, if_match=old), 412)
    refused(registry.call("DELETE", f"/tenants/{tenant}", if_match=old), 412)
    assert registry.get(f"/tenants/{tenant}").json() == {"enabled": False}
    assert registry.call("DELETE", f"/tenants/{tenant}", if_match=new.headers["etag"]).status_code == 204


@pytest.mark.parametrize(("text", "content_type"), [('{"enabled":', "application/json"), ("{}", "text/plain")])
def test_what_is_not_json_is_400(registry, tenant, text, content_type):
    url = f"{registry.url}/tenants/{tenant}"
    answer = registry.session.put(url, data=text, headers={"content-type": content_type}, timeout=10)
    assert answer.status_code == 400
    assert answer.text, "the reason"


def test_unknown_members_and_ids_with_blanks(registry, tenant, dialect):
    status = 400 if dialect.is_strict else 204
    assert registry.call("PUT", f"/tenants/{tenant}", {"colour": "red"}).status_code == status
    name = f"contract {uuid.uuid4().hex[:6]}"
    assert registry.call("POST", f"/tenants/{name}", {}).status_code == (400 if dialect.is_strict else 201)


def test_search_where_there_is_one(registry, tenant, dialect):
    answer = registry.get('/tenants?pageSize=200&filterJson={"field":"/ext/contract","value":"nothing"}')
    assert answer.status_code == 404, "no hits, or no such route"
    marked = registry.new_tenant(ext={"contract": tenant})
    answer = registry.get(f'/tenants?filterJson={{"field":"/ext/contract","value":"{tenant}"}}')
    if not dialect.searches:
        assert answer.status_code == 404
        return
    assert answer.json() == {
        "total": 1,
        "result": [{"id": marked, "enabled": True, "ext": {"contract": tenant}}],
    }
