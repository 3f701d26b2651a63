"""Racktwin's own processes. Each is `python -m <package>` with its settings in the environment, as in a container.

Each gets what it needs and no more: the Influx token goes to the historian, one that only reads to the console and
alerting, device registry and Kubernetes to the operator.
"""

import sys
from collections.abc import Callable, Mapping

from local_stack import cluster, config, paths
from local_stack.component import Component
from local_stack.components import artemis, console, influxdb, kubernetes
from local_stack.instance import LOOPBACK, Instance
from local_stack.probes import http

Environment = Callable[[Instance], Mapping[str, str]]
IMAGE = "racktwin/racktwin"
# In a site's namespace: how runners and trainings read its history.
INFLUX_SECRET = "racktwin-influx"


def kafka(instance: Instance) -> dict[str, str]:
    """Where Kafka is."""
    return {"RACKTWIN_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{instance.port('kafka')}"}


def ditto(instance: Instance) -> dict[str, str]:
    """Where Ditto is."""
    return {"RACKTWIN_DITTO_URL": instance.url("ditto-lite")}


def as_operator(_instance: Instance) -> dict[str, str]:
    """The subject that may do everything on twins."""
    return {"RACKTWIN_DITTO_SUBJECT": "nginx:operator"}


def as_viewer(_instance: Instance) -> dict[str, str]:
    """The subject that may read twins."""
    return {"RACKTWIN_DITTO_SUBJECT": "nginx:viewer"}


def influx(instance: Instance) -> dict[str, str]:
    """Where InfluxDB is, with the token."""
    return {
        "RACKTWIN_INFLUX_URL": instance.url("influxd"),
        "RACKTWIN_INFLUX_ORG": influxdb.ORGANISATION,
        "RACKTWIN_INFLUX_TOKEN": influxdb.token(instance),
    }


def influx_to_read(instance: Instance) -> dict[str, str]:
    """Where InfluxDB is, with a token that may only read."""
    return {
        "RACKTWIN_INFLUX_URL": instance.url("influxd"),
        "RACKTWIN_INFLUX_ORG": influxdb.ORGANISATION,
        "RACKTWIN_INFLUX_TOKEN_FILE": str(influxdb.reader_token_file(instance)),
    }


def models(instance: Instance) -> dict[str, str]:
    """Where the model registry is."""
    return {"RACKTWIN_REGISTRY_URL": str(instance.data("registry"))}


def definitions(instance: Instance) -> dict[str, str]:
    """Where Thing Models are served."""
    return {"RACKTWIN_DEFINITIONS_URL": instance.url("definitions")}


def registry(instance: Instance) -> dict[str, str]:
    """Where Hono's device registry is."""
    return {"RACKTWIN_HONO_REGISTRY_URL": instance.url("hono-registry") + "/v1"}


def amqp(instance: Instance) -> dict[str, str]:
    """Hono's northbound AMQP network."""
    return {
        "RACKTWIN_HONO_AMQP_HOST": LOOPBACK,
        "RACKTWIN_HONO_AMQP_PORT": str(instance.port("artemis")),
        "RACKTWIN_HONO_AMQP_USER": artemis.USER,
        "RACKTWIN_HONO_AMQP_PASSWORD": artemis.password(instance),
    }


def adapters(instance: Instance) -> dict[str, str]:
    """What devices connect to."""
    return {
        "RACKTWIN_HONO_MQTT_HOST": LOOPBACK,
        "RACKTWIN_HONO_MQTT_PORT": str(instance.port("hono-mqtt")),
        "RACKTWIN_HONO_HTTP_URL": instance.url("hono-http"),
    }


def _kubernetes(account: str) -> Environment:
    def environment(instance: Instance) -> dict[str, str]:
        return {"KUBECONFIG": str(kubernetes.process_kubeconfig(instance, account))}

    return environment


def _definitions_server(instance: Instance) -> dict[str, str]:
    return {
        "RACKTWIN_DEFINITIONS_DIR": str(paths.repository() / "thing-definitions"),
        "RACKTWIN_DEFINITIONS_HOST": LOOPBACK,
        "RACKTWIN_DEFINITIONS_PORT": str(instance.port("definitions")),
    }


def _ditto_server(instance: Instance) -> dict[str, str]:
    return {
        "RACKTWIN_DITTO_LITE_HOST": LOOPBACK,
        "RACKTWIN_DITTO_LITE_PORT": str(instance.port("ditto-lite")),
        "RACKTWIN_DITTO_LITE_DB": str(instance.data("ditto-lite") / "twins.sqlite"),
    }


def _node(instance: Instance) -> dict[str, str]:
    return {
        "RACKTWIN_IMAGE": IMAGE,
        "RACKTWIN_NODE_DIR": str(instance.data("local-node")),
        "RACKTWIN_NODE_LOG_DIR": str(instance.logs / "workloads"),
        "RACKTWIN_NODE_SHARED_DIR": str(instance.data("registry")),
    }


def _bridge(_instance: Instance) -> dict[str, str]:
    # On one machine a command arrives within milliseconds; whoever sent one to an absent device need not wait longer.
    return {"RACKTWIN_BRIDGE_COMMAND_MAX_AGE_S": "10"}


def _gateway(instance: Instance) -> dict[str, str]:
    demo = config.settings()["demo"]
    return {
        "RACKTWIN_GATEWAY_SITE": demo["site"],
        "RACKTWIN_GATEWAY_NAME": demo["gateway"],
        "RACKTWIN_GATEWAY_SERVER": demo["server"],
        # Sequence numbers go on over a restart, so that readings can be counted.
        "RACKTWIN_GATEWAY_STATE_DIR": str(instance.data("gateway")),
        # Whoever breaks a disk to see what happens need not wait for five minutes.
        "RACKTWIN_GATEWAY_DISKS_INTERVAL_S": "60",
    }


def _crds(instance: Instance) -> None:
    cluster.install_crds(kubernetes.kubeconfig(instance))


def _own(
    name: str,
    package: str,
    why: str,
    *groups: Environment,
    after: tuple[str, ...],
    port: str | None = None,
    artefacts: tuple[str, ...] = (),
    before_start: Callable[[Instance], None] = lambda _instance: None,
    probe: str = "/readyz",
) -> Component:
    def environment(instance: Instance) -> Mapping[str, str]:
        values = {
            "RACKTWIN_LOG_LEVEL": "info",
            "RACKTWIN_HEALTH_HOST": LOOPBACK,
            "RACKTWIN_HEALTH_PORT": str(instance.port(f"{name}-health")),
            "PYTHONUNBUFFERED": "1",
            # Our matrices are small: numpy's threads would cost more than they bring.
            "OPENBLAS_NUM_THREADS": "1",
            # Libraries that read proxy settings must not send loopback traffic to one.
            "NO_PROXY": "127.0.0.1,localhost",
        }
        for group in groups:
            values.update(group(instance))
        return values

    return Component(
        name=name,
        why=why,
        command=lambda _instance: [sys.executable, "-m", package],
        probe=http(f"{name}-health", probe),
        after=after,
        artefacts=artefacts,
        ports=(f"{name}-health", *([port] if port else [])),
        environment=environment,
        before_start=before_start,
    )


COMPONENTS = (
    _own("definitions", "definitions", "serves Thing Models", _definitions_server, after=(), port="definitions"),
    _own(
        "ditto-lite",
        "ditto_lite",
        "our embedded stand-in for Eclipse Ditto",
        kafka,
        _ditto_server,
        after=("kafka",),
        port="ditto-lite",
    ),
    _own(
        "hono-bridge",
        "hono_bridge",
        "Hono's AMQP messages to Kafka and back",
        kafka,
        amqp,
        _bridge,
        after=("kafka", "artemis"),
    ),
    _own("ingest", "ingest", "cleans telemetry", kafka, ditto, as_viewer, after=("kafka", "ditto-lite")),
    # Ditto tells how long a site's history is kept; the historian starts and writes without it.
    _own("historian", "historian", "writes history", kafka, influx, ditto, as_viewer, after=("kafka", "influxd")),
    _own("indices", "indices", "computes rooms' indices", kafka, ditto, as_viewer, after=("kafka", "ditto-lite")),
    _own("fidelity", "fidelity", "follows rooms with twins", kafka, ditto, as_viewer, after=("kafka", "ditto-lite")),
    _own(
        "guard",
        "guard",
        "checks wishes for cooling units and commands them",
        kafka,
        ditto,
        as_viewer,
        after=("kafka", "ditto-lite"),
    ),
    _own(
        "optimiser",
        "optimiser",
        "proposes how cooling is best set",
        kafka,
        ditto,
        as_viewer,
        # A demo is watched for minutes.
        lambda _instance: {"RACKTWIN_OPTIMISER_INTERVAL_S": "15"},
        after=("kafka", "ditto-lite"),
    ),
    _own(
        "upkeep",
        "upkeep",
        "finds what wears and when to mend it",
        kafka,
        influx_to_read,
        models,
        # A demo is watched for minutes.
        lambda _instance: {"RACKTWIN_UPKEEP_INTERVAL_S": "60"},
        after=("kafka", "influxd"),
    ),
    # A model that drifts is trained anew by the operator, as its TwinModel says.
    _own("scorecard", "scorecard", "scores predictions when their time has come", kafka, models, after=("kafka",)),
    _own(
        "operator",
        "rack_operator",
        "turns Sites and Racks into twins and devices",
        kafka,
        ditto,
        as_operator,
        registry,
        adapters,
        definitions,
        # Scenarios leave their results there.
        influx,
        models,
        _kubernetes(cluster.OPERATOR_ACCOUNT),
        # A small site is swept in a moment, and what somebody deletes to see it come back, comes back soon.
        lambda _instance: {
            "RACKTWIN_IMAGE": IMAGE,
            "RACKTWIN_SWEEP_S": "15",
            "RACKTWIN_PODS_INFLUX_SECRET": INFLUX_SECRET,
        },
        after=("kube-apiserver", "kafka", "ditto-lite", "definitions", "hono-registry"),
        # The resources it watches must be known to the API server before it can work.
        before_start=_crds,
    ),
    _own(
        "local-node",
        "local_node",
        "runs Deployments and Jobs of ours as processes",
        _kubernetes("local-node"),
        _node,
        after=("kube-apiserver",),
    ),
    _own(
        "alerting",
        "alerting",
        "says what is wrong on which twin",
        kafka,
        ditto,
        as_viewer,
        influx_to_read,
        # On one machine what is written is in InfluxDB within seconds.
        lambda _instance: {"RACKTWIN_ALERTING_HISTORY_AFTER_S": "10"},
        after=("kafka", "ditto-lite", "influxd"),
    ),
    _own(
        "console",
        "console",
        "the page where operators see, replay and command",
        kafka,
        ditto,
        as_operator,
        influx_to_read,
        console.environment,
        _kubernetes("console"),
        after=("kube-apiserver", "kafka", "ditto-lite", "influxd"),
        port="console",
        artefacts=("console-page",),
        before_start=console.ensure_users,
    ),
    _own(
        "gateway",
        "gateway",
        "simulated racks and this machine's own telemetry",
        adapters,
        _kubernetes("gateway"),
        _gateway,
        after=("kube-apiserver", "hono-mqtt", "hono-http"),
        # It is ready when its site is, which is applied to a stack that has started.
        probe="/healthz",
    ),
)
