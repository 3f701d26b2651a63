"""Signing in at a provider: a real one on loopback, so that both sides of the protocol are tested."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc.jwk import ECKey, OctKey
from tests.unit.console.provider import CLIENT, SECRET, Provider

from console import oidc
from console.oidc import Oidc
from console.settings import ConsoleSettings

BEGIN = "/api/v1/oidc/begin"


@pytest.fixture
def provider():
    provider = Provider()
    provider.person["racktwin_role"] = "operator"
    provider.person["racktwin_sites"] = ["berlin"]
    yield provider
    provider.close()


@pytest.fixture
def with_provider(console, provider):
    """The console with the provider, and more settings."""

    def make(**more):
        settings = ConsoleSettings(
            console_session_key="k" * 40,
            console_oidc_issuer=provider.url,
            console_oidc_client_secret=SECRET,
            **more,
        )
        console.services.settings = settings
        console.services.oidc = Oidc(settings, "k" * 40)
        return console

    return make


def sign_in(console, client=None, back="/replay/berlin", change=lambda query: query):
    """As a browser does it: to the provider, and back. The page's place, and the browser."""
    client = client or console.client()
    to = client.get(BEGIN, params={"back": back}, follow_redirects=False)
    assert to.status_code == 302, to.text
    at_provider = requests.get(to.headers["location"], allow_redirects=False, timeout=60)
    query = {name: values[0] for name, values in parse_qs(urlsplit(at_provider.headers["location"]).query).items()}
    done = client.get("/api/v1/oidc/done", params=change(query), follow_redirects=False)
    assert done.status_code == 302, done.text
    return done.headers["location"], client


def test_a_person_signs_in_and_is_who_the_provider_says(with_provider):
    console = with_provider()
    place, client = sign_in(console)
    assert place == "/replay/berlin"
    me = client.get("/api/v1/session").json()
    assert (me["user"], me["role"], me["sites"]) == ("ann", "operator", ["berlin"])
    client.headers["x-csrf-token"] = me["csrf"]
    answer = client.post("/api/v1/sites/berlin/units/crah-1/wish", json={"setpoint": 21})
    assert answer.status_code == 202
    assert console.ditto.requests[0][2]["request"]["who"] == "ann"
    assert client.get("/api/v1/ways").json() == {"local": True, "oidc": True}


def test_the_question_is_as_the_standard_wants_it(with_provider):
    client = with_provider().client()
    location = client.get(BEGIN, follow_redirects=False).headers["location"]
    asked = parse_qs(urlsplit(location).query)
    assert asked["scope"] == ["openid profile email"]
    assert asked["redirect_uri"] == ["http://testserver/api/v1/oidc/done"]
    assert len(asked["code_challenge"][0]) == 43
    other = parse_qs(urlsplit(client.get(BEGIN, follow_redirects=False).headers["location"]).query)
    assert all(asked[name] != other[name] for name in ("state", "nonce", "code_challenge"))


def test_behind_a_proxy_the_way_back_is_where_browsers_see_us(with_provider):
    client = with_provider(console_origin="https://console.example.net").client()
    answer = client.get(BEGIN, follow_redirects=False)
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://console.example.net/api/v1/oidc/done"]
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"aud": "another-client"}, "audience"),
        ({"iss": "http://127.0.0.1:1"}, "issuer"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"iat": int(time.time()) + 3600}, "made in the future"),
        ({"exp": None}, "without an end"),
        ({"aud": [CLIENT, "b"], "azp": "b"}, "for another party"),
    ],
)
def test_a_token_that_does_not_hold_lets_nobody_in(with_provider, provider, overrides, name):
    provider.overrides = overrides
    place, client = sign_in(with_provider())
    assert place == "/?signin=untrusted", name
    assert client.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize("key", [ECKey.generate_key("P-256", {"kid": "first"}), OctKey.import_key(SECRET * 2)])
def test_a_token_that_another_signed_lets_nobody_in(with_provider, provider, key):
    provider.sign_with = key
    provider.algorithm = "ES256" if isinstance(key, ECKey) else "HS256"
    assert sign_in(with_provider())[0] == "/?signin=untrusted"


def test_a_new_key_of_the_provider_is_found(with_provider, provider, monkeypatch):
    console = with_provider()
    assert sign_in(console)[0] == "/replay/berlin"
    provider.rotate()
    assert sign_in(console)[0] == "/?signin=untrusted", "asked again at once"
    monkeypatch.setattr(oidc, "_SHORTEST_PAUSE_S", 0)
    assert sign_in(console)[0] == "/replay/berlin"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda query: query | {"state": "guessed"}, "/?signin=expired"),
        (lambda query: query | {"code": "guessed"}, "/?signin=refused"),
        (lambda query: query | {"iss": "https://evil.example"}, "/?signin=untrusted"),
        (lambda query: {"state": query["state"], "error": "access_denied"}, "/?signin=refused"),
    ],
)
def test_what_comes_back_changed_lets_nobody_in(with_provider, change, place):
    found, client = sign_in(with_provider(), change=change)
    assert found == place
    assert client.get("/api/v1/session").status_code == 401


def test_an_answer_to_another_browser_is_worth_nothing(with_provider):
    console = with_provider()
    other = console.client()

    def stolen(query):
        answer = other.get("/api/v1/oidc/done", params=query, follow_redirects=False)
        assert answer.headers["location"] == "/?signin=expired"
        return query

    assert sign_in(console, change=stolen)[0] == "/replay/berlin"


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/api/v1/sites", "x"])
def test_the_way_back_leads_to_our_page_alone(with_provider, back):
    assert sign_in(with_provider(), back=back)[0] == "/"


@pytest.mark.parametrize(
    ("claims", "settings", "role"),
    [
        ({"racktwin_role": ["viewer", "engineer"]}, {}, "engineer"),
        ({"racktwin_role": "king"}, {}, None),
        ({"racktwin_role": None}, {}, None),
        (
            {"realm_access": {"roles": ["staff", "dc-operators"]}},
            {
                "console_oidc_role_claim": "realm_access.roles",
                "console_oidc_roles": {"dc-operators": "operator", "dc-leads": "engineer"},
            },
            "operator",
        ),
        ({"racktwin_role": "engineer"}, {"console_oidc_roles": {"dc-leads": "engineer"}}, None),
    ],
)
def test_roles_come_from_a_claim(with_provider, provider, claims, settings, role):
    provider.person |= claims
    place, client = sign_in(with_provider(**settings))
    if role is None:
        assert place == "/?signin=role"
    else:
        assert client.get("/api/v1/session").json()["role"] == role


@pytest.mark.parametrize(
    ("sites", "settings", "seen"),
    [("*", {}, ["berlin", "paris"]), (None, {}, []), ("paris", {}, ["paris"]),
     (None, {"console_oidc_sites_claim": ""}, ["berlin", "paris"])],
)  # fmt: skip
def test_sites_come_from_a_claim(with_provider, provider, sites, settings, seen):
    provider.person["racktwin_sites"] = sites
    _, client = sign_in(with_provider(**settings))
    assert client.get("/api/v1/session").json()["sites"] == seen


def test_claims_that_only_userinfo_has_count_if_they_are_the_same_persons(with_provider, provider):
    role = provider.person.pop("racktwin_role")
    provider.userinfo = {"sub": "u-1", "racktwin_role": role}
    assert sign_in(with_provider())[1].get("/api/v1/session").json()["role"] == "operator"
    provider.userinfo["sub"] = "u-2"
    assert sign_in(with_provider())[0] == "/?signin=untrusted"


def test_a_provider_that_is_away_is_said_on_the_page(with_provider, provider):
    console = with_provider()
    provider.close()
    answer = console.client().get(BEGIN, follow_redirects=False)
    assert answer.headers["location"] == "/?signin=unreachable"


def test_sign_ins_are_slowed_down(with_provider):
    client = with_provider().client()
    answers = [client.get(BEGIN, follow_redirects=False).status_code for _ in range(22)]
    assert answers[:20] == [302] * 20
    assert answers[-1] == 429


def test_without_a_provider_there_is_no_way(console):
    assert console.client().get(BEGIN, follow_redirects=False).status_code == 404
    assert console.client().get("/api/v1/ways").json() == {"local": True, "oidc": False}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"console_oidc_issuer": "http://login.example.net"}, "expected https"),
        ({"console_oidc_issuer": "https://l.example", "console_oidc_roles": {"a": "king"}}, "king"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, text):
    with pytest.raises(ValueError, match=text):
        Oidc(ConsoleSettings(**settings), "k" * 40)
