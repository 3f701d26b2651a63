"""A TwinModel's training Jobs: begins them, reads how they ended, keeps the newest, removes the others.

Why a Job was begun stands on the Job itself, so that an operator that dies between making it and saying so begins no
second one.
"""

from __future__ import annotations

from typing import Any, Final

from rack_operator.api import GROUP
from rack_operator.api.twin_model import TwinModelSpec
from rack_operator.clients.kube import JOBS, PODS
from rack_operator.desired.model import LABEL_TWIN_MODEL, job_name, seed_of, training_job
from rack_operator.desired.ownership import Owner
from rack_operator.desired.placement import placed
from rack_operator.desired.rotation import rfc3339
from rack_operator.desired.trust import with_trust
from rack_operator.reconcile.diff import contains
from rack_operator.reconcile.surroundings import Surroundings

JsonObject = dict[str, Any]
_NOTES: Final = {name: f"{GROUP}/training-{name.lower()}" for name in ("reason", "asked", "fingerprint", "startedAt")}


class Trainings:
    """The Jobs of TwinModels."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    async def newest(self, owner: Owner, known: JsonObject) -> JsonObject:
        """The newest training, as the status shows it: of its Job, or without one as it was `known`."""
        jobs = await self._jobs(owner)
        if not jobs:
            return dict(known)
        *older, newest = sorted(jobs, key=lambda job: _note(job, "startedAt"))
        for job in older:
            await self._around.kube.delete(JOBS, owner.namespace, job["metadata"]["name"])
        found = {name: _note(newest, name) for name in _NOTES} | {"job": newest["metadata"]["name"]}
        ends = [c for c in (newest.get("status") or {}).get("conditions") or () if c.get("status") == "True"]
        end = next((c for c in ends if c["type"] in ("Complete", "Failed")), None)
        if end is None:
            found["result"] = "Running"
        else:
            found["result"] = "Succeeded" if end["type"] == "Complete" else "Failed"
            found["message"] = str(end.get("message") or "")[:500]
            found["endedAt"] = str(end.get("lastTransitionTime") or "")
            if known.get("job") == found["job"] and known.get("result") == found["result"]:
                # What was said at its end stays said.
                found |= {name: known.get(name, "") for name in ("endedAt", "message")}
            elif found["result"] == "Failed":
                # Kubernetes says that it failed; why, the training said itself.
                found["message"] = await self._last_words(owner, found["job"]) or found["message"]
        return {name: text for name, text in found.items() if text}

    async def begin(
        self, spec: TwinModelSpec, owner: Owner, *, reason: str, asked: str, fingerprint: str
    ) -> JsonObject:
        """Makes a Job; the training as the status shows it."""
        now = self._around.clock()
        name = job_name(owner, now)
        notes = {"reason": reason, "asked": asked, "fingerprint": fingerprint, "startedAt": rfc3339(now)}
        pods = self._around.pods
        job = training_job(spec, owner, pods, name, seed_of(reason, now))
        job = placed(with_trust(job, pods), pods.placement)
        job["metadata"]["annotations"] = {_NOTES[key]: text for key, text in notes.items()}
        await self._around.kube.create(JOBS, job)
        return {key: text for key, text in notes.items() if text} | {"job": name, "result": "Running"}

    async def remove(self, owner: Owner) -> None:
        """Deletes them all."""
        for job in await self._jobs(owner):
            await self._around.kube.delete(JOBS, owner.namespace, job["metadata"]["name"])

    async def _last_words(self, owner: Owner, job: str) -> str:
        """The last line of the newest of a Job's pods that ended; empty where there is none."""
        said = {}
        async for pod in self._around.kube.items(PODS, owner.namespace, labels=f"batch.kubernetes.io/job-name={job}"):
            for container in (pod.get("status") or {}).get("containerStatuses") or ():
                ended = (container.get("state") or {}).get("terminated") or {}
                # What a pod left may be blank lines alone.
                lines = str(ended.get("message") or "").strip().splitlines()
                if lines:
                    said[str(ended.get("finishedAt") or "")] = lines[-1][:500]
        return said[max(said)] if said else ""

    async def _jobs(self, owner: Owner) -> list[JsonObject]:
        labels = f"{LABEL_TWIN_MODEL}={owner.name}"
        found = self._around.kube.items(JOBS, owner.namespace, labels=labels)
        return [job async for job in found if contains(job["metadata"].get("labels") or {}, owner.labels())]


def _note(job: JsonObject, name: str) -> str:
    return str((job["metadata"].get("annotations") or {}).get(_NOTES[name]) or "")
