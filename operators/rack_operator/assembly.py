"""Puts the operator together from its settings: sessions, clients, store, queue, reconcilers, controller."""

from __future__ import annotations

import base64
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from rack_operator.clients.ditto_bulk import BulkCommands
from rack_operator.clients.ditto_router import DittoRouter
from rack_operator.clients.hono import HonoRegistry
from rack_operator.clients.http import HttpDependency
from rack_operator.clients.influx import InfluxClient
from rack_operator.clients.kafka_topics import KafkaTopics
from rack_operator.clients.kube import KubeClient
from rack_operator.clients.kubeconfig import Cluster
from rack_operator.clients.lease import Lease
from rack_operator.clients.registry import ModelRegistry
from rack_operator.desired.connections import Broker
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.devices import DeviceEndpoints
from rack_operator.desired.placement import Placement
from rack_operator.desired.scenario import ScenarioAccess
from rack_operator.reconcile.budget import EventBudget
from rack_operator.reconcile.controller import Controller
from rack_operator.reconcile.model import ModelReconciler
from rack_operator.reconcile.queue import WorkQueue
from rack_operator.reconcile.resource import TwinReconciler
from rack_operator.reconcile.scenario import ScenarioReconciler
from rack_operator.reconcile.site import SiteReconciler
from rack_operator.reconcile.snapshot import Snapshot
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.sweep import Sweeper
from rack_operator.settings import OperatorSettings
from racktwin.kafka import client_config
from racktwin.process import Context, Fatal


@dataclass(frozen=True)
class Assembly:
    """The parts that triggers need. `watching` is the client for watches, which hold connections of their own."""

    store: Store
    controller: Controller
    watching: KubeClient
    lease: Lease


@asynccontextmanager
async def assemble(
    settings: OperatorSettings, cluster: Cluster, context: Context, random_bytes: Callable[[int], bytes]
) -> AsyncIterator[Assembly]:
    """The operator's parts; sessions are closed at the end."""
    limit_s = settings.request_timeout_s
    # Not `total`: that would count the wait for a free connection, which is our own doing.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=limit_s, sock_read=limit_s)

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        # Read for each request: a pod's token changes within the hour.
        request.headers.update(cluster.authorization())
        return await handler(request)

    # Without a token there is nothing to read for each request.
    middlewares = (authorize,) if cluster.authorization() else ()

    def kube_session(limit: int, total: aiohttp.ClientTimeout = timeout) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=limit, ssl=cluster.ssl)
        return aiohttp.ClientSession(connector=connector, timeout=total, middlewares=middlewares)

    def session(headers: dict[str, str]) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=settings.http_connections)
        return aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers)

    topics = KafkaTopics(kafka_options(settings))
    instance = f"{socket.gethostname()}-{random_bytes(4).hex()}"
    bulk = BulkCommands(client_config(settings), instance, timeout_s=settings.request_timeout_s)
    queue: WorkQueue[Key] = WorkQueue(
        first_s=settings.backoff_s, longest_s=settings.backoff_max_s, jitter=random.random
    )
    async with (
        kube_session(settings.http_connections) as kube,
        kube_session(0) as watches,
        kube_session(2) as leases,
        session(ditto_headers(settings)) as ditto,
        session(devops_headers(settings)) as devops,
        session(_basic(settings.hono_registry_user, _plain(settings.hono_registry_password))) as hono,
        session({"authorization": f"Token {settings.influx_token.get_secret_value()}"}) as influx,
    ):
        around = Surroundings(
            kube=KubeClient(HttpDependency("Kubernetes", cluster.server, kube)),
            ditto=DittoRouter(
                HttpDependency("Ditto", settings.ditto_url, ditto),
                HttpDependency("Ditto", settings.ditto_url, devops),
                bulk,
                # Reads of a sweep that lie ahead count as well.
                lambda: len(queue) + sweeper.inspector.pending >= settings.bulk_from,
            ),
            hono=HonoRegistry(HttpDependency("HonoRegistry", settings.hono_registry_url, hono)),
            topics=topics,
            endpoints=endpoints(settings),
            broker=broker(settings),
            pods=pods(settings),
            definitions_url=settings.definitions_url,
            things=Snapshot(time.monotonic),
            secrets=Snapshot(time.monotonic),
            events=EventBudget(time.monotonic),
            rotation_grace_s=settings.rotation_grace_s,
            clock=context.clock,
            random_bytes=random_bytes,
            move_s=settings.move_s,
        )
        store = Store()
        sweeper = Sweeper(around, store, settings.namespace_list())
        controller = Controller(
            store=store,
            queue=queue,
            twins=TwinReconciler(around, store, queue.add_after),
            sites=SiteReconciler(around, store),
            scenarios=ScenarioReconciler(around, store, influx_client(settings, influx), access(settings)),
            models=ModelReconciler(around, store, model_registry(settings), queue.add_after),
            sweeper=sweeper,
            health=context.health,
            workers=settings.workers,
            sweep_s=settings.sweep_s,
            clock=context.clock,
        )
        lease = Lease(
            # Named apart, so that renewals are not counted among the writes to resources.
            KubeClient(HttpDependency("KubernetesLease", cluster.server, leases)),
            settings.lease_namespace,
            settings.lease_name,
            instance,
            clock=context.clock,
        )
        watching = KubeClient(HttpDependency("Kubernetes", cluster.server, watches))
        try:
            yield Assembly(store=store, controller=controller, watching=watching, lease=lease)
        finally:
            await bulk.close()
            await topics.close()


def ditto_headers(settings: OperatorSettings) -> dict[str, str]:
    """How the operator is known to Ditto."""
    if settings.ditto_subject is not None:
        return {"x-ditto-pre-authenticated": settings.ditto_subject}
    return _basic(settings.ditto_user, _plain(settings.ditto_password))


def devops_headers(settings: OperatorSettings) -> dict[str, str]:
    """How the operator is known to Ditto's connections API."""
    if settings.ditto_devops_user is not None:
        return _basic(settings.ditto_devops_user, _plain(settings.ditto_devops_password))
    return ditto_headers(settings)


def influx_client(settings: OperatorSettings, session: aiohttp.ClientSession) -> InfluxClient | None:
    """InfluxDB, where scenarios leave their results; None where the operator has no token for it."""
    if access(settings) is None:
        return None
    return InfluxClient(HttpDependency("InfluxDB", settings.influx_url, session), settings.influx_org)


def model_registry(settings: OperatorSettings) -> ModelRegistry | None:
    """The model registry; None where the operator was not told of one."""
    return ModelRegistry(settings.registry_url) if settings.registry_url else None


def access(settings: OperatorSettings) -> ScenarioAccess | None:
    """What a scenario's Job is told of InfluxDB."""
    token = settings.influx_token.get_secret_value()
    if not token:
        return None
    return ScenarioAccess(settings.pods_influx_url or settings.influx_url, settings.influx_org, token)


def endpoints(settings: OperatorSettings) -> DeviceEndpoints:
    """What devices are told of Hono's adapters."""
    return DeviceEndpoints(
        settings.hono_mqtt_host,
        settings.hono_mqtt_port,
        settings.hono_http_url,
        mqtt_tls=settings.hono_mqtt_tls,
        authority=_read(settings.hono_ca_file),
    )


def broker(settings: OperatorSettings) -> Broker:
    """Kafka as Ditto reaches it."""
    return Broker(
        bootstrap=settings.ditto_kafka_bootstrap or settings.kafka_bootstrap,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.ditto_kafka_username or settings.kafka_username,
        password=_plain(settings.ditto_kafka_password or settings.kafka_password),
        authority=_read(settings.ditto_kafka_ca_file),
    )


def pods(settings: OperatorSettings) -> PodSettings:
    """What pods are told."""
    return PodSettings(
        image=settings.image,
        kafka_bootstrap=settings.pods_kafka_bootstrap or settings.kafka_bootstrap,
        kafka_security_protocol=settings.kafka_security_protocol,
        kafka_sasl_mechanism=settings.kafka_sasl_mechanism,
        kafka_secret=settings.pods_kafka_secret,
        scenario_kafka_secret=settings.pods_scenario_kafka_secret or settings.pods_kafka_secret,
        health_port=settings.model_health_port,
        trust_secret=settings.pods_trust_secret,
        tls_secret=settings.pods_tls_secret,
        influx_url=settings.pods_influx_url or settings.influx_url,
        influx_org=settings.influx_org,
        influx_secret=settings.pods_influx_secret,
        registry_url=settings.pods_registry_url or settings.registry_url or None,
        registry_claim=settings.pods_registry_claim,
        registry_secret=settings.pods_registry_secret,
        log_level=settings.log_level,
        placement=placement(settings),
    )


def placement(settings: OperatorSettings) -> Placement:
    """Where pods run, and how their image is pulled."""
    return Placement(
        pull_secrets=tuple(part.strip() for part in settings.pods_pull_secrets.split(",") if part.strip()),
        pull_policy=settings.pods_pull_policy,
        node_selector=tuple(sorted(settings.pods_node_selector.items())),
        tolerations=tuple(toleration.body() for toleration in settings.pods_tolerations),
        priority_class=settings.pods_priority_class or None,
        spread=settings.pods_spread,
    )


def kafka_options(settings: OperatorSettings) -> dict[str, object]:
    """kafka-python's options for the operator's own connection."""
    options: dict[str, object] = {
        "bootstrap_servers": settings.kafka_bootstrap.split(","),
        "client_id": "racktwin-operator",
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        # Short, because a stop waits for it; the queue tries again.
        "bootstrap_timeout_ms": 5000,
        "reconnect_backoff_max_ms": 1000,
    }
    if settings.kafka_ca_file is not None:
        options["ssl_cafile"] = settings.kafka_ca_file
    if settings.kafka_sasl_mechanism is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = _plain(settings.kafka_password)
    return options


def _read(path: Path | None) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path is not None else None
    except OSError as error:
        raise Fatal(f"{path}: {error.strerror}; expected the PEM file of an authority") from error


def _plain(secret: object) -> str | None:
    return secret.get_secret_value() if hasattr(secret, "get_secret_value") else None


def _basic(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()}
