"""What the registered secrets are good for: logins at an adapter, while a rotation lasts and after."""

from __future__ import annotations

import os

import pytest
import requests
from tests.contract.hono.registry import credentials, hashed

PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


@pytest.fixture
def adapter():
    url = os.environ.get("HONO_HTTP_URL") or os.environ.get("RACKTWIN_HONO_HTTP_URL")
    if not url:
        pytest.fail("neither HONO_HTTP_URL nor RACKTWIN_HONO_HTTP_URL is set: these tests need Hono's HTTP adapter")
    return url.rstrip("/")


@pytest.fixture
def login(registry, tenant, adapter):
    """Registers secrets on a fresh device, and tells whether a password of it is accepted.

    Whether anybody takes the message is not the question: without a consumer an adapter says 503 to who logged in.
    """

    def attempt(password: str, *secrets: dict[str, str], enabled: bool = True, known: bool = True) -> bool:
        device = registry.new_device(tenant, enabled=enabled)
        auth_id = device.replace(":", "_")
        answer = registry.call("PUT", f"/credentials/{tenant}/{device}", credentials(auth_id, *secrets))
        assert answer.status_code == 204, answer.text
        answer = requests.post(
            f"{adapter}/event",
            json={"temperature": 21.5},
            auth=(f"{auth_id if known else 'nobody'}@{tenant}", password),
            timeout=60,
        )
        assert answer.status_code in (202, 401, 403, 404, 503), answer.text
        return answer.status_code in (202, 503)

    return attempt


def test_a_hashed_password_logs_in(login):
    assert login("right", hashed("right"))


def test_a_wrong_password_and_an_unknown_device_do_not(login):
    assert not login("wrong", hashed("right"))
    assert not login("right", hashed("right"), known=False)


@pytest.mark.parametrize("password", ["old", "new"])
def test_both_secrets_log_in_while_a_rotation_lasts(login, password):
    assert login(password, hashed("old", **{"not-after": FUTURE}), hashed("new"))


def test_the_old_secret_ends_with_its_time_and_the_next_begins_with_its_own(login):
    assert not login("old", hashed("old", **{"not-after": PAST}), hashed("new"))
    assert not login("next", hashed("now"), hashed("next", **{"not-before": FUTURE}))


def test_a_disabled_device_does_not_get_in(login):
    assert not login("right", hashed("right"), enabled=False)
