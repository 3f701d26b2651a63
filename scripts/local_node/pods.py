"""A pod: the containers of one template, with its volumes, started and stopped together. Driven by `tick`."""

import dataclasses
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from local_node import volumes
from local_node.backoff import Backoff
from local_node.container import Container
from local_node.environment import Lookup, resolve, rewrite_paths
from local_node.templates import ContainerSpec, PodTemplate


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What every pod is given by the node."""

    folder: Path
    logs: Path
    backoff: Backoff
    pool: Executor
    lookup: Callable[[str], Lookup]
    """Namespace -> look-up of its ConfigMaps and Secrets."""
    shared: Path | None = None
    """A folder that no mount hides, even one it lies below (a stack's home in /tmp)."""


class Pod:
    """One pod of a workload."""

    def __init__(
        self, namespace: str, workload: str, template: PodTemplate, node: Surroundings, *, restart: bool
    ) -> None:
        """Nothing runs before the first `tick`."""
        # Letters and digits as a ReplicaSet's pods have them; unique among this node's pods.
        self.name = f"{workload}-{template.digest}-{secrets.token_hex(3)}"
        self.template = template
        self._namespace = namespace
        self._node = node
        self._folder = node.folder / namespace / self.name
        self._stopping = False
        self.containers = [
            Container(
                spec,
                node.logs / namespace / workload / f"{spec.name}.log",
                node.backoff,
                node.pool,
                self._preparation(spec),
                restart=restart,
            )
            for spec in template.containers
        ]

    def _preparation(self, spec: ContainerSpec) -> Callable[[], tuple[Sequence[str], Mapping[str, str]]]:
        def prepare() -> tuple[Sequence[str], Mapping[str, str]]:
            lookup = self._node.lookup(self._namespace)
            # At each start: a container that waits for a missing ConfigMap finds it the next time.
            places = volumes.lay_out(self._folder, self.template.volumes, lookup)
            points = volumes.mount_points(spec.mounts, places)
            if self._node.shared is not None:
                points[str(self._node.shared)] = self._node.shared
            fields = {"metadata.name": self.name, "metadata.namespace": self._namespace, "status.podIP": "127.0.0.1"}
            environment = resolve(spec.env, spec.env_from, lookup, fields)
            environment = {key: rewrite_paths(value, points) for key, value in environment.items()}
            command = [rewrite_paths(part, points) for part in spec.command]
            return command, {"HOSTNAME": self.name, **environment}

        return prepare

    @property
    def ready(self) -> bool:
        """Whether all containers are ready and it is not being stopped."""
        return not self._stopping and all(container.ready for container in self.containers)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping

    @property
    def gone(self) -> bool:
        """Whether it was asked to stop and no process is left."""
        return self._stopping and not any(container.running for container in self.containers)

    @property
    def finished(self) -> bool:
        """Whether every container has ended for good."""
        return all(container.finished for container in self.containers)

    @property
    def succeeded(self) -> bool:
        """Whether every container ended with 0."""
        return self.finished and all(container.exit_code == 0 for container in self.containers)

    @property
    def problem(self) -> str:
        """What is wrong with it, for the status; empty when nothing is."""
        return "; ".join(f"{c.spec.name}: {c.problem}" for c in self.containers if c.problem and not c.ready)

    @property
    def restarts(self) -> int:
        """How often its containers were started again."""
        return sum(container.restarts for container in self.containers)

    def tick(self, now: float) -> None:
        """Let every container go on."""
        for container in self.containers:
            container.tick(now)
        if self.gone or self.finished:
            shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self, now: float) -> None:
        """Ask all processes to end."""
        self._stopping = True
        for container in self.containers:
            container.stop(now, self.template.grace_s)

    def kill(self) -> None:
        """End all processes at once."""
        self._stopping = True
        for container in self.containers:
            container.kill()
