"""Runs the pods of one Job to their end and counts. Next: `pods`."""

import datetime as dt
from collections.abc import Callable

from local_node.backoff import Backoff
from local_node.pods import Pod
from local_node.status import JobCounts, job_outcome, job_status
from local_node.templates import Json, PodTemplate, UnsupportedError, parse


def is_over(job: Json) -> bool:
    """Whether a Job's status already says that it is complete or failed."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(c["type"] in {"Complete", "Failed"} and c["status"] == "True" for c in conditions)


def running_seconds(job: Json, timestamp: str) -> float:
    """Seconds since the Job's start time; 0 before it has one."""
    start = (job.get("status") or {}).get("startTime")
    if not start:
        return 0.0
    return (dt.datetime.fromisoformat(timestamp) - dt.datetime.fromisoformat(start)).total_seconds()


class JobRunner:
    """The pods of one Job. Each failure makes a new pod after a pause, as a Job's controller does."""

    def __init__(self, job: Json, make_pod: Callable[[str, str, PodTemplate], Pod], backoff: Backoff) -> None:
        """Counts go on from the Job's status, so that a restart of local_node forgets no failure."""
        status = job.get("status") or {}
        self.pods: list[Pod] = []
        self._succeeded = int(status.get("succeeded") or 0)
        self._failed = int(status.get("failed") or 0)
        self._make_pod = make_pod
        self._backoff = backoff
        self._next_start = 0.0
        self._problem = ""

    def tick(self, job: Json, now: float, timestamp: str) -> Json | None:
        """Go on; return the Job's status, or None when it is over and needs nothing more."""
        if is_over(job):
            self.wind_down(now)
            return None
        spec = job["spec"]
        try:
            template = parse(spec["template"])
        except UnsupportedError as error:
            self._failed = spec.get("backoffLimit", 6) + 1
            self._problem = f"local_node cannot run this: {error}"
            template = None
        self._collect(now)
        counts = self._counts()
        outcome = job_outcome(job, counts, running_seconds(job, timestamp))
        if outcome is not None or spec.get("suspend"):
            self.stop(now)
        elif template is not None and now >= self._next_start:
            missing = (spec.get("completions") or 1) - self._succeeded - len(self.pods)
            room = spec.get("parallelism", 1) - len(self.pods)
            for _ in range(max(0, min(missing, room))):
                self.pods.append(self._make_pod(job["metadata"]["namespace"], job["metadata"]["name"], template))
            counts = self._counts()
        return job_status(job, counts, outcome, self._problem, timestamp)

    def _counts(self) -> JobCounts:
        active = [pod for pod in self.pods if not pod.stopping]
        return JobCounts(len(active), sum(pod.ready for pod in active), self._succeeded, self._failed)

    def _collect(self, now: float) -> None:
        for pod in self.pods:
            pod.tick(now)
            if pod.finished and not pod.stopping:
                if pod.succeeded:
                    self._succeeded += 1
                else:
                    self._failed += 1
                    self._problem = pod.problem
                    self._next_start = now + self._backoff.pause_s(self._failed)
        self.pods = [pod for pod in self.pods if not (pod.finished or pod.gone)]

    def stop(self, now: float) -> None:
        """Ask all pods to stop."""
        for pod in self.pods:
            if not pod.stopping:
                pod.stop(now)

    def wind_down(self, now: float) -> bool:
        """Stop what is left; whether all is gone."""
        self.stop(now)
        for pod in self.pods:
            pod.tick(now)
        self.pods = [pod for pod in self.pods if not pod.gone]
        return not self.pods
