"""NetBox's REST API: a site's objects page by page, at a pace that NetBox bears; and bulk changes of custom fields.

pynetbox knows the pages, both kinds of token and bulk updates; the session under it waits between requests, heeds
`Retry-After`, and asks again what was only unlucky. Next: `inventory.netbox.mapping`.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pynetbox
import requests
from pynetbox.core.query import ContentError, ParameterValidationError, RequestError

from inventory.netbox.settings import NetBoxSettings

Json = dict[str, Any]

_AGAIN: Final = (429, 502, 503, 504)
_TRIES: Final = 5
_LONGEST_WAIT_S: Final = 60.0
# Ids in one query: URLs stay under 8 kB.
_IDS: Final = 100
_BULK: Final = 100


class NetBoxError(Exception):
    """NetBox could not be asked, or refused; the text names the object or address, and why."""


@dataclass(slots=True)
class Snapshot:
    """All objects of one site, as NetBox's serializers give them."""

    site: Json
    locations: list[Json] = field(default_factory=list)
    racks: list[Json] = field(default_factory=list)
    devices: list[Json] = field(default_factory=list)
    device_types: dict[int, Json] = field(default_factory=dict)
    power_feeds: list[Json] = field(default_factory=list)
    power_ports: list[Json] = field(default_factory=list)


class PacedSession(requests.Session):
    """A session that keeps a pace and repeats requests that met a busy server."""

    def __init__(
        self,
        per_second: float,
        timeout_s: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__()
        self._gap = 1.0 / per_second
        self._timeout_s = timeout_s
        self._monotonic, self._sleep = monotonic, sleep
        self._next = 0.0
        self.requests = 0

    def request(self, method: str | bytes, url: str | bytes, *arguments: Any, **options: Any) -> requests.Response:
        """As requests does it; GET and PATCH, which may be repeated, are tried up to five times."""
        options.setdefault("timeout", self._timeout_s)
        repeatable = str(method).upper() in {"GET", "PATCH", "OPTIONS", "HEAD"}
        for attempt in range(_TRIES if repeatable else 1):
            wait = self._next - self._monotonic()
            if wait > 0:
                self._sleep(wait)
            self._next = self._monotonic() + self._gap
            self.requests += 1
            last = attempt == _TRIES - 1 or not repeatable
            try:
                answer = super().request(method, url, *arguments, **options)
            except (requests.ConnectionError, requests.Timeout):
                if last:
                    raise
                self._sleep(min(2.0**attempt * 0.5, _LONGEST_WAIT_S))
                continue
            if answer.status_code not in _AGAIN or last:
                return answer
            asked = retry_after(answer.headers.get("Retry-After"), time.time())
            self._sleep(min(2.0**attempt * 0.5, 30.0) if asked is None else asked)
        raise AssertionError("the last attempt returns or raises")


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` asks for (a number, or a date), at most a minute; None without a usable one."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)


class NetBox:
    """A connection to NetBox. Use one per thread."""

    def __init__(self, settings: NetBoxSettings, session: PacedSession | None = None) -> None:
        """Nothing is asked yet.

        Raises:
            NetBoxError: there is no token, or its file cannot be read.
        """
        self._settings = settings
        try:
            token = settings.token()
        except OSError as error:
            raise NetBoxError(f"RACKTWIN_NETBOX_TOKEN_FILE {settings.netbox_token_file}: {error.strerror}") from error
        if not token:
            raise NetBoxError("no token: set RACKTWIN_NETBOX_TOKEN_FILE or RACKTWIN_NETBOX_TOKEN")
        self.session = session or PacedSession(settings.netbox_per_second, settings.netbox_timeout_s)
        # Environment proxies are for the Internet; a CA file from it is kept.
        self.session.verify = settings.netbox_verify
        self._api = pynetbox.api(settings.netbox_url.rstrip("/"), token=token)
        self._api.http_session = self.session

    def snapshot(self) -> Snapshot:
        """The site and all that is in it.

        Raises:
            NetBoxError: NetBox does not answer, refuses, or has no such site.
        """
        site = self._site()
        at = {"site_id": site["id"]}
        racks = {**at, **({"tag": self._settings.netbox_tag} if self._settings.netbox_tag else {})}
        found = Snapshot(
            site,
            locations=self._list("dcim.locations", **at),
            racks=self._list("dcim.racks", **racks),
            # What templates add to a device costs NetBox more than all the rest of it.
            devices=self._list("dcim.devices", **at, exclude="config_context"),
            power_feeds=self._list("dcim.power_feeds", **at),
            power_ports=self._list("dcim.power_ports", **at),
        )
        types = sorted({device["device_type"]["id"] for device in found.devices})
        for start in range(0, len(types), _IDS):
            for item in self._list("dcim.device_types", id=types[start : start + _IDS]):
                found.device_types[item["id"]] = item
        return found

    def update(self, endpoint: str, changes: Iterable[Mapping[str, Any]]) -> int:
        """Change objects (each with its `id`) in bulk; how many. `endpoint` is for instance dcim.racks.

        Raises:
            NetBoxError: NetBox does not answer, or refuses one of them (then none of its lot is changed).
        """
        items = [dict(change) for change in changes]
        for start in range(0, len(items), _BULK):
            part = items[start : start + _BULK]
            names = ", ".join(str(item["id"]) for item in part[:5])
            self._ask(f"{endpoint} {names}", functools.partial(self._endpoint(endpoint).update, part))
        return len(items)

    def custom_fields(self) -> set[str]:
        """Names of the custom fields that there are.

        Raises:
            NetBoxError: NetBox does not answer, or refuses.
        """
        return {str(item["name"]) for item in self._list("extras.custom_fields")}

    def create_custom_field(self, definition: Json) -> None:
        """Make a custom field.

        Raises:
            NetBoxError: NetBox does not answer, or refuses.
        """
        self._ask(
            f"custom field {definition['name']}", lambda: self._endpoint("extras.custom_fields").create(definition)
        )

    def _site(self) -> Json:
        slug = self._settings.netbox_site
        found = self._list("dcim.sites", **({"slug": slug} if slug else {}))
        if len(found) == 1:
            return found[0]
        if slug:
            raise NetBoxError(f"NetBox has no site with the slug {slug!r}")
        names = ", ".join(str(item["slug"]) for item in found[:10])
        raise NetBoxError(f"NetBox has {len(found)} sites ({names}): name one by its slug (RACKTWIN_NETBOX_SITE)")

    def _list(self, endpoint: str, **filters: Any) -> list[Json]:
        page = self._settings.netbox_page

        def read() -> list[Json]:
            at = self._endpoint(endpoint)
            records = at.filter(**filters, limit=page) if filters else at.all(limit=page)
            return [dict(record) for record in records]

        found: list[Json] = self._ask(endpoint, read)
        return found

    def _endpoint(self, name: str) -> Any:
        app, _, part = name.partition(".")
        return getattr(getattr(self._api, app), part)

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        url = self._settings.netbox_url
        try:
            return call()
        except RequestError as error:
            status = error.req.status_code
            hint = {401: "; is the token right?", 403: "; may the token's user do that?"}.get(status, "")
            raise NetBoxError(f"NetBox {url}: {what}: {status}: {_said(error)}{hint}") from error
        except ContentError as error:
            raise NetBoxError(f"NetBox {url}: {what}: the answer is not JSON; is this NetBox's base URL?") from error
        except (requests.RequestException, ParameterValidationError, OSError, ValueError) as error:
            raise NetBoxError(f"NetBox {url}: {what}: {' '.join(str(error).split())[:200]}") from error


def _said(error: RequestError) -> str:
    """NetBox's own words: a field and what is wrong with it."""
    try:
        body = error.req.json()
    except ValueError:
        return str(error.req.reason)
    return _flat(body)[:400]


def _flat(body: Any) -> str:
    if isinstance(body, Mapping):
        if set(body) == {"detail"}:
            return str(body["detail"])
        return "; ".join(f"{key}: {_flat(value)}" for key, value in body.items())
    if isinstance(body, list):
        return "; ".join(_flat(item) for item in body if item)
    return str(body)
