"""What a pod template asks for, as plain values. Pure; next: `environment`, `volumes`, `container`."""

import dataclasses
import hashlib
import json
from typing import Any

Json = dict[str, Any]

_DEFAULT_GRACE_S = 30.0


@dataclasses.dataclass(frozen=True)
class Probe:
    """An HTTP probe. The port is not kept: here every container has one health port, which local_node chooses."""

    path: str
    period_s: float
    timeout_s: float
    failures: int


@dataclasses.dataclass(frozen=True)
class ContainerSpec:
    """One container."""

    name: str
    command: tuple[str, ...]
    env: tuple[Json, ...]
    env_from: tuple[Json, ...]
    mounts: tuple[Json, ...]
    startup: Probe | None
    liveness: Probe | None
    readiness: Probe | None
    tells_its_end: bool = False
    """Whether the end of its log says why it failed (terminationMessagePolicy)."""


@dataclasses.dataclass(frozen=True)
class PodTemplate:
    """A pod template with a digest that changes when the pods must be replaced."""

    digest: str
    containers: tuple[ContainerSpec, ...]
    volumes: tuple[Json, ...]
    grace_s: float
    """Time between TERM and KILL."""


class UnsupportedError(Exception):
    """The template asks for something that a process on this machine cannot give; the text names it."""


def repository(image: str) -> str:
    """An image's name without tag and digest; a registry's port is no tag."""
    name = image.partition("@")[0]
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


def is_ours(template: Json, image: str) -> bool:
    """Whether every container of a pod template uses our image."""
    containers = template.get("spec", {}).get("containers") or []
    return bool(containers) and all(repository(c.get("image", "")) == repository(image) for c in containers)


def template_digest(template: Json) -> str:
    """Ten hexadecimal digits over the whole template, annotations included: a changed checksum rolls the pods."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def _probe(definition: Json | None) -> Probe | None:
    if not definition:
        return None
    if "httpGet" not in definition:
        raise UnsupportedError("a probe that is not httpGet")
    return Probe(
        path=definition["httpGet"].get("path", "/"),
        period_s=float(definition.get("periodSeconds", 10)),
        timeout_s=float(definition.get("timeoutSeconds", 1)),
        failures=int(definition.get("failureThreshold", 3)),
    )


def _container(definition: Json) -> ContainerSpec:
    command = (*(definition.get("command") or ()), *(definition.get("args") or ()))
    if not definition.get("command"):
        raise UnsupportedError(
            f"container {definition.get('name')}: no command (an image's own entry point is not known here)"
        )
    return ContainerSpec(
        name=definition["name"],
        command=command,
        env=tuple(definition.get("env") or ()),
        env_from=tuple(definition.get("envFrom") or ()),
        mounts=tuple(definition.get("volumeMounts") or ()),
        startup=_probe(definition.get("startupProbe")),
        liveness=_probe(definition.get("livenessProbe")),
        readiness=_probe(definition.get("readinessProbe")),
        tells_its_end=definition.get("terminationMessagePolicy") == "FallbackToLogsOnError",
    )


def parse(template: Json) -> PodTemplate:
    """Read a pod template as the API serves it.

    Raises:
        UnsupportedError: it has init containers, a container without a command, or a probe other than httpGet.
    """
    spec = template["spec"]
    if spec.get("initContainers"):
        raise UnsupportedError("init containers")
    return PodTemplate(
        digest=template_digest(template),
        containers=tuple(_container(definition) for definition in spec["containers"]),
        volumes=tuple(spec.get("volumes") or ()),
        grace_s=float(spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_S)),
    )
