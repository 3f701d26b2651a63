"""The Deployment that runs a model. Pure.

It carries a checksum of the artifact in its pod template, so that a new artifact rolls the pods.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from rack_operator.api.site import Model
from rack_operator.desired.ownership import LABEL_MANAGED_BY, OPERATOR, Owner

JsonObject = dict[str, Any]
ANNOTATION_CHECKSUM = "racktwin.io/artifact-checksum"
LABEL_MODEL = "racktwin.io/model"
MODEL_DIR = "/models"
_USER = 10001


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What pods are told about their surroundings."""

    image: str
    kafka_bootstrap: str
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str | None = None
    kafka_secret: str | None = None
    health_port: int = 8080
    log_level: str = "info"
    trust_secret: str | None = None
    """Secret with bundle.crt, the authorities that pods trust; see `desired.trust`."""
    tls_secret: str | None = None
    """Secret with the certificate of their health ports."""
    influx_url: str | None = None
    """InfluxDB, from which a model's windows are restored after a start; none without `influx_secret`."""
    influx_org: str = "racktwin"
    influx_secret: str | None = None
    """Secret in the site's namespace whose key `token` may read the site's bucket."""


def deployment_name(model: str) -> str:
    """Name of a model's Deployment."""
    return f"model-{model}"


def artifact_checksum(config_map: JsonObject) -> str:
    """Checksum of a ConfigMap's contents."""
    contents = {"data": config_map.get("data") or {}, "binaryData": config_map.get("binaryData") or {}}
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def model_deployment(model: Model, owner: Owner, checksum: str, pods: PodSettings) -> JsonObject:
    """The Deployment of one model of a site."""
    name = deployment_name(model.name)
    selector = {"app.kubernetes.io/name": "racktwin-model", LABEL_MODEL: model.name}
    labels = {**selector, LABEL_MANAGED_BY: OPERATOR, "app.kubernetes.io/part-of": "racktwin"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {**owner.labels(), **selector},
            "ownerReferences": [owner.reference()],
        },
        "spec": {
            "replicas": model.replicas,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": labels, "annotations": {ANNOTATION_CHECKSUM: checksum}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "fsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_container(owner.name, pods)],
                    "volumes": [
                        {"name": "artifact", "configMap": {"name": model.artifact.config_map}},
                        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
                    ],
                },
            },
        },
    }


def _container(site: str, pods: PodSettings) -> JsonObject:
    return {
        "name": "runner",
        "image": pods.image,
        "command": ["python", "-m", "runner"],
        "env": _environment(site, pods),
        "ports": [{"name": "health", "containerPort": pods.health_port, "protocol": "TCP"}],
        "startupProbe": _probe("/healthz", failures=30),
        "livenessProbe": _probe("/healthz", failures=3),
        "readinessProbe": _probe("/readyz", failures=3),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "artifact", "mountPath": MODEL_DIR, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a mount path, not a file of ours
        ],
    }


def _probe(path: str, *, failures: int) -> JsonObject:
    return {
        "httpGet": {"path": path, "port": "health"},
        "periodSeconds": 5,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _environment(site: str, pods: PodSettings) -> list[JsonObject]:
    plain = {
        "RACKTWIN_SITES": site,
        "RACKTWIN_KAFKA_BOOTSTRAP": pods.kafka_bootstrap,
        "RACKTWIN_KAFKA_SECURITY_PROTOCOL": pods.kafka_security_protocol,
        "RACKTWIN_MODEL_DIR": MODEL_DIR,
        "RACKTWIN_HEALTH_HOST": "0.0.0.0",  # noqa: S104 - probes reach a pod from outside
        "RACKTWIN_HEALTH_PORT": str(pods.health_port),
        "RACKTWIN_LOG_LEVEL": pods.log_level,
        # A user id without an entry in /etc/passwd: some libraries ask for these.
        "HOME": "/tmp",  # noqa: S108
        "USER": "racktwin",
    }
    if pods.kafka_sasl_mechanism is not None:
        plain["RACKTWIN_KAFKA_SASL_MECHANISM"] = pods.kafka_sasl_mechanism
    environment: list[JsonObject] = [{"name": key, "value": value} for key, value in plain.items()]
    if pods.kafka_secret is not None:
        for variable, key in (("RACKTWIN_KAFKA_USERNAME", "username"), ("RACKTWIN_KAFKA_PASSWORD", "password")):
            reference = {"secretKeyRef": {"name": pods.kafka_secret, "key": key}}
            environment.append({"name": variable, "valueFrom": reference})
    if pods.influx_secret is not None and pods.influx_url is not None:
        environment.append({"name": "RACKTWIN_INFLUX_URL", "value": pods.influx_url})
        environment.append({"name": "RACKTWIN_INFLUX_ORG", "value": pods.influx_org})
        # Optional: without it windows come from Kafka, which is slower and no fault.
        optional: JsonObject = {"secretKeyRef": {"name": pods.influx_secret, "key": "token", "optional": True}}
        environment.append({"name": "RACKTWIN_INFLUX_TOKEN", "valueFrom": optional})
    return environment
