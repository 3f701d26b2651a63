"""Settings of the operator, from `RACKTWIN_*`; `python -m rack_operator --help` lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Json, SecretStr
from pydantic.alias_generators import to_camel

from racktwin.settings import DittoSettings, InfluxSettings, KafkaSettings, ProcessSettings

# Defaults of settings in JSON are JSON too: they are validated like what the environment says.
_OBJECT: Any = "{}"
_LIST: Any = "[]"


class Toleration(BaseModel):
    """A taint that pods bear, as Kubernetes writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    key: str = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["", "NoExecute", "NoSchedule", "PreferNoSchedule"] = ""
    toleration_seconds: int | None = None

    def body(self) -> dict[str, Any]:
        """As it stands in a pod: what says nothing is left out, as the API server does."""
        return self.model_dump(by_alias=True, exclude_defaults=True) | {"operator": self.operator}


class OperatorSettings(KafkaSettings, DittoSettings, InfluxSettings, ProcessSettings):
    """How to reach the dependencies, how hard to work, and what devices and pods are told."""

    namespaces: str = Field("*", description="Kubernetes namespaces to serve, comma separated, or * for all.")

    hono_registry_url: str = Field(
        "http://127.0.0.1:28080/v1", description="Base URL of Hono's device registry, with /v1."
    )
    hono_registry_user: str | None = Field(None, description="User for basic authentication at the registry.")
    hono_registry_password: SecretStr | None = Field(None, description="Password at the registry.")
    hono_mqtt_host: str = Field("127.0.0.1", description="Host of Hono's MQTT adapter, as devices reach it.")
    hono_mqtt_port: int = Field(1883, ge=1, le=65535, description="Port of Hono's MQTT adapter.")
    hono_http_url: str = Field("http://127.0.0.1:8081", description="URL of Hono's HTTP adapter, for devices.")

    hono_mqtt_tls: bool = Field(False, description="Whether devices speak TLS to the MQTT adapter.")
    hono_ca_file: Path | None = Field(
        None, description="PEM file of the authority of Hono's adapters; devices are given it in their Secrets."
    )

    ditto_kafka_bootstrap: str | None = Field(
        None, description="Kafka as Ditto reaches it; the operator's own bootstrap servers when left out."
    )
    ditto_kafka_username: str | None = Field(
        None, description="Ditto's user at Kafka; the operator's own when left out."
    )
    ditto_kafka_password: SecretStr | None = Field(None, description="Password of that user.")
    ditto_kafka_ca_file: Path | None = Field(
        None, description="PEM file of the authority by which Ditto knows Kafka; a public one when left out."
    )
    ditto_devops_user: str | None = Field(
        None, description="User for Ditto's connections API, where it asks for another than things do."
    )
    ditto_devops_password: SecretStr | None = Field(None, description="Password of that user.")
    definitions_url: str = Field(
        "http://127.0.0.1:8085", description="Base URL of the Thing Models, as Ditto reaches it."
    )

    image: str = Field("racktwin/racktwin:0.1.0", description="Image of the pods that the operator makes.")
    model_health_port: int = Field(8080, ge=1, le=65535, description="Health port of a model's pod.")
    pods_kafka_bootstrap: str | None = Field(
        None, description="Kafka as pods reach it; the operator's own bootstrap servers when left out."
    )
    pods_kafka_secret: str | None = Field(
        None, description="Secret in the site's namespace with keys username and password for Kafka in pods."
    )
    pods_scenario_kafka_secret: str | None = Field(
        None, description="The same for replays, which write other topics than models; that of pods when left out."
    )

    pods_trust_secret: str | None = Field(
        None, description="Secret in the site's namespace with bundle.crt, the authorities that pods trust."
    )
    pods_tls_secret: str | None = Field(
        None, description="Secret in the site's namespace with the certificate of pods' health ports."
    )
    pods_influx_secret: str | None = Field(
        None,
        description="Secret in the site's namespace with the key token, by which model runners restore their windows "
        "from InfluxDB.",
    )
    pods_influx_url: str | None = Field(
        None, description="InfluxDB as a scenario's pod reaches it; the operator's own when left out."
    )

    pods_pull_secrets: str = Field(
        "", description="Secrets in the site's namespace by which pods' image is pulled, comma separated."
    )
    pods_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="When the nodes pull pods' image; Kubernetes decides by its tag when left out."
    )
    pods_node_selector: Json[dict[str, str]] = Field(
        _OBJECT, description="JSON: labels of the nodes that pods run on, {label: value}."
    )
    pods_tolerations: Json[list[Toleration]] = Field(
        _LIST, description="JSON: list of the taints that pods bear, as Kubernetes writes them."
    )
    pods_priority_class: str | None = Field(None, description="Priority class of pods.")
    pods_spread: Literal["required", "preferred"] = Field(
        "preferred",
        description="Whether a model's runners may crowd a node while another has room for none: preferred, they may; "
        "required, they wait.",
    )

    registry_url: str = Field(
        "",
        description="Model registry, as the operator reaches it: a directory, or s3://bucket/prefix. Without one, "
        "TwinModels are served from ConfigMaps alone and never trained.",
    )
    pods_registry_url: str | None = Field(
        None, description="The same registry as pods reach it; the operator's own when left out."
    )
    pods_registry_claim: str | None = Field(
        None, description="Volume claim in the site's namespace that holds the registry; mounted at /registry."
    )
    pods_registry_secret: str | None = Field(
        None, description="Secret in the site's namespace with the variables by which pods log in at an object store."
    )

    lease_namespace: str = Field(
        "racktwin-system", description="Namespace of the Lease by which replicas agree on the one that works."
    )
    lease_name: str = Field("racktwin-operator", description="Name of that Lease; one for each set of replicas.")

    workers: int = Field(256, ge=1, le=4096, description="Resources reconciled at the same time.")
    http_connections: int = Field(32, ge=1, le=1024, description="Connections held to each dependency at most.")
    bulk_from: int = Field(
        50,
        ge=0,
        description="Resources that wait for work from which on things and policies go to Ditto over Kafka.",
    )
    rotation_grace_s: float = Field(
        3600.0, ge=0, description="Time that a password stays valid after its rotation, in seconds."
    )
    move_s: float = Field(
        10.0,
        ge=0,
        description="Time that a server taken out of a rack waits for another rack to list it, in seconds.",
    )
    request_timeout_s: float = Field(15.0, gt=0, description="Time allowed for one request, in seconds.")
    sweep_s: float = Field(
        60.0,
        gt=0,
        description="Time between sweeps that look for drift and orphans, in seconds; longer when they take long.",
    )
    backoff_s: float = Field(0.5, gt=0, description="Wait after a first failure, in seconds; doubles each time.")
    backoff_max_s: float = Field(60.0, gt=0, description="The longest wait after a failure, in seconds.")

    def namespace_list(self) -> list[str] | None:
        """The namespaces by name, or None for all."""
        text = self.namespaces.strip()
        return None if text == "*" else [part.strip() for part in text.split(",") if part.strip()]
