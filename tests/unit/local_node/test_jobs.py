"""A Job's pods: run to the end, tried again after failures, counted over a restart of local_node."""

import dataclasses
from typing import Any, cast

from local_node.backoff import Backoff
from local_node.jobs import JobRunner, is_over, running_seconds
from local_node.pods import Pod
from local_node.templates import PodTemplate

T0 = "2026-01-01T00:00:00Z"


@dataclasses.dataclass
class FakePod:
    """A pod whose end the test decides."""

    finished: bool = False
    succeeded: bool = False
    stopping: bool = False
    ready: bool = True
    problem: str = ""

    @property
    def gone(self) -> bool:
        return self.stopping

    def tick(self, now: float) -> None:
        """Nothing happens by itself."""

    def stop(self, now: float) -> None:
        self.stopping = True


class Pods:
    """Makes fake pods and keeps them."""

    def __init__(self) -> None:
        self.made: list[FakePod] = []

    def __call__(self, namespace: str, workload: str, template: PodTemplate) -> Pod:
        self.made.append(FakePod())
        return cast(Pod, self.made[-1])


def job(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "m", "image": "racktwin/racktwin", "command": ["x"]}]}}
    return {
        "metadata": {"name": "j", "namespace": "n"},
        "spec": {"template": template, **spec},
        "status": status or {},
    }


def runner(item: dict[str, Any], pods: Pods) -> JobRunner:
    return JobRunner(item, pods, Backoff(1.0, 10.0))


def test_one_pod_runs_and_its_success_completes_the_job() -> None:
    pods, item = Pods(), job()
    work = runner(item, pods)
    status = work.tick(item, 0.0, T0)
    assert status is not None
    assert (status["active"], len(pods.made)) == (1, 1)
    pods.made[0].finished = pods.made[0].succeeded = True
    status = work.tick(item, 1.0, T0)
    assert status is not None
    assert status["succeeded"] == 1
    assert is_over({**item, "status": status})
    assert work.tick({**item, "status": status}, 2.0, T0) is None


def test_failures_are_tried_again_after_a_pause_up_to_the_limit() -> None:
    pods, item = Pods(), job(backoffLimit=1)
    work = runner(item, pods)
    work.tick(item, 0.0, T0)
    pods.made[0].finished, pods.made[0].problem = True, "m: exited with 3"
    work.tick(item, 1.0, T0)
    work.tick(item, 1.5, T0)
    assert len(pods.made) == 1
    work.tick(item, 2.0, T0)
    assert len(pods.made) == 2
    pods.made[1].finished, pods.made[1].problem = True, "m: exited with 3"
    status = work.tick(item, 3.0, T0)
    assert status is not None
    assert status["failed"] == 2
    assert status["conditions"][-1]["reason"] == "BackoffLimitExceeded"


def test_parallelism_and_completions() -> None:
    pods, item = Pods(), job(parallelism=2, completions=3)
    work = runner(item, pods)
    work.tick(item, 0.0, T0)
    assert len(pods.made) == 2
    pods.made[0].finished = pods.made[0].succeeded = True
    work.tick(item, 1.0, T0)
    assert len(pods.made) == 3
    pods.made[1].finished = pods.made[1].succeeded = True
    work.tick(item, 2.0, T0)
    assert len(pods.made) == 3


def test_failures_count_over_a_restart() -> None:
    pods, item = Pods(), job({"failed": 1, "startTime": T0}, backoffLimit=1)
    work = runner(item, pods)
    work.tick(item, 0.0, T0)
    pods.made[0].finished = True
    status = work.tick(item, 1.0, T0)
    assert status is not None
    assert status["failed"] == 2


def test_a_suspended_job_runs_nothing() -> None:
    pods, item = Pods(), job(suspend=True)
    runner(item, pods).tick(item, 0.0, T0)
    assert pods.made == []


def test_time_runs_from_the_start_time() -> None:
    assert running_seconds(job(), T0) == 0
    assert running_seconds(job({"startTime": T0}), "2026-01-01T00:01:30Z") == 90
