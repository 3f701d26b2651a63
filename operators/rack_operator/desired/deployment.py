"""The Deployment that runs a model, of a Site's own list or of a TwinModel, and its disruption budget. Pure.

It carries a checksum of the artifact in its pod template, so that a new artifact rolls the pods.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from rack_operator.api.site import Model
from rack_operator.desired.ownership import LABEL_MANAGED_BY, OPERATOR, Owner
from rack_operator.desired.placement import Placement, spread

JsonObject = dict[str, Any]
ANNOTATION_CHECKSUM = "racktwin.io/artifact-checksum"
LABEL_MODEL = "racktwin.io/model"
MODEL_DIR = "/models"
REGISTRY_DIR = "/registry"
_USER = 10001


@dataclass(frozen=True, slots=True)
class PodSettings:
    """What pods are told about their surroundings."""

    image: str
    kafka_bootstrap: str
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str | None = None
    kafka_secret: str | None = None
    scenario_kafka_secret: str | None = None
    """Login of replays, who may write twins' telemetry, which runners (`kafka_secret`) may not."""
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
    registry_url: str | None = None
    """The model registry as pods reach it; without one, models come from ConfigMaps alone."""
    registry_claim: str | None = None
    """Volume claim in the site's namespace that is the registry; mounted at `REGISTRY_DIR`."""
    registry_secret: str | None = None
    """Secret in the site's namespace with the variables by which an object store's client logs in."""
    placement: Placement = field(default_factory=Placement)


def deployment_name(model: str) -> str:
    """Name of a model's Deployment."""
    return f"model-{model}"


def artifact_checksum(config_map: JsonObject) -> str:
    """Checksum of a ConfigMap's contents."""
    contents = {"data": config_map.get("data") or {}, "binaryData": config_map.get("binaryData") or {}}
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Runner:
    """One model's runners: `model` names the Deployment; `replicas` of them. They take the model from the ConfigMap
    `config_map`, whose contents have the checksum, or from the registry. `variables` are their further settings; `most`
    is how many they may become."""

    model: str
    site: str
    replicas: int
    config_map: str | None = None
    checksum: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    most: int = 1


def model_deployment(model: Model, owner: Owner, checksum: str, pods: PodSettings) -> JsonObject:
    """The Deployment of one model of a site."""
    return runner_deployment(
        Runner(model.name, owner.name, model.replicas, model.artifact.config_map, checksum, most=model.replicas),
        owner,
        pods,
    )


def runner_deployment(runner: Runner, owner: Owner, pods: PodSettings) -> JsonObject:
    """The Deployment of a model's runners."""
    selector = _selector(runner)
    labels = {**selector, LABEL_MANAGED_BY: OPERATOR, "app.kubernetes.io/part-of": "racktwin"}
    template: JsonObject = {
        "metadata": {"labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": pod_security(),
            "containers": [_container(runner, pods)],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
        },
    }
    if runner.most > 1:
        template["spec"]["topologySpreadConstraints"] = spread(selector, pods.placement)
    if runner.config_map is not None:
        template["metadata"]["annotations"] = {ANNOTATION_CHECKSUM: runner.checksum}
        template["spec"]["volumes"].insert(0, {"name": "artifact", "configMap": {"name": runner.config_map}})
        _mount(template, "artifact", MODEL_DIR, read_only=True)
    else:
        mount_registry(template, pods)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": deployment_name(runner.model),
            "namespace": owner.namespace,
            "labels": {**owner.labels(), **selector},
            "ownerReferences": [owner.reference()],
        },
        "spec": {"replicas": runner.replicas, "selector": {"matchLabels": selector}, "template": template},
    }


def disruption_budget(runner: Runner, owner: Owner) -> JsonObject:
    """The PodDisruptionBudget of a model's runners, named as their Deployment: a drain of nodes takes one at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": deployment_name(runner.model),
            "namespace": owner.namespace,
            "labels": {**owner.labels(), **_selector(runner)},
            "ownerReferences": [owner.reference()],
        },
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _selector(runner)}},
    }


def _selector(runner: Runner) -> JsonObject:
    return {"app.kubernetes.io/name": "racktwin-model", LABEL_MODEL: runner.model}


def pod_security() -> JsonObject:
    """Whom pods of ours run as."""
    return {
        "runAsNonRoot": True,
        "runAsUser": _USER,
        "runAsGroup": _USER,
        "fsGroup": _USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> JsonObject:
    """What a container of ours may do: nothing."""
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def mount_registry(template: JsonObject, pods: PodSettings) -> None:
    """Lets a pod reach a registry that is a volume; one that is an object store needs its Secret alone."""
    if pods.registry_claim is not None:
        volume = {"name": "registry", "persistentVolumeClaim": {"claimName": pods.registry_claim}}
        template["spec"]["volumes"].append(volume)
        _mount(template, "registry", REGISTRY_DIR)
    if pods.registry_secret is not None:
        for container in template["spec"]["containers"]:
            container["envFrom"] = [{"secretRef": {"name": pods.registry_secret}}]


def _mount(template: JsonObject, name: str, path: str, *, read_only: bool = False) -> None:
    for container in template["spec"]["containers"]:
        container["volumeMounts"].append({"name": name, "mountPath": path} | ({"readOnly": True} if read_only else {}))


def _container(runner: Runner, pods: PodSettings) -> JsonObject:
    return {
        "name": "runner",
        "image": pods.image,
        "command": ["python", "-m", "runner"],
        "env": _environment(runner, pods),
        "ports": [{"name": "health", "containerPort": pods.health_port, "protocol": "TCP"}],
        "startupProbe": _probe("/healthz", failures=30),
        "livenessProbe": _probe("/healthz", failures=3),
        "readinessProbe": _probe("/readyz", failures=3),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        # A model that is refused says so in its last line, and the operator repeats it.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a mount path, not a file of ours
    }


def _probe(path: str, *, failures: int) -> JsonObject:
    return {
        "httpGet": {"path": path, "port": "health"},
        "periodSeconds": 5,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _environment(runner: Runner, pods: PodSettings) -> list[JsonObject]:
    plain = {"RACKTWIN_SITES": runner.site, **kafka_variables(pods)}
    if runner.config_map is not None:
        plain["RACKTWIN_MODEL_DIR"] = MODEL_DIR
    else:
        plain["RACKTWIN_REGISTRY_URL"] = pods.registry_url or ""
    environment = plain_variables({**plain, **process_variables(pods), **dict(runner.variables)})
    return environment + kafka_login(pods) + influx_variables(pods)


def plain_variables(values: dict[str, str]) -> list[JsonObject]:
    """Settings whose values are no secret."""
    return [{"name": key, "value": value} for key, value in values.items()]


def process_variables(pods: PodSettings) -> dict[str, str]:
    """What every process of ours in a pod is told."""
    return {
        "RACKTWIN_HEALTH_HOST": "0.0.0.0",  # noqa: S104 - probes reach a pod from outside
        "RACKTWIN_HEALTH_PORT": str(pods.health_port),
        "RACKTWIN_LOG_LEVEL": pods.log_level,
        # A user id without an entry in /etc/passwd: some libraries ask for these.
        "HOME": "/tmp",  # noqa: S108
        "USER": "racktwin",
    }


def kafka_variables(pods: PodSettings) -> dict[str, str]:
    """Where Kafka is."""
    found = {
        "RACKTWIN_KAFKA_BOOTSTRAP": pods.kafka_bootstrap,
        "RACKTWIN_KAFKA_SECURITY_PROTOCOL": pods.kafka_security_protocol,
    }
    if pods.kafka_sasl_mechanism is not None:
        found["RACKTWIN_KAFKA_SASL_MECHANISM"] = pods.kafka_sasl_mechanism
    return found


def kafka_login(pods: PodSettings) -> list[JsonObject]:
    """User and password at Kafka."""
    if pods.kafka_secret is None:
        return []
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": pods.kafka_secret, "key": key}}}
        for variable, key in (("RACKTWIN_KAFKA_USERNAME", "username"), ("RACKTWIN_KAFKA_PASSWORD", "password"))
    ]


def influx_variables(pods: PodSettings) -> list[JsonObject]:
    """Where InfluxDB is, with the token."""
    if pods.influx_secret is None or pods.influx_url is None:
        return []
    # Optional: without it windows come from Kafka, which is slower and no fault.
    optional: JsonObject = {"secretKeyRef": {"name": pods.influx_secret, "key": "token", "optional": True}}
    return [
        *plain_variables({"RACKTWIN_INFLUX_URL": pods.influx_url, "RACKTWIN_INFLUX_ORG": pods.influx_org}),
        {"name": "RACKTWIN_INFLUX_TOKEN", "valueFrom": optional},
    ]
