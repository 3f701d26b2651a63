"""A site for the pipeline's benchmark: topics, policy, racks as twins with their Thing Models, Ditto's connection,
and a device in Hono's registry. Made directly, without the operator, and only where it is missing.

Next: `bench.pipeline_offer` sends for the racks, `bench.pipeline_watch` looks at them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import requests
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from racktwin import names
from racktwin.ditto_client import DittoClient
from racktwin.settings import DittoSettings
from racktwin.thing_models import thing_definition

SITE: Final = "bench"
RACKS_PER_GATEWAY: Final = 30
MQTT_GATEWAY: Final = names.thing_id(SITE, "gateway", "mqtt")
_PARTITIONS: Final = 3
_AT_ONCE: Final = 8


def rack_id(number: int) -> str:
    """Thing id of a rack by number."""
    return names.thing_id(SITE, "rack", f"r{number:05}")


def gateway_id(number: int) -> str:
    """Device id of the gateway that sends for racks ``30 * number`` and on."""
    return names.thing_id(SITE, "gateway", f"g{number:04}")


def make(endpoints: dict[str, Any], racks: int) -> None:
    """The site with so many racks; what is there stays."""
    admin = KafkaAdminClient(bootstrap_servers=endpoints["kafka_bootstrap"])
    wanted = [names.hono_topic(what, SITE) for what in ("telemetry", "event", "command", "command_response")]
    wanted += [names.own_topic(what, SITE) for what in ("readings", "twin", "predictions", "events", "rejects")]
    for topic in wanted:
        with contextlib.suppress(TopicAlreadyExistsError):
            admin.create_topics([NewTopic(topic, _PARTITIONS, 1)])
    admin.close()
    ditto = DittoClient(DittoSettings(ditto_url=endpoints["ditto_url"], ditto_subject=names.OPERATOR_SUBJECT), 60)
    _put(ditto, f"/api/2/policies/{names.base_policy(SITE)}", _policy())
    _connect(ditto, endpoints["kafka_bootstrap"])
    there = {thing["thingId"] for thing in ditto.search(namespaces=names.namespace(SITE), fields="thingId")}
    definition = thing_definition(endpoints["definitions_url"], "rack")
    # The first alone, so that Ditto fetches the Thing Models once.
    missing = [number for number in range(racks) if rack_id(number) not in there]
    for number in missing[:1]:
        _make_rack(ditto, number, definition)
    clients = [
        DittoClient(DittoSettings(ditto_url=endpoints["ditto_url"], ditto_subject=names.OPERATOR_SUBJECT), 60)
        for _ in range(_AT_ONCE)
    ]

    def lane(first: int) -> None:
        for number in missing[1 + first :: _AT_ONCE]:
            _make_rack(clients[first], number, definition)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lane, range(_AT_ONCE)))


def register_mqtt(endpoints: dict[str, Any]) -> tuple[str, str]:
    """Tenant and the MQTT gateway with a new password in Hono's registry; its user name and password."""
    base = endpoints["hono_registry_url"]
    tenant = requests.post(f"{base}/tenants/{SITE}", json={"enabled": True}, timeout=30)
    device = requests.post(f"{base}/devices/{SITE}/{MQTT_GATEWAY}", json={"enabled": True}, timeout=30)
    for answer in (tenant, device):
        if answer.status_code != 409:
            answer.raise_for_status()
    password, salt = secrets.token_hex(16), secrets.token_bytes(16)
    digest = base64.b64encode(hashlib.sha256(salt + password.encode()).digest()).decode()
    secret = {"hash-function": "sha-256", "pwd-hash": digest, "salt": base64.b64encode(salt).decode()}
    login = {"type": "hashed-password", "auth-id": names.auth_id(MQTT_GATEWAY), "secrets": [secret]}
    requests.put(f"{base}/credentials/{SITE}/{MQTT_GATEWAY}", json=[login], timeout=30).raise_for_status()
    return f"{names.auth_id(MQTT_GATEWAY)}@{SITE}", password


def _make_rack(ditto: DittoClient, number: int, definition: str) -> None:
    thing = rack_id(number)
    sensors = {place: {"feature": f"environment.{place}"} for place in ("top", "bottom")}
    attributes = {
        "name": thing.partition("rack-")[2],
        "site": SITE,
        "location": f"hall-{number // 1000}",
        "row": f"r{number // 50:03}",
        "gateways": [gateway_id(number // RACKS_PER_GATEWAY), MQTT_GATEWAY],
        "sensors": sensors,
    }
    body = {"policyId": names.base_policy(SITE), "definition": definition, "attributes": attributes}
    _put(ditto, f"/api/2/things/{thing}", body)


def _policy() -> dict[str, Any]:
    def entry(subject: str, **resources: list[str]) -> dict[str, Any]:
        granted = {path: {"grant": rights, "revoke": []} for path, rights in resources.items()}
        return {"subjects": {subject: {"type": "benchmark"}}, "resources": granted}

    everything = {f"{kind}:/": ["READ", "WRITE"] for kind in ("thing", "policy", "message")}
    entries = {
        "operator": entry(names.OPERATOR_SUBJECT, **everything),
        "viewer": entry(names.VIEWER_SUBJECT, **{"thing:/": ["READ"]}),
        "pipeline": entry(names.pipeline_subject(SITE), **{"thing:/features": ["READ", "WRITE"]}),
    }
    return {"entries": entries}


def _connect(ditto: DittoClient, bootstrap: str) -> None:
    connection = names.twin_connection(SITE)
    source = {
        "addresses": [names.own_topic("twin", SITE)],
        "consumerCount": 1,
        "qos": 1,
        "authorizationContext": [names.pipeline_subject(SITE)],
        "headerMapping": {},
        "replyTarget": {"enabled": False},
    }
    body = {
        "id": connection,
        "name": connection,
        "connectionType": "kafka",
        "connectionStatus": "open",
        "uri": f"tcp://{bootstrap}",
        "specificConfig": {"bootstrapServers": bootstrap, "groupId": connection},
        "sources": [source],
    }
    if ditto.request("GET", f"/api/2/connections/{connection}").status_code == 404:
        _put(ditto, f"/api/2/connections/{connection}", body)


def _put(ditto: DittoClient, path: str, body: Any) -> None:
    ditto.request("PUT", path, json=body).raise_for_status()
