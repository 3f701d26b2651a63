"""InfluxDB's set-up: one organisation, the administrator's token as chosen, and a token for each use in a Secret.

InfluxDB chooses tokens itself, so they are asked for and kept; one that it no longer knows is replaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import requests

from provision.cluster import Secrets
from provision.failure import Failure
from provision.settings import InfluxSetupSettings

HEALTH_BUCKET: Final = "health"
_HEALTH_KEPT_S: Final = 3600
_TIMEOUT_S: Final = 15.0
# What each use may do: action -> kinds of resource, in the whole organisation.
USES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    # Historian and models: series, buckets of sites, the tasks that thin them.
    "writer": {"read": ("buckets", "tasks", "orgs"), "write": ("buckets", "tasks")},
    "reader": {"read": ("buckets", "orgs")},
    # Only its own bucket, see `_permissions`.
    "probe": {},
}


class Influx:
    """Calls to InfluxDB's API with one token."""

    def __init__(self, url: str, token: str) -> None:
        """Connect to `url` as the owner of `token`."""
        self._url = url.rstrip("/")
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def call(self, method: str, path: str, expect: tuple[int, ...], **arguments: Any) -> requests.Response:
        """One call.

        Raises:
            Failure: no answer, or one that is not expected.
        """
        try:
            answer = self.session.request(method, self._url + path, timeout=_TIMEOUT_S, **arguments)
        except requests.RequestException as error:
            raise Failure(f"InfluxDB {self._url}: {error}", "is it running, and is its certificate trusted?") from error
        if answer.status_code not in expect:
            raise Failure(
                f"InfluxDB {method} {path}: {answer.status_code} {answer.text[:200]}", "look at InfluxDB's log"
            )
        return answer


def ensure(settings: InfluxSetupSettings, secrets: Secrets, say: Callable[[str], None]) -> int:
    """Set InfluxDB up where it is not, and see that each use has a token that works; the number of tokens made.

    Raises:
        Failure: InfluxDB does not answer or refuses.
    """
    influx = Influx(settings.influx_url, settings.influx_token.get_secret_value())
    _set_up(settings, influx, say)
    organisation = _first(influx, "orgs", org=settings.influx_org)
    if organisation is None:
        raise Failure(f"organisation {settings.influx_org}: there is none", "was InfluxDB set up with another name?")
    bucket = _first(influx, "buckets", name=HEALTH_BUCKET, orgID=organisation)
    if bucket is None:
        rules = [{"type": "expire", "everySeconds": _HEALTH_KEPT_S}]
        body = {"orgID": organisation, "name": HEALTH_BUCKET, "retentionRules": rules}
        bucket = influx.call("POST", "/api/v2/buckets", (201,), json=body).json()["id"]
    made = 0
    for use in USES:
        name = f"{settings.provision_secrets}-{use}"
        present = secrets.read(name)
        if present is not None and "token" in present and _works(settings.influx_url, present["token"].decode()):
            continue
        body = {
            "orgID": organisation,
            "description": f"racktwin {use}",
            "permissions": _permissions(use, organisation, str(bucket)),
        }
        token = influx.call("POST", "/api/v2/authorizations", (201,), json=body).json()["token"]
        secrets.write(name, {"token": token.encode()})
        say(f"made a token: {name}")
        made += 1
    return made


def _set_up(settings: InfluxSetupSettings, influx: Influx, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + settings.provision_wait_s
    while True:
        try:
            allowed = influx.call("GET", "/api/v2/setup", (200,)).json()["allowed"]
            break
        except Failure:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)
    if not allowed:
        return
    influx.call(
        "POST",
        "/api/v2/setup",
        (201,),
        json={
            "username": "admin",
            "password": settings.provision_password.get_secret_value(),
            "org": settings.influx_org,
            # One is obligatory; sites get their own.
            "bucket": HEALTH_BUCKET,
            "retentionPeriodSeconds": _HEALTH_KEPT_S,
            "token": settings.influx_token.get_secret_value(),
        },
    )
    say(f"set InfluxDB up with organisation {settings.influx_org}")


def _first(influx: Influx, kind: str, **query: str) -> str | None:
    answer = influx.call("GET", f"/api/v2/{kind}", (200, 404), params=query)
    found = answer.json().get(kind) or [] if answer.status_code == 200 else []
    return str(found[0]["id"]) if found else None


def _works(url: str, token: str) -> bool:
    # Lists what the token may see, which may be nothing; only an unknown token is refused.
    return Influx(url, token).call("GET", "/api/v2/buckets", (200, 401), params={"limit": "1"}).status_code == 200


def _permissions(use: str, organisation: str, bucket: str) -> list[dict[str, Any]]:
    if use == "probe":
        resource = {"type": "buckets", "id": bucket, "orgID": organisation}
        return [{"action": "write", "resource": resource}]
    return [
        # An organisation is named by its own id, everything else by the organisation that owns it.
        {"action": action, "resource": {"type": kind, "id" if kind == "orgs" else "orgID": organisation}}
        for action, kinds in USES[use].items()
        for kind in kinds
    ]
