"""The loop of local_node: compares what the API asks for with what runs, a few times a second, in the main thread.

The main thread matters: a process is tied to the thread that started it, and ends with it.
"""

import datetime as dt
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import Gauge

from local_node.api import Api
from local_node.backoff import Backoff
from local_node.deployments import DeploymentRunner
from local_node.jobs import JobRunner
from local_node.pods import Pod, Surroundings
from local_node.settings import NodeSettings
from local_node.status import differs
from local_node.templates import Json, PodTemplate, is_ours
from racktwin.process import Context

_PERIOD_S = 0.25
_RETRY_STATUS_S = 2.0

PODS = Gauge("racktwin_node_pods", "Pods that run now", ["kind"])


def timestamp() -> str:
    """Now, as Kubernetes writes times."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _all_gone(runners: list[DeploymentRunner | JobRunner]) -> bool:
    """Let every runner go on stopping; whether nothing is left. (`all` alone would stop at the first that is left.)"""
    left = [runner for runner in runners if not runner.wind_down(time.monotonic())]
    return not left


class Node:
    """All workloads of ours on this machine."""

    def __init__(self, settings: NodeSettings, context: Context, api: Api, changed: threading.Event) -> None:
        """`changed` is set when the API has something new."""
        self._image = settings.image
        self._context = context
        self._api = api
        self._changed = changed
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="probe")
        self._backoff = Backoff(settings.node_restart_s, settings.node_restart_max_s)
        # What an earlier run left here belongs to processes that are gone.
        folder = settings.node_dir.resolve() / "pods"
        shutil.rmtree(folder, ignore_errors=True)
        self._surroundings = Surroundings(
            folder=folder,
            logs=settings.node_log_dir.resolve(),
            backoff=self._backoff,
            pool=self._pool,
            lookup=api.lookup,
            shared=settings.node_shared_dir,
        )
        self._deployments: dict[str, DeploymentRunner] = {}
        self._jobs: dict[str, JobRunner] = {}
        self._tried: dict[str, tuple[str, float]] = {}

    def _keep_running(self, namespace: str, workload: str, template: PodTemplate) -> Pod:
        self._context.log.info("pod starts", namespace=namespace, workload=workload, template=template.digest)
        return Pod(namespace, workload, template, self._surroundings, restart=True)

    def _run_once(self, namespace: str, workload: str, template: PodTemplate) -> Pod:
        self._context.log.info("pod starts", namespace=namespace, workload=workload, template=template.digest)
        return Pod(namespace, workload, template, self._surroundings, restart=False)

    def run(self) -> None:
        """Work until the process is asked to stop, then stop all pods."""
        self._api.start()
        synced = False
        while not self._context.stop.is_set():
            self._context.health.heartbeat("reconcile", 60.0)
            if not synced and self._api.deployments.synced.is_set() and self._api.jobs.synced.is_set():
                synced = True
                self._context.health.set_ready(True)
            if synced:
                self._tick()
            self._changed.wait(_PERIOD_S)
            self._changed.clear()
        self._shut_down()

    def _tick(self) -> None:
        now, stamp = time.monotonic(), timestamp()
        deployments = {uid: d for uid, d in self._api.deployments.objects().items() if self._is_ours(d)}
        for uid, deployment in deployments.items():
            runner = self._deployments.setdefault(uid, DeploymentRunner(self._keep_running))
            self._report("Deployment", uid, deployment, runner.tick(deployment, now, stamp), now)
        for uid in [uid for uid in self._deployments if uid not in deployments]:
            if self._deployments[uid].wind_down(now):
                del self._deployments[uid]
        jobs = {uid: job for uid, job in self._api.jobs.objects().items() if self._is_ours(job)}
        for uid, job in jobs.items():
            job_runner = self._jobs.setdefault(uid, JobRunner(job, self._run_once, self._backoff))
            status = job_runner.tick(job, now, stamp)
            if status is not None:
                self._report("Job", uid, job, status, now)
        for uid in [uid for uid in self._jobs if uid not in jobs]:
            if self._jobs[uid].wind_down(now):
                del self._jobs[uid]
        PODS.labels("Deployment").set(sum(len(runner.pods) for runner in self._deployments.values()))
        PODS.labels("Job").set(sum(len(runner.pods) for runner in self._jobs.values()))

    def _is_ours(self, workload: Json) -> bool:
        return "deletionTimestamp" not in workload["metadata"] and is_ours(workload["spec"]["template"], self._image)

    def _report(self, kind: str, uid: str, item: Json, status: Json, now: float) -> None:
        """Write a status that differs, once per version of the object; a refused one again after a pause."""
        if not differs(item.get("status"), status):
            return
        version = item["metadata"]["resourceVersion"]
        tried = self._tried.get(uid)
        if tried is not None and tried[0] == version and now < tried[1]:
            return
        self._tried[uid] = (version, now + _RETRY_STATUS_S)
        self._api.write_status(kind, item, status)

    def _shut_down(self) -> None:
        """Stop all pods; kill what has not ended when its grace is over."""
        runners: list[DeploymentRunner | JobRunner] = [*self._deployments.values(), *self._jobs.values()]
        self._context.log.info("stopping pods", pods=sum(len(runner.pods) for runner in runners))
        deadline = time.monotonic() + 10.0
        while not _all_gone(runners):
            if time.monotonic() > deadline:
                for runner in runners:
                    for pod in runner.pods:
                        pod.kill()
                break
            time.sleep(0.05)
        self._pool.shutdown(wait=False, cancel_futures=True)
