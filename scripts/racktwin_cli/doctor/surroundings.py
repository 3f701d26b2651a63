"""What the systems say of themselves: Hono's registry, Ditto's connection and policy, InfluxDB, groups, health.

Each question stands alone: one that cannot be asked gives None, and the others are asked all the same.
Next: `racktwin_cli.doctor.examination`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import requests
import urllib3
from confluent_kafka import KafkaException
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from racktwin.catalogue import feature_of
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.names import ThingId, pipeline_subject, twin_connection
from racktwin.settings import DittoSettings
from racktwin_cli.doctor.evidence import NO_ANSWER, Connection, Group, Influx
from racktwin_cli.doctor.marked import Marked
from racktwin_cli.doctor.policy import may_write
from racktwin_cli.failures import one_line
from racktwin_cli.installation import Installation
from racktwin_cli.kafka_view import Groups, Place

_TIMEOUT_S: Final = 5.0


def registry(settings: Installation, tenant: str, device: str) -> tuple[bool | None, bool | None, bool]:
    """Whether Hono's registry knows the tenant, the device, and has it enabled; None where it could not be asked."""
    if settings.hono_registry_url is None:
        return None, None, True
    base = settings.hono_registry_url.rstrip("/")
    login = None
    if settings.hono_registry_user is not None:
        password = settings.hono_registry_password
        login = (settings.hono_registry_user, password.get_secret_value() if password is not None else "")

    def ask(path: str) -> tuple[bool | None, Mapping[str, Any]]:
        try:
            answer = requests.get(f"{base}{path}", auth=login, timeout=_TIMEOUT_S)
            body = answer.json() if answer.status_code == 200 else {}
        except (requests.RequestException, ValueError):
            return None, {}
        known = True if answer.status_code == 200 else False if answer.status_code == 404 else None
        return known, body if isinstance(body, dict) else {}

    tenant_known, _ = ask(f"/tenants/{quote(tenant, safe='')}")
    if tenant_known is False:
        return False, False, True
    device_known, body = ask(f"/devices/{quote(tenant, safe='')}/{quote(device, safe='')}")
    return tenant_known, device_known, body.get("enabled") is not False


def connection(settings: Installation, site: str) -> Connection | None:
    """Ditto's connection that takes the merges; None where it could not be asked."""
    client = DittoClient(_devops(settings), timeout_s=_TIMEOUT_S)
    try:
        answer = client.request("GET", f"/api/2/connections/{twin_connection(site)}/status")
        if answer.status_code == 404:
            return Connection(found=False)
        if not answer.ok:
            return None
        body = answer.json()
    except (DittoError, ValueError):
        return None
    parts = [*body.get("clientStatus", ()), *body.get("sourceStatus", ())]
    details = [str(part.get("statusDetails", "")) for part in parts if part.get("status") != "open"]
    return Connection(
        found=True,
        wanted=str(body.get("connectionStatus", "")),
        live=str(body.get("liveStatus", "")),
        detail=one_line("; ".join(detail for detail in details if detail)),
    )


def _devops(settings: Installation) -> DittoSettings:
    if settings.ditto_devops_user is None:
        return settings
    return DittoSettings(
        ditto_url=settings.ditto_url,
        ditto_user=settings.ditto_devops_user,
        ditto_password=settings.ditto_devops_password,
    )


def policy_lets_write(ditto: DittoClient, thing: str, feature: str) -> bool | None:
    """Whether the thing's policy lets the pipeline write the feature; None where it may not be read."""
    try:
        found = ditto.get_thing(thing, "policyId")
        if found is None:
            return None
        own = _policy(ditto, str(found["policyId"]))
        if own is None:
            return None
        imported = [_policy(ditto, name) for name in own.get("imports") or {}]
    except (DittoError, KeyError):
        return None
    site = ThingId.parse(thing).site
    return may_write([own, *(policy for policy in imported if policy is not None)], pipeline_subject(site), feature)


def _policy(ditto: DittoClient, name: str) -> Mapping[str, Any] | None:
    answer = ditto.request("GET", f"/api/2/policies/{name}")
    if not answer.ok:
        return None
    body: Mapping[str, Any] = answer.json()
    return {**body, "policyId": name}


class InfluxView:
    """Asks InfluxDB for the marked point."""

    def __init__(self, settings: Installation, site: str) -> None:
        self._site = site
        self._client = InfluxDBClient(
            url=settings.influx_url,
            token=settings.influx_token.get_secret_value(),
            org=settings.influx_org,
            timeout=round(_TIMEOUT_S * 1000),
        )

    def ask(self, marked: Marked) -> tuple[bool, Influx]:
        """Whether the marked point is there, and how InfluxDB answered."""
        feature = feature_of(ThingId.parse(marked.thing).kind, marked.feature)
        measurement = feature.measurement if feature is not None else marked.feature.partition(".")[0]
        start, stop = marked.observed_at * 1_000_000, (marked.observed_at + 1) * 1_000_000
        flux = (
            f'from(bucket: "{self._site}") |> range(start: time(v: {start}), stop: time(v: {stop})) '
            f'|> filter(fn: (r) => r._measurement == "{measurement}" and r.thing == "{marked.thing}" '
            f'and r.feature == "{marked.feature}") |> limit(n: 1)'
        )
        try:
            tables = self._client.query_api().query(flux)
        except ApiException as error:
            return False, Influx(int(error.status or 0), one_line(error.reason))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return False, Influx(0, one_line(error))
        return any(table.records for table in tables), Influx(200)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()  # type: ignore[no-untyped-call]


def group(groups: Groups, name: str, place: Place | None) -> Group | None:
    """A consumer group, and how far it is behind a record; None where Kafka did not say."""
    try:
        members = groups.members([name])[name]
        behind = groups.behind(name, place) if place is not None else None
    except (KafkaException, TimeoutError):
        return None
    return Group(members, behind)


def bridge(groups: Groups, name: str) -> Group | None:
    """hono_bridge's group; None where there never was one: a Hono that writes to Kafka itself needs no bridge."""
    try:
        if name not in groups.known():
            return None
    except (KafkaException, TimeoutError):
        return None
    return group(groups, name, None)


def unready(urls: Mapping[str, str], processes: Iterable[str]) -> dict[str, str]:
    """What /readyz of these processes says is wrong, where it is known and they are not ready."""
    found: dict[str, str] = {}
    for process in processes:
        if process not in urls:
            continue
        try:
            answer = requests.get(f"{urls[process].rstrip('/')}/readyz", timeout=_TIMEOUT_S)
            if answer.ok:
                continue
            reasons = answer.json().get("reasons") or {}
            found[process] = one_line("; ".join(str(reason) for reason in reasons.values()) or answer.text)
        except (requests.RequestException, ValueError, AttributeError) as error:
            found[process] = f"{NO_ANSWER} ({type(error).__name__})"
    return found
