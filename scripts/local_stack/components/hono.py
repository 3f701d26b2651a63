"""Eclipse Hono 1.0.3: authentication server, device registry, MQTT and HTTP adapters, on Artemis.

Each service gets its settings as a Spring configuration file, because they hold passwords and a command line can be
read by everyone on the machine. Found by trying: the profile `authentication-impl` starts the auth server's own
logic; the health server binds to the name `localhost` and to no literal address; device limits stand in two places.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from local_stack import config
from local_stack.component import Component
from local_stack.components import artemis
from local_stack.components.java import OPEN_MODULES, java
from local_stack.instance import LOOPBACK, Instance
from local_stack.probes import http
from local_stack.toolchain.catalogue import HONO

_ADAPTERS = ("mqtt", "http")


def _signing_secret(instance: Instance) -> str:
    return instance.secret("hono-signing-secret", 48)


def _adapter_password(instance: Instance, adapter: str) -> str:
    return instance.secret(f"hono-{adapter}-adapter-password", 16)


def permissions(instance: Instance) -> str:
    """The auth server's users: one per adapter, allowed to use the registry's services and to send downstream."""

    def on(resource: str, *activities: str) -> dict[str, object]:
        return {"resource": resource, "activities": list(activities)}

    services = ("registration", "credentials", "device_con", "cmd_router")
    authorities: list[dict[str, object]] = [
        on("telemetry/*", "WRITE"),
        on("event/*", "WRITE"),
        on("tenant", "READ", "WRITE"),
    ]
    authorities += [on(f"{service}/*", "READ", "WRITE") for service in services]
    authorities += [{"operation": f"{service}/*:*", "activities": ["EXECUTE"]} for service in (*services, "tenant")]
    users = {
        f"{adapter}-adapter@HONO": {
            "mechanism": "PLAIN",
            "password": _adapter_password(instance, adapter),
            "authorities": ["hono-component", "protocol-adapter"],
        }
        for adapter in _ADAPTERS
    }
    return json.dumps({"roles": {"protocol-adapter": authorities}, "users": users}, indent=1)


def _health(instance: Instance, service: str) -> dict[str, object]:
    return {
        "insecurePortEnabled": True,
        "insecurePort": instance.port(f"hono-{service}-health"),
        "insecurePortBindAddress": "localhost",
    }


def _insecure(port: int, **more: object) -> dict[str, object]:
    """A plain listener; TLS would only be between processes of one machine."""
    return {"insecurePortEnabled": True, "insecurePort": port, "insecurePortBindAddress": LOOPBACK, **more}


def _app() -> dict[str, object]:
    return {"maxInstances": 1, "startupTimeout": 120}


def _auth(instance: Instance) -> dict[str, object]:
    return {
        "app": _app(),
        "vertx": {"preferNative": False},
        "healthCheck": _health(instance, "auth"),
        "auth": {
            "amqp": _insecure(instance.port("hono-auth")),
            "svc": {
                "permissionsPath": f"file://{_folder(instance, 'auth')}/permissions.json",
                "signing": {"sharedSecret": _signing_secret(instance), "tokenExpiration": 3600},
            },
        },
    }


def _registry(instance: Instance) -> dict[str, object]:
    limit = config.settings()["hono"]["max_devices_per_tenant"]
    data = instance.data("hono-registry")
    secret = _signing_secret(instance)
    return {
        "app": _app(),
        "vertx": {"preferNative": False},
        "healthCheck": _health(instance, "registry"),
        "auth": {
            "host": LOOPBACK,
            "port": instance.port("hono-auth"),
            "name": "device-registry",
            "validation": {"sharedSecret": secret},
        },
        "registry": {
            # The default credit of 100 stalls an adapter that meets many devices for the first time.
            "amqp": _insecure(instance.port("hono-registry-amqp"), receiverLinkCredit=1000),
            "rest": _insecure(instance.port("hono-registry"), maxPayloadSize=65536),
            "svc": {
                "signing": {"sharedSecret": secret},
                "filename": str(data / "devices.json"),
                "saveToFile": True,
                "maxDevicesPerTenant": limit,
            },
        },
        "credentials": {
            "svc": {"filename": str(data / "credentials.json"), "saveToFile": True, "maxBcryptIterations": 10},
        },
        "tenant": {"svc": {"filename": str(data / "tenants.json"), "saveToFile": True}},
        "deviceConnection": {"svc": {"maxDevicesPerTenant": limit}},
    }


def _adapter(instance: Instance, adapter: str) -> dict[str, object]:
    messaging = {
        "host": LOOPBACK,
        "port": instance.port("artemis"),
        "username": artemis.USER,
        "password": artemis.password(instance),
        "flowLatency": 200,
    }
    registry = {
        "host": LOOPBACK,
        "port": instance.port("hono-registry-amqp"),
        "username": f"{adapter}-adapter@HONO",
        "password": _adapter_password(instance, adapter),
        "initialCredits": 1000,
        # ms. The usual 200 pass on a registry that has just started; an adapter was then seen to refuse a gateway's
        # subscription to commands until it was started anew.
        "requestTimeout": 2000,
    }
    cached = {**registry, "responseCacheMaxSize": config.settings()["hono"]["max_devices_per_tenant"]}
    return {
        "app": _app(),
        "vertx": {"preferNative": False},
        "healthCheck": _health(instance, adapter),
        "messaging": messaging,
        "command": messaging,
        "registration": cached,
        "credentials": cached,
        "tenant": registry,
        "deviceConnection": registry,
        adapter: _insecure(
            instance.port(f"hono-{adapter}"), maxPayloadSize=config.settings()["hono"]["max_payload_bytes"]
        ),
    }


def _folder(instance: Instance, service: str) -> Path:
    return instance.config_dir / f"hono-{service}"


def _spring(hono: dict[str, object], profile: str | None = None) -> str:
    """A Spring configuration (JSON is YAML): no JMX, no web server of Spring's own."""
    settings: dict[str, object] = {
        "spring": {
            "jmx": {"enabled": False},
            "main": {"web-application-type": "none"},
            "profiles": {"active": profile} if profile else {},
        },
        "management": {"server": {"port": -1}},
        "server": {"port": -1},
        "hono": hono,
        "logging": {"level": {"root": "WARN", "org.eclipse.hono": "INFO"}},
    }
    return json.dumps(settings, indent=1)


def _service(
    service: str,
    why: str,
    main_class: str,
    heap_mb: int,
    settings: Callable[[Instance], dict[str, object]],
    *,
    after: tuple[str, ...],
    more_ports: tuple[str, ...] = (),
    profile: str | None = None,
) -> Component:
    def files(instance: Instance) -> Mapping[Path, str]:
        folder = _folder(instance, service)
        found = {folder / "application.yml": _spring(settings(instance), profile)}
        if service == "auth":
            found[folder / "permissions.json"] = permissions(instance)
        return found

    def command(instance: Instance) -> list[str]:
        location = f"-Dspring.config.location=classpath:/,file:{_folder(instance, service)}/"
        return java(HONO.folder / service, main_class, heap_mb, (*OPEN_MODULES, location))

    return Component(
        name=f"hono-{service}",
        why=why,
        command=command,
        probe=http(f"hono-{service}-health", "/readiness", host="localhost"),
        after=after,
        artefacts=("hono",),
        ports=(f"hono-{service}", f"hono-{service}-health", *more_ports),
        files=files,
    )


COMPONENTS = (
    _service(
        "auth",
        "Hono's authentication server",
        "org.eclipse.hono.service.auth.impl.Application",
        96,
        _auth,
        after=(),
        profile="authentication-impl",
    ),
    _service(
        "registry",
        "Hono's device registry",
        "org.eclipse.hono.deviceregistry.Application",
        256,
        _registry,
        # It asks the auth server when an adapter connects, not when it starts; so both start at once.
        after=(),
        more_ports=("hono-registry-amqp",),
    ),
    _service(
        "mqtt",
        "where devices connect by MQTT",
        "org.eclipse.hono.adapter.mqtt.impl.Application",
        256,
        lambda instance: _adapter(instance, "mqtt"),
        # An adapter tries its connections again, but with growing pauses; waiting for the three is quicker.
        after=("artemis", "hono-auth", "hono-registry"),
    ),
    _service(
        "http",
        "where devices send by HTTP",
        "org.eclipse.hono.adapter.http.impl.Application",
        256,
        lambda instance: _adapter(instance, "http"),
        after=("artemis", "hono-auth", "hono-registry"),
    ),
)
