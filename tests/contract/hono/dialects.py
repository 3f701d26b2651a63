"""What registries of Hono 1.0 and 2.x do differently, as data. The tests of this folder know no version otherwise.

Which one answers is found out by asking: a 404 of a 2.x says in JSON what is missing, one of 1.0 says nothing. Racktwin
depends only on what both do; what stands here is what its client has to get along with.
"""

from __future__ import annotations

from dataclasses import dataclass

import requests


@dataclass(frozen=True)
class Dialect:
    """One kind of registry."""

    name: str
    # Failures carry {"error": "…"}.
    explains_failures: bool
    # A device of a tenant that does not exist is refused (404); else it is registered all the same.
    knows_its_tenants: bool
    # A deleted tenant takes its devices along.
    tenant_takes_devices_along: bool
    # GET of a collection finds tenants and devices, by pages and filters; else there is no such route (404).
    searches: bool
    # DELETE of all devices of a tenant.
    clears_tenants: bool
    # A device that is read shows when it was registered and changed.
    tells_times: bool
    # Secrets are never shown, but have ids, by which they can be kept in the next PUT.
    hides_secrets: bool
    # Credentials without a device can be put (204), though they are not there afterwards.
    takes_orphaned_credentials: bool
    # The same (type, auth-id) twice on one device, a tenant with unknown members, and ids with blanks are refused.
    is_strict: bool


DIALECTS = (
    Dialect("1.0", False, False, False, False, False, False, False, True, False),
    Dialect("2.x", True, True, True, True, True, True, True, False, True),
)


def dialect_of(url: str) -> Dialect:
    """The dialect that the registry at ``url`` speaks.

    Raises:
        requests.RequestException: nobody answers.
        ValueError: what answers is no registry of Hono.
    """
    answer = requests.get(f"{url}/tenants/no-such-tenant", timeout=10)
    if answer.status_code != 404:
        raise ValueError(f"GET {answer.url} gave {answer.status_code}: expected the 404 of a registry of Hono")
    explained = answer.headers.get("content-type", "").startswith("application/json") and "error" in answer.json()
    return next(each for each in DIALECTS if each.explains_failures is explained)
