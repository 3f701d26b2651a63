"""Keeps the pods of one Deployment as many and as new as it asks for. Decisions are pure (`plan`); next: `pods`."""

import dataclasses
from collections.abc import Callable

from local_node.pods import Pod
from local_node.status import Counts, deployment_status
from local_node.templates import Json, PodTemplate, UnsupportedError, parse


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many pods to start, and to stop of each kind."""

    start: int
    stop_new: int
    stop_old: int


def plan(desired: int, new: int, new_ready: int, old: int, *, recreate: bool) -> Plan:
    """What to do about `new` pods (of the current template) and `old` ones.

    Rolling: one more than desired may exist; an old pod goes when a new one is ready in its place. Recreate: first
    all old ones go.
    """
    stop_new = max(0, new - desired)
    if recreate:
        return Plan(0 if old else max(0, desired - new), stop_new, old)
    room = desired + 1 - new - old
    start = max(0, min(desired - new, room if old else desired - new))
    return Plan(start, stop_new, max(0, old - max(0, desired - new_ready)))


class DeploymentRunner:
    """The pods of one Deployment."""

    def __init__(self, make_pod: Callable[[str, str, PodTemplate], Pod]) -> None:
        """`make_pod` gets (namespace, name, template)."""
        self.pods: list[Pod] = []
        self._make_pod = make_pod

    def tick(self, deployment: Json, now: float, timestamp: str) -> Json:
        """Go on towards what the Deployment asks for; return its status."""
        metadata, spec = deployment["metadata"], deployment["spec"]
        desired = spec.get("replicas", 1)
        try:
            template = parse(spec["template"])
        except UnsupportedError as error:
            self.stop(now)
            self._tick_pods(now)
            return deployment_status(deployment, Counts(0, 0, 0), f"local_node cannot run this: {error}", timestamp)
        self._tick_pods(now)
        live = [pod for pod in self.pods if not pod.stopping]
        new = [pod for pod in live if pod.template.digest == template.digest]
        old = [pod for pod in live if pod.template.digest != template.digest]
        recreate = (spec.get("strategy") or {}).get("type") == "Recreate"
        # With Recreate an old pod counts until its processes are gone.
        lingering = sum(1 for pod in self.pods if pod.stopping and pod.template.digest != template.digest)
        step = plan(
            desired,
            len(new),
            sum(pod.ready for pod in new),
            len(old) + (lingering if recreate else 0),
            recreate=recreate,
        )
        for pod in sorted(new, key=lambda pod: pod.ready)[: step.stop_new]:
            pod.stop(now)
        for pod in sorted(old, key=lambda pod: pod.ready)[: step.stop_old]:
            pod.stop(now)
        for _ in range(step.start):
            self.pods.append(self._make_pod(metadata["namespace"], metadata["name"], template))
        live = [pod for pod in self.pods if not pod.stopping]
        updated = [pod for pod in live if pod.template.digest == template.digest]
        counts = Counts(len(live), len(updated), sum(pod.ready for pod in live))
        problem = "; ".join(sorted({pod.problem for pod in live if pod.problem}))
        return deployment_status(deployment, counts, problem, timestamp)

    def _tick_pods(self, now: float) -> None:
        for pod in self.pods:
            pod.tick(now)
        self.pods = [pod for pod in self.pods if not pod.gone]

    def stop(self, now: float) -> None:
        """Ask all pods to stop."""
        for pod in self.pods:
            if not pod.stopping:
                pod.stop(now)

    def wind_down(self, now: float) -> bool:
        """Stop what is left; whether all is gone."""
        self.stop(now)
        self._tick_pods(now)
        return not self.pods
