"""Which installation the commands work on: settings from the environment, or those of a local stack.

Next: the clients that the commands make from them.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping

from pydantic import Field, SecretStr, ValidationError

from racktwin.settings import DittoSettings, InfluxSettings, KafkaSettings
from racktwin_cli.failures import Failure, one_line


class Installation(KafkaSettings, DittoSettings, InfluxSettings):
    """How to reach the parts of an installation. Group names are those of the processes, where they were changed."""

    site: str | None = Field(None, description="Site to work on; the only Site of the cluster when left out.")
    hono_registry_url: str | None = Field(None, description="Base URL of Hono's device registry, with /v1.")
    hono_registry_user: str | None = Field(None, description="User for basic authentication at the registry.")
    hono_registry_password: SecretStr | None = Field(None, description="Password at the registry.")
    ditto_devops_user: str | None = Field(
        None, description="User for Ditto's connections API, where it asks for another than things do."
    )
    ditto_devops_password: SecretStr | None = Field(None, description="Password of that user.")
    health_urls: dict[str, str] = Field(
        default_factory=dict,
        description='Health addresses of processes by name, as JSON: {"historian": "http://127.0.0.1:9000"}. Asked '
        "why a process is not ready.",
    )
    bridge_group: str = Field("racktwin-hono-bridge", description="Consumer group of hono_bridge.")
    ingest_group: str = Field("racktwin-ingest", description="Consumer group of ingest.")
    historian_group: str = Field("racktwin-historian", description="Consumer group of the historian.")


def use_stack(name: str, environment: MutableMapping[str, str]) -> None:
    """Put the settings of a local stack into the environment; what is set there already stays.

    Raises:
        Failure: there is no such stack.
    """
    # Where there is no local stack, nothing of it is needed.
    from local_stack import Stack, paths  # noqa: PLC0415

    start = f"start it: python -m local_stack --stack {name} up"
    # Opening a stack would make one of that name.
    if not (paths.home() / "stacks" / name).is_dir():
        raise Failure(f"stack {name!r}: there is none of that name here", start)
    try:
        stack = Stack(name)
        values = {**stack.user_env(), "RACKTWIN_HEALTH_URLS": json.dumps(stack.endpoints()["health"])}
    except (ValueError, RuntimeError, OSError) as error:
        raise Failure(f"stack {name!r}: {one_line(error)}", start) from error
    for key, value in values.items():
        environment.setdefault(key, value)
    # A kubeconfig that the person uses for another cluster must not win over the stack that was named.
    environment["KUBECONFIG"] = values["KUBECONFIG"]


def load() -> Installation:
    """Settings from the environment.

    Raises:
        Failure: one of them is wrong.
    """
    try:
        return Installation()
    except ValidationError as error:
        problems = "; ".join(
            f"RACKTWIN_{'.'.join(str(part) for part in item['loc']).upper()}: {item['msg']}" for item in error.errors()
        )
        raise Failure(f"settings: {problems}", "set what is named, or name a local stack with --stack") from error
