"""Devices: one for each rack, server and gateway; racks and servers are reached ``via`` gateways."""

from __future__ import annotations

import json
import uuid

import pytest

BODY = {
    "enabled": True,
    "via": ["racktwin.berlin:gateway-main"],
    "ext": {"kind": "rack", "n": 1},
    "defaults": {"unit": "kPa"},
}


def shown(registry, path, dialect):
    """A device as it is read, without the times that some registries add."""
    body = registry.get(path).json()
    times = body.pop("status", None)
    assert (times is not None) is dialect.tells_times
    return body


def test_create_read_replace_delete(registry, tenant, dialect):
    path = f"/devices/{tenant}/racktwin.{tenant}:rack-r01-01"
    created = registry.call("POST", path, BODY)
    assert (created.status_code, created.json()) == (201, {"id": f"racktwin.{tenant}:rack-r01-01"})
    assert created.headers["location"] == f"/v1{path}"
    assert registry.get(path).headers["etag"] == created.headers["etag"]
    assert shown(registry, path, dialect) == BODY
    replaced = registry.call("PUT", path, {"ext": {"kind": "rack"}})
    assert (replaced.status_code, replaced.text) == (204, "")
    assert registry.get(path).headers["etag"] == replaced.headers["etag"] != created.headers["etag"]
    assert shown(registry, path, dialect) == {"ext": {"kind": "rack"}}
    assert registry.call("DELETE", path).status_code == 204
    assert registry.get(path).status_code == 404


def test_a_device_needs_no_body_and_no_id(registry, tenant, dialect):
    path = f"/devices/{tenant}/gw"
    assert registry.call("POST", path).status_code == 201
    assert shown(registry, path, dialect) == {}
    made = registry.call("POST", f"/devices/{tenant}", {})
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/devices/{tenant}/{made.json()['id']}"


def test_via_is_a_list_of_gateways(registry, tenant, dialect):
    one, two = registry.new_device(tenant), registry.new_device(tenant)
    device = registry.new_device(tenant, via=[one])
    path = f"/devices/{tenant}/{device}"
    assert shown(registry, path, dialect) == {"via": [one]}
    assert registry.call("PUT", path, {"via": [one, two]}).status_code == 204
    assert shown(registry, path, dialect) == {"via": [one, two]}


def test_what_is_there_is_409_and_what_is_not_404(registry, tenant, refused):
    device = registry.new_device(tenant)
    refused(registry.call("POST", f"/devices/{tenant}/{device}", {}), 409)
    absent = f"/devices/{tenant}/absent"
    refused(registry.get(absent), 404)
    refused(registry.call("PUT", absent, {}), 404)
    refused(registry.call("DELETE", absent), 404)


def test_unknown_members_are_400(registry, tenant, refused):
    refused(registry.call("POST", f"/devices/{tenant}/d", {"colour": "red"}), 400)


def test_a_change_may_depend_on_the_version(registry, tenant, refused, dialect):
    path = f"/devices/{tenant}/{registry.new_device(tenant)}"
    old = registry.get(path).headers["etag"]
    new = registry.call("PUT", path, {"enabled": False}, if_match=old)
    assert new.status_code == 204
    refused(registry.call("PUT", path, {"enabled": True}, if_match=old), 412)
    refused(registry.call("DELETE", path, if_match=old), 412)
    assert shown(registry, path, dialect) == {"enabled": False}
    assert registry.call("DELETE", path, if_match=new.headers["etag"]).status_code == 204


def test_a_device_of_an_unknown_tenant(registry, refused, dialect):
    path = f"/devices/absent-{uuid.uuid4().hex[:8]}/d"
    answer = registry.call("POST", path, {})
    if dialect.knows_its_tenants:
        refused(answer, 404)
    else:
        assert answer.status_code == 201


def test_devices_of_a_deleted_tenant(registry, tenant, dialect):
    path = f"/devices/{tenant}/{registry.new_device(tenant)}"
    assert registry.call("DELETE", f"/tenants/{tenant}").status_code == 204
    assert registry.get(path).status_code == (404 if dialect.tenant_takes_devices_along else 200)


def test_all_devices_of_a_tenant_are_deleted_at_once_where_that_is_known(registry, tenant, dialect):
    path = f"/devices/{tenant}/{registry.new_device(tenant)}"
    answer = registry.call("DELETE", f"/devices/{tenant}")
    assert answer.status_code == (204 if dialect.clears_tenants else 404)
    assert registry.get(path).status_code == (404 if dialect.clears_tenants else 200)


def test_methods_that_are_not_there(registry, tenant):
    path = f"/devices/{tenant}/{registry.new_device(tenant)}"
    assert registry.call("PATCH", path, {}).status_code in (404, 405)


class TestSearch:
    """Where there is none the route is missing, and Racktwin remembers its devices itself."""

    @pytest.fixture
    def racks(self, registry, tenant):
        for n in range(1, 6):
            row = "a" if n % 2 else "b"
            registry.call("POST", f"/devices/{tenant}/rack-{n}", {"via": ["gw-1"], "ext": {"n": n, "row": row}})
        registry.call("POST", f"/devices/{tenant}/gw-1", {})
        return tenant

    def found(self, registry, tenant, dialect, **query):
        parameters = {name: value if isinstance(value, int) else json.dumps(value) for name, value in query.items()}
        answer = registry.session.get(f"{registry.url}/devices/{tenant}", params=parameters, timeout=10)
        if not dialect.searches:
            assert answer.status_code == 404
            return None
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return body["total"], [each["id"] for each in body["result"]]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, (6, ["gw-1", "rack-1", "rack-2", "rack-3", "rack-4", "rack-5"])),
            ({"pageSize": 2, "pageOffset": 1}, (6, ["rack-2", "rack-3"])),
            ({"pageSize": 5, "pageOffset": 9}, (6, [])),
            ({"filterJson": {"field": "/ext/row", "value": "b"}}, (2, ["rack-2", "rack-4"])),
            ({"filterJson": {"field": "/ext/n", "op": "eq", "value": 3}}, (1, ["rack-3"])),
            ({"filterJson": {"field": "/id", "value": "gw-*"}}, (1, ["gw-1"])),
            ({"sortJson": {"field": "/id", "direction": "desc"}, "pageSize": 2}, (6, ["rack-5", "rack-4"])),
        ],
    )
    def test_pages_filters_and_order(self, registry, racks, dialect, query, found):
        assert self.found(registry, racks, dialect, **query) == (found if dialect.searches else None)

    @pytest.mark.parametrize("query", ["pageSize=1000", "filterJson={x"])
    def test_wrong_ones_are_400(self, registry, tenant, dialect, query):
        assert registry.get(f"/devices/{tenant}?{query}").status_code == (400 if dialect.searches else 404)

    def test_no_hits_are_404(self, registry, racks):
        assert registry.get(f'/devices/{racks}?filterJson={{"field":"/ext/row","value":"z"}}').status_code == 404
