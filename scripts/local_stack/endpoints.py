"""Where each thing of a stack is, for people, tests and tools. Pure; secrets are named by their files."""

from pathlib import Path
from typing import Any

from local_stack import config, model
from local_stack.components import artemis, console, influxdb, kubernetes, own
from local_stack.instance import LOOPBACK, Instance
from local_stack.toolchain.catalogue import KUBERNETES


def _secret_file(instance: Instance, name: str) -> Path:
    return instance.folder / "secrets" / name


def of(instance: Instance) -> dict[str, Any]:
    """Addresses, ports and paths of credentials, by name."""
    return {
        "kubeconfig": str(kubernetes.kubeconfig(instance)),
        "kubectl": str(KUBERNETES.folder / "bin" / "kubectl"),
        "kubernetes_url": instance.url("kube-apiserver", "https"),
        "ditto_url": instance.url("ditto-lite"),
        "ditto_subject": "nginx:operator",
        "kafka_bootstrap": f"{LOOPBACK}:{instance.port('kafka')}",
        "hono_registry_url": instance.url("hono-registry") + "/v1",
        "hono_mqtt_host": LOOPBACK,
        "hono_mqtt_port": instance.port("hono-mqtt"),
        "hono_http_url": instance.url("hono-http"),
        "hono_amqp_host": LOOPBACK,
        "hono_amqp_port": instance.port("artemis"),
        "hono_amqp_user": artemis.USER,
        "hono_amqp_password_file": str(_secret_file(instance, "artemis-password")),
        "influx_url": instance.url("influxd"),
        "influx_org": influxdb.ORGANISATION,
        "influx_token_file": str(_secret_file(instance, "influx-token")),
        "definitions_url": instance.url("definitions"),
        "model_registry": str(instance.data("registry")),
        "model_dir": str(model.folder(str(config.settings()["demo"]["model"]))),
        "console_url": instance.url("console"),
        "console_password_files": {role: str(console.password_file(instance, role)) for role in console.ROLES},
        "logs": str(instance.logs),
        "health": {component.name: instance.url(f"{component.name}-health") for component in own.COMPONENTS},
    }


def user_environment(instance: Instance) -> dict[str, str]:
    """Every setting, with an administrator's rights and secrets."""
    values = {"KUBECONFIG": str(kubernetes.kubeconfig(instance)), "NO_PROXY": "127.0.0.1,localhost"}
    for group in (
        *(own.kafka, own.ditto, own.as_operator, own.influx, own.definitions),
        *(own.registry, own.amqp, own.adapters),
    ):
        values.update(group(instance))
    return values
