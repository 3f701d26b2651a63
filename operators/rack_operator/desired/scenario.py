"""What a Scenario asks for: its Job with input and access, and for a replay a site and racks of its own. Pure.

The input is the room as it is described now, so that the Job needs no rights at the Kubernetes API. The Job's token for
InfluxDB is in a Secret that lives as long as the Job works.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, Final

from rack_operator.api import API_VERSION
from rack_operator.api.scenario import ScenarioSpec
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.ownership import LABEL_MANAGED_BY, LABEL_OWNER_NAME, OPERATOR, Owner
from racktwin import names

JsonObject = dict[str, Any]
INPUT_DIR: Final = "/scenario"
INPUT_FILE: Final = "input.json.gz"
LABEL_SCENARIO: Final = "racktwin.io/scenario"
_USER: Final = 10001
# Time for a replay to come up and be written, beyond what its speed takes.
_MARGIN_S: Final = 1800


@dataclass(frozen=True, slots=True)
class ScenarioAccess:
    """What a scenario's Job is told of InfluxDB, as pods reach it."""

    influx_url: str
    influx_org: str
    influx_token: str


def object_name(scenario: str) -> str:
    """Name of the Job, the ConfigMap and the Secret of a scenario."""
    return f"scenario-{scenario}"


def replayed_site(site: str, scenario: str) -> str:
    """Name of the site that a replay's own things belong to."""
    wanted = f"{site}-{scenario}"
    try:
        return names.check_site(wanted)
    except ValueError:
        # Too long, or a part begins with a digit: still one name for one scenario.
        stem = re.sub(r"-[^a-z].*$", "", site[:28]).strip("-")
        return f"{stem}-x{zlib.crc32(wanted.encode()):08x}"


def replayed_name(scenario: str, name: str) -> str:
    """Name of a replay's own copy of a rack or cooling unit."""
    wanted = f"{scenario}-{name}"
    return wanted if len(wanted) <= 50 else f"{wanted[:41]}-{zlib.crc32(wanted.encode()):08x}"


def input_document(
    spec: ScenarioSpec, owner: Owner, site: JsonObject, racks: list[JsonObject], units: list[JsonObject]
) -> JsonObject:
    """What the Job reads: the question, and the room's resources without what physics does not ask for."""
    asked = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    kept = ("ashraeClass", "rooms", "displayName")
    document: JsonObject = {
        "scenario": {"name": owner.name, "namespace": owner.namespace, "uid": owner.uid, "spec": asked},
        "site": {"metadata": {"name": spec.site}, "spec": {k: v for k, v in site["spec"].items() if k in kept}},
        "racks": [_plain(body, ("servers", "sensors", "gateways")) for body in racks],
        "coolingUnits": [_plain(body, ("gateways", "maintenanceWindows")) for body in units],
    }
    if spec.replay is not None:
        wanted = set(spec.replay.racks)
        document["replay"] = {
            "site": replayed_site(spec.site, owner.name),
            "things": {
                names.thing_id(spec.site, kind, body["metadata"]["name"]): names.thing_id(
                    replayed_site(spec.site, owner.name), kind, replayed_name(owner.name, body["metadata"]["name"])
                )
                for kind, bodies in _kinds(racks, units)
                for body in bodies
                if kind == "cooling" or not wanted or body["metadata"]["name"] in wanted
            },
        }
    return document


def _kinds(racks: list[JsonObject], units: list[JsonObject]) -> tuple[tuple[names.Kind, list[JsonObject]], ...]:
    return ("rack", racks), ("cooling", units)


def _plain(body: JsonObject, left_out: tuple[str, ...]) -> JsonObject:
    spec = {key: value for key, value in body["spec"].items() if key not in left_out}
    return {"metadata": {"name": body["metadata"]["name"]}, "spec": spec}


def input_config_map(owner: Owner, document: JsonObject) -> JsonObject:
    """The ConfigMap of the Job's input. Packed: a hall of thousands of racks must fit into its 1 MiB."""
    packed = gzip.compress(json.dumps(document, sort_keys=True).encode(), mtime=0)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(owner),
        "binaryData": {INPUT_FILE: base64.b64encode(packed).decode()},
    }


def access_secret(owner: Owner, access: ScenarioAccess) -> JsonObject:
    """The Secret with the Job's token."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(owner),
        "type": "Opaque",
        "data": {"influx-token": base64.b64encode(access.influx_token.encode()).decode()},
    }


def job(spec: ScenarioSpec, owner: Owner, pods: PodSettings, access: ScenarioAccess) -> JsonObject:
    """The Job."""
    name = object_name(owner.name)
    limit_s = _MARGIN_S
    if spec.replay is not None:
        limit_s += round((spec.replay.to - spec.replay.from_).total_seconds() / spec.replay.speed * 2.0)
    labels = {"app.kubernetes.io/name": "racktwin-scenario", "app.kubernetes.io/part-of": "racktwin"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(owner),
        "spec": {
            # A failure that another try may mend; what is wrong with the question itself is a result.
            "backoffLimit": 3,
            "activeDeadlineSeconds": limit_s,
            "template": {
                "metadata": {"labels": {**labels, LABEL_SCENARIO: owner.name, LABEL_MANAGED_BY: OPERATOR}},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "fsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "scenario",
                            "image": pods.image,
                            "command": ["python", "-m", "scenarios"],
                            "env": _environment(name, spec, pods, access),
                            "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"]},
                            },
                            "volumeMounts": [
                                {"name": "input", "mountPath": INPUT_DIR, "readOnly": True},
                                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount path, not a file of ours
                            ],
                        }
                    ],
                    "volumes": [
                        {"name": "input", "configMap": {"name": name}},
                        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
                    ],
                },
            },
        },
    }


def replay_children(
    spec: ScenarioSpec, owner: Owner, site: JsonObject, racks: list[JsonObject], units: list[JsonObject]
) -> list[JsonObject]:
    """The Site, Racks and CoolingUnits of a replay's own things: copies without servers, gateways and models."""
    assert spec.replay is not None
    name = replayed_site(spec.site, owner.name)
    wanted = set(spec.replay.racks)
    kept = {key: value for key, value in site["spec"].items() if key in ("ashraeClass", "intervals", "topics")}
    rooms = [room for room in site["spec"]["rooms"] if room["name"] == spec.room]
    own_site = {**kept, "displayName": f"Replay {owner.name} of {spec.site}", "rooms": rooms}
    made = [_child("Site", name, owner, own_site)]
    for body in racks:
        rack = body["metadata"]["name"]
        if not wanted or rack in wanted:
            own = {key: value for key, value in body["spec"].items() if key not in ("servers", "gateways")}
            made.append(_child("Rack", replayed_name(owner.name, rack), owner, {**own, "site": name}))
    for body in units:
        served = [replayed_name(owner.name, rack) for rack in body["spec"].get("racks") or ()]
        own = {key: value for key, value in body["spec"].items() if key != "gateways"}
        unit = replayed_name(owner.name, body["metadata"]["name"])
        made.append(_child("CoolingUnit", unit, owner, {**own, "site": name, "racks": served}))
    return made


def _child(kind: str, name: str, owner: Owner, spec: JsonObject) -> JsonObject:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {LABEL_SCENARIO: owner.name},
            "ownerReferences": [owner.reference()],
        },
        "spec": {**spec, "deletionPolicy": "Delete", "suspend": False},
    }


def _metadata(owner: Owner) -> JsonObject:
    return {
        "name": object_name(owner.name),
        "namespace": owner.namespace,
        "labels": {**owner.labels(), LABEL_OWNER_NAME: owner.name, LABEL_SCENARIO: owner.name},
        "ownerReferences": [owner.reference()],
    }


def _environment(name: str, spec: ScenarioSpec, pods: PodSettings, access: ScenarioAccess) -> list[JsonObject]:
    plain = {
        "RACKTWIN_SCENARIO_INPUT": f"{INPUT_DIR}/{INPUT_FILE}",
        "RACKTWIN_INFLUX_URL": access.influx_url,
        "RACKTWIN_INFLUX_ORG": access.influx_org,
        "RACKTWIN_HEALTH_HOST": "0.0.0.0",  # noqa: S104 - probes reach a pod from outside
        "RACKTWIN_HEALTH_PORT": str(pods.health_port),
        "RACKTWIN_LOG_LEVEL": pods.log_level,
        "OPENBLAS_NUM_THREADS": "1",
        "HOME": "/tmp",  # noqa: S108
        "USER": "racktwin",
    }
    secrets = [("RACKTWIN_INFLUX_TOKEN", name, "influx-token")]
    if spec.replay is not None:
        plain["RACKTWIN_KAFKA_BOOTSTRAP"] = pods.kafka_bootstrap
        plain["RACKTWIN_KAFKA_SECURITY_PROTOCOL"] = pods.kafka_security_protocol
        if pods.kafka_sasl_mechanism is not None:
            plain["RACKTWIN_KAFKA_SASL_MECHANISM"] = pods.kafka_sasl_mechanism
        if pods.scenario_kafka_secret is not None:
            secrets += [
                ("RACKTWIN_KAFKA_USERNAME", pods.scenario_kafka_secret, "username"),
                ("RACKTWIN_KAFKA_PASSWORD", pods.scenario_kafka_secret, "password"),
            ]
    environment: list[JsonObject] = [{"name": key, "value": value} for key, value in plain.items()]
    for variable, secret, key in secrets:
        reference = {"secretKeyRef": {"name": secret, "key": key}}
        environment.append({"name": variable, "valueFrom": reference})
    return environment
