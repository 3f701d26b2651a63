"""Promise: a Rack resource is a thing, a policy, devices and Secrets, for as long as it exists and no longer."""

from __future__ import annotations

import requests
from tests.e2e.conftest import SITE, rack
from tests.e2e.harness import Harness, eventually


def registry(site: Harness, path: str) -> requests.Response:
    return requests.get(f"{site.endpoints['hono_registry_url']}{path}", timeout=60)


def test_apply_makes_everything_and_delete_leaves_nothing(site: Harness) -> None:
    name, thing, server = "life-1", site.thing("rack", "life-1"), site.thing("server", "life-db")
    site.apply(rack(name, servers=[{"name": "life-db", "position": 3, "uHeight": 2, "allocatedDrawW": 400}]))
    site.wait_ready("rack", name)

    found = site.ditto.get_thing(thing)
    assert found is not None
    assert found["policyId"] == thing
    assert found["definition"].startswith("http")
    assert found["attributes"]["location"] == "hall"
    assert {"environment.top", "environment.bottom"} <= set(found["features"])
    server_thing = site.ditto.get_thing(server)
    assert server_thing is not None
    assert server_thing["policyId"] == thing
    policy = site.ditto.request("GET", f"/api/2/policies/{thing}")
    assert policy.status_code == 200
    assert f"racktwin.{SITE}:base" in policy.json()["imports"]
    for device in (thing, server):
        assert registry(site, f"/devices/{SITE}/{device}").status_code == 200
        credentials = registry(site, f"/credentials/{SITE}/{device}").json()
        assert credentials[0]["type"] == "hashed-password"
        assert "pwd-plain" not in str(credentials)
    for kind, device_name in (("rack", name), ("server", "life-db")):
        login = site.login(kind, device_name)
        assert len(login.password) >= 32

    site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=120s")
    assert site.ditto.get_thing(thing) is None
    assert site.ditto.get_thing(server) is None
    assert site.ditto.request("GET", f"/api/2/policies/{thing}").status_code == 404
    for device in (thing, server):
        assert registry(site, f"/devices/{SITE}/{device}").status_code == 404
        assert registry(site, f"/credentials/{SITE}/{device}").status_code == 404
    for kind, device_name in (("rack", name), ("server", "life-db")):
        assert site.get("secret", f"{kind}-{device_name}-device") is None
    orphans = site.ditto.count(f'eq(attributes/rack,"{thing}")', namespaces=f"racktwin.{SITE}")
    assert orphans == 0


def test_an_edit_reaches_the_twin_and_keeps_its_live_values(site: Harness) -> None:
    name, thing = "life-2", site.thing("rack", "life-2")
    site.apply(
        rack(name, role="compute", servers=[{"name": "life-a", "position": 1, "uHeight": 1, "allocatedDrawW": 100}])
    )
    site.wait_ready("rack", name)
    password = site.login("rack", name).password
    live = site.ditto.request(
        "PUT",
        f"/api/2/things/{thing}/features/environment.top/properties",
        json={"temperature": 21.5, "quality": "good"},
    )
    assert live.status_code in (201, 204)

    site.apply(
        rack(name, role="storage", servers=[{"name": "life-b", "position": 5, "uHeight": 1, "allocatedDrawW": 100}])
    )

    def changed() -> bool:
        found = site.ditto.get_thing(thing)
        return found is not None and found["attributes"].get("role") == "storage"

    eventually(changed, "the new role on the twin")
    eventually(lambda: site.ditto.get_thing(site.thing("server", "life-b")), "the new server's thing")
    eventually(lambda: site.ditto.get_thing(site.thing("server", "life-a")) is None, "the old server's thing gone")
    site.wait_ready("rack", name)
    assert site.properties(thing, "environment.top") == {"temperature": 21.5, "quality": "good"}
    assert site.login("rack", name).password == password
    assert registry(site, f"/devices/{SITE}/{site.thing('server', 'life-a')}").status_code == 404
    site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=120s")


def test_a_thing_deleted_by_hand_comes_back(site: Harness) -> None:
    name, thing = "life-3", site.thing("rack", "life-3")
    site.apply(rack(name))
    site.wait_ready("rack", name)
    assert site.ditto.request("DELETE", f"/api/2/things/{thing}").status_code == 204
    assert site.ditto.get_thing(thing) is None

    eventually(lambda: site.ditto.get_thing(thing), "the thing restored by the sweep", 150)
    restored = site.ditto.get_thing(thing)
    assert restored is not None
    assert restored["attributes"]["location"] == "hall"
    site.kubectl("delete", "rack", name, "-n", SITE, "--wait=true", "--timeout=120s")


def test_a_rack_of_an_unknown_site_says_so(site: Harness) -> None:
    document = rack("life-4")
    document["spec"]["site"] = "nowhere"
    site.apply(document)

    def told() -> bool:
        condition = site.condition("rack", "life-4")
        assert condition is not None
        assert condition["status"] == "False"
        assert "nowhere" in condition["message"]
        return True

    eventually(told, "a condition that names the missing site")
    site.kubectl("delete", "rack", "life-4", "-n", SITE, "--wait=true", "--timeout=120s")
