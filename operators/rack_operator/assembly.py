"""Puts the operator together from its settings: sessions, clients, store, queue, reconcilers, controller."""

from __future__ import annotations

import base64
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from rack_operator.clients.ditto import DittoClient
from rack_operator.clients.hono import HonoRegistry
from rack_operator.clients.http import HttpDependency
from rack_operator.clients.kafka_topics import KafkaTopics
from rack_operator.clients.kube import KubeClient
from rack_operator.clients.kubeconfig import Cluster
from rack_operator.desired.connections import Broker
from rack_operator.desired.deployment import PodSettings
from rack_operator.desired.devices import DeviceEndpoints
from rack_operator.reconcile.controller import Controller
from rack_operator.reconcile.queue import WorkQueue
from rack_operator.reconcile.rack import RackReconciler
from rack_operator.reconcile.site import SiteReconciler
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.sweep import Sweeper
from rack_operator.settings import OperatorSettings
from racktwin.process import Context


@dataclass(frozen=True)
class Assembly:
    """The parts that triggers need."""

    cluster: Cluster
    store: Store
    controller: Controller
    kube_session: Callable[[int], aiohttp.ClientSession]


@asynccontextmanager
async def assemble(
    settings: OperatorSettings, cluster: Cluster, context: Context, random_bytes: Callable[[int], bytes]
) -> AsyncIterator[Assembly]:
    """The operator's parts; sessions are closed at the end."""
    timeout = aiohttp.ClientTimeout(total=settings.request_timeout_s)

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        # Read for each request: a pod's token changes within the hour.
        request.headers.update(cluster.authorization())
        return await handler(request)

    def kube_session(limit: int, time_limit: aiohttp.ClientTimeout | None = None) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit, ssl=cluster.ssl),
            timeout=time_limit or aiohttp.ClientTimeout(total=None, sock_connect=10),
            middlewares=(authorize,),
        )

    def session(headers: dict[str, str]) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=settings.http_connections)
        return aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers)

    topics = KafkaTopics(kafka_options(settings))
    async with (
        kube_session(settings.http_connections, timeout) as kube,
        session(ditto_headers(settings)) as ditto,
        session(devops_headers(settings)) as devops,
        session(_basic(settings.hono_registry_user, _plain(settings.hono_registry_password))) as hono,
    ):
        around = Surroundings(
            kube=KubeClient(HttpDependency("Kubernetes", cluster.server, kube)),
            ditto=DittoClient(
                HttpDependency("Ditto", settings.ditto_url, ditto), HttpDependency("Ditto", settings.ditto_url, devops)
            ),
            hono=HonoRegistry(HttpDependency("HonoRegistry", settings.hono_registry_url, hono)),
            topics=topics,
            endpoints=DeviceEndpoints(settings.hono_mqtt_host, settings.hono_mqtt_port, settings.hono_http_url),
            broker=broker(settings),
            pods=pods(settings),
            definitions_url=settings.definitions_url,
            clock=context.clock,
            random_bytes=random_bytes,
        )
        store = Store()
        queue: WorkQueue[Key] = WorkQueue(
            first_s=settings.backoff_s,
            longest_s=settings.backoff_max_s,
            jitter=random.random,
        )
        controller = Controller(
            store=store,
            queue=queue,
            racks=RackReconciler(around, store),
            sites=SiteReconciler(around, store),
            sweeper=Sweeper(around, store, settings.namespace_list()),
            health=context.health,
            workers=settings.workers,
            sweep_s=settings.sweep_s,
        )
        try:
            yield Assembly(cluster=cluster, store=store, controller=controller, kube_session=kube_session)
        finally:
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


def broker(settings: OperatorSettings) -> Broker:
    """Kafka as Ditto reaches it."""
    return Broker(
        bootstrap=settings.ditto_kafka_bootstrap or settings.kafka_bootstrap,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=_plain(settings.kafka_password),
    )


def pods(settings: OperatorSettings) -> PodSettings:
    """What pods are told."""
    return PodSettings(
        image=settings.image,
        kafka_bootstrap=settings.pods_kafka_bootstrap or settings.kafka_bootstrap,
        kafka_security_protocol=settings.kafka_security_protocol,
        kafka_sasl_mechanism=settings.kafka_sasl_mechanism,
        kafka_secret=settings.pods_kafka_secret,
        health_port=settings.model_health_port,
        log_level=settings.log_level,
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


def _plain(secret: object) -> str | None:
    return secret.get_secret_value() if hasattr(secret, "get_secret_value") else None


def _basic(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()}
