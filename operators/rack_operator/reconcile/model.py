"""Reconciles one TwinModel: its runners, by how far they are behind; its trainings, when they are due; its conditions.

What is trained, promoted, drifting or pausing stands in the model registry, which is only read here. Called by
`controller`; asks to be called again soon, since the registry wakes nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from pydantic import ValidationError

from rack_operator.api.twin_model import TwinModelSpec
from rack_operator.clients.http import DependencyError
from rack_operator.clients.registry import ModelRegistry, Standing
from rack_operator.desired.deployment import deployment_name
from rack_operator.desired.model import consumer_group, fingerprint, model_name, runner, training_due
from rack_operator.desired.ownership import ANNOTATION_TRAIN, FINALIZER, Owner
from rack_operator.desired.rotation import rfc3339
from rack_operator.desired.scaling import Scaler
from rack_operator.desired.schedule import parse
from rack_operator.reconcile.conditions import READY, NotReadyError, Verdict, condition_true, conditions
from rack_operator.reconcile.publish import (
    add_finalizer,
    first_problem,
    owner_of,
    publish_refusal,
    publish_status,
    remove_finalizer,
)
from rack_operator.reconcile.runners import artifact_of, demand_runners, ensure_runners, remove_runners
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from rack_operator.reconcile.trainings import Trainings
from rack_operator.reconcile.withdrawal import runs, withdraw
from racktwin import names

JsonObject = dict[str, Any]
_log = structlog.get_logger(__name__)
# How often the registry, the lag and a training's Job are looked at.
LOOK_S: Final = 10.0
# How long a deletion waits for what the model said to be off all twins; what is left then expires.
_LEAVING_MS: Final = 60_000
# Of `spec.artifact.version`: the one that was promoted last.
CURRENT: Final = "current"


@dataclass(frozen=True)
class _Found:
    """What is known of the model: where it stands, the version that is to serve ("" for none), and the checksum of the
    ConfigMap that it comes from ("" for the registry)."""

    standing: Standing
    version: str
    checksum: str


class ModelReconciler:
    """Runs TwinModels. `registry` is None where the operator was not told of one: then ConfigMaps alone serve.

    `later` asks for another pass over a resource after so many seconds.
    """

    def __init__(
        self,
        around: Surroundings,
        store: Store,
        registry: ModelRegistry | None,
        later: Callable[[Key, float], None] = lambda _key, _s: None,
    ) -> None:
        self._around = around
        self._store = store
        self._registry = registry
        self._later = later
        self._scaler = Scaler()
        self._trainings = Trainings(around)
        # Suspended ones of which nothing stands on twins any more.
        self._silent: set[Key] = set()
        # Deleted ones without runners -> since when (epoch ms) what they said is taken off.
        self._leaving: dict[Key, int] = {}

    async def reconcile(self, key: Key) -> bool:
        """One pass; True when all is as desired, False when it should be tried again.

        Raises `DependencyError` when the Kubernetes API fails.
        """
        body = self._store.get(key)
        if body is None:
            return True
        owner = owner_of(key, body)
        if body["metadata"].get("deletionTimestamp"):
            return await self._tear_down(key, body, owner)
        try:
            spec = TwinModelSpec.model_validate(body["spec"])
            if spec.training is not None and spec.training.schedule:
                parse(spec.training.schedule)
        except (ValidationError, ValueError) as error:
            problem = first_problem(error)
            await publish_refusal(self._around, self._store, key, body, reason="SpecInvalid", message=problem)
            return False
        site = self._store.get(Key("Site", key.namespace, spec.site))
        if site is None or not condition_true(site, "TopicsReady"):
            problem = f"Site {spec.site} in namespace {key.namespace} is not there, or has no topics yet"
            await publish_refusal(self._around, self._store, key, body, reason="SiteNotReady", message=problem)
            return False
        if not await add_finalizer(self._around.kube, self._store, key, body):
            return False
        self._later(key, LOOK_S)
        try:
            return await self._make(key, body, owner, spec)
        except DependencyError as error:
            if error.dependency == "Kubernetes":
                raise
            await publish_refusal(self._around, self._store, key, body, reason=error.reason, message=str(error))
            return False

    async def _make(self, key: Key, body: JsonObject, owner: Owner, spec: TwinModelSpec) -> bool:
        before = body.get("status") or {}
        verdicts: dict[str, Verdict] = {}
        try:
            found = await self._found(owner, spec)
        except NotReadyError as error:
            found = _Found(Standing(), "", "")
            verdicts["Trained"] = Verdict("False", error.reason, str(error))
        state = found.standing.state
        if state is not None and state.version != found.version:
            state = None
        # A version that was asked for stays: no training helps it.
        drifts = state is not None and state.drifting and spec.artifact.version == CURRENT
        training = await self._train(body, owner, spec, found, drifting=drifts)
        verdicts.setdefault("Trained", trained(found.standing, found.checksum != "", found.version, training))
        verdicts["Promoted"] = promoted(found.standing, found.checksum != "", spec.artifact.version, found.version)
        status: JsonObject = {"version": found.version, "deployment": deployment_name(owner.name), "training": training}
        if found.standing.newest is not None:
            status["newestVersion"] = found.standing.newest.version
        verdicts["Serving"] = await self._serve(owner, spec, found, before=before, status=status)
        verdicts["Drifting"] = drifting(state, from_config_map=found.checksum != "")
        verdicts["Paused"] = paused(state, suspended=spec.suspend)
        if verdicts["Serving"].status == "True" and verdicts["Paused"].status == "True":
            verdicts["Serving"] = Verdict("False", "Paused", verdicts["Paused"].message)
        if state is not None:
            status |= {"skill": state.skill, "coverage": state.coverage}
        serving = verdicts["Serving"]
        verdicts[READY] = serving
        generation = body["metadata"]["generation"]
        made = conditions(verdicts, before.get("conditions") or [], generation, self._around.now())
        full = {key_: value for key_, value in status.items() if value is not None}
        full |= {"observedGeneration": generation, "conditions": made}
        await publish_status(self._around, self._store, key, body, full)
        # What waits for a promotion, a person or a training is looked at again in its own time.
        return serving.status == "True" or serving.reason in ("NoVersion", "Paused", "Suspended")

    async def _found(self, owner: Owner, spec: TwinModelSpec) -> _Found:
        config_map, standing, version = spec.artifact.config_map, Standing(), ""
        if self._registry is not None:
            version = spec.artifact.version
            standing = await self._registry.standing(
                model_name(spec, owner.name),
                consumer_group(spec.site, owner.name),
                None if version == CURRENT else version,
            )
            if version == CURRENT:
                version = standing.pointer.version if standing.pointer is not None else ""
        if version:
            return _Found(standing, version, "")
        if config_map is not None:
            artifact, checksum = await artifact_of(self._around, owner.name, config_map, owner.namespace)
            return _Found(standing, _version_in(artifact), checksum)
        if self._registry is None:
            raise NotReadyError("NoRegistry", "the operator was not told of a registry (RACKTWIN_REGISTRY_URL)")
        return _Found(standing, "", "")

    async def _train(
        self, body: JsonObject, owner: Owner, spec: TwinModelSpec, found: _Found, *, drifting: bool
    ) -> JsonObject:
        """The newest training, begun now if one is due."""
        known = await self._trainings.newest(owner, (body.get("status") or {}).get("training") or {})
        outcome = found.standing.outcome
        if known.get("result") == "Succeeded" and outcome is not None and outcome.at >= _epoch_ms(known["startedAt"]):
            known["message"] = f"version {outcome.version}: {outcome.reason}"[:500]
        if known.get("result") == "Running" or self._registry is None:
            return known
        asked = (body["metadata"].get("annotations") or {}).get(ANNOTATION_TRAIN, "")
        # What is new was not due before it was there.
        since = _epoch_ms(body["metadata"].get("creationTimestamp") or "")
        reason = training_due(
            spec,
            known,
            asked=asked,
            trained=found.standing.newest is not None or found.version != "",
            drifting=drifting,
            last_ms=max(_epoch_ms(known.get("startedAt", "")), _created(found.standing), since),
            now_ms=self._around.clock(),
        )
        if not reason:
            return known
        return await self._trainings.begin(spec, owner, reason=reason, asked=asked, fingerprint=fingerprint(spec))

    async def _serve(
        self, owner: Owner, spec: TwinModelSpec, found: _Found, *, before: JsonObject, status: JsonObject
    ) -> Verdict:
        """Runners, as many as are wanted; whether they serve."""
        if not found.version:
            return Verdict("False", "NoVersion", "no version serves yet: see Trained and Promoted")
        wanted = await self._wanted(owner, spec, before=before, status=status)
        status["replicas"] = wanted
        try:
            await ensure_runners(self._around, runner(spec, owner, wanted, found.checksum), owner)
            if spec.suspend:
                await self._silence(owner)
                return Verdict("False", "Suspended", "spec.suspend")
            self._silent.discard(Key("TwinModel", owner.namespace, owner.name))
            status["readyReplicas"] = await demand_runners(self._around, owner.name, wanted, owner)
        except NotReadyError as error:
            return Verdict("False", error.reason, str(error)[:1000])
        refusal = found.standing.refusal
        if refusal is not None and refusal.version == found.version:
            message = f"version {refusal.version}: {refusal.reason}; the one before goes on serving"
            return Verdict("False", "ModelRefused", message[:1000])
        return Verdict("True", "Serving", f"version {found.version}, {wanted} runners")

    async def _wanted(self, owner: Owner, spec: TwinModelSpec, *, before: JsonObject, status: JsonObject) -> int:
        if spec.suspend:
            return 0
        limits = spec.replicas
        lag = None
        if limits.max > limits.min:
            topic = names.own_topic("readings", spec.site)
            lag = await self._around.topics.lag(topic, consumer_group(spec.site, owner.name))
            status["lag"] = lag
        return self._scaler.decide(
            (owner.namespace, owner.name),
            lag,
            int(before.get("replicas") or limits.min),
            self._around.clock(),
            least=limits.min,
            most=limits.max,
            each=limits.lag_per_replica,
        )

    async def _silence(self, owner: Owner) -> None:
        """Takes off the twins what a suspended model said, once its runners have ended, until nothing is left of it."""
        key = Key("TwinModel", owner.namespace, owner.name)
        if key in self._silent or await runs(self._around, owner):
            return
        if await self._withdraw(key) == 0:
            self._silent.add(key)

    async def _withdraw(self, key: Key) -> int | None:
        """How many things something was taken off; None where Ditto failed. Nothing waits for it: it expires."""
        try:
            return await withdraw(self._around, self._store, key, (self._store.get(key) or {})["spec"])
        except DependencyError as error:
            if error.dependency == "Kubernetes":
                raise
            _log.warning("what the model said stands until it expires", model=key.name, error=str(error))
            return None

    async def _tear_down(self, key: Key, body: JsonObject, owner: Owner) -> bool:
        if FINALIZER not in (body["metadata"].get("finalizers") or []):
            return True
        self._scaler.forget((key.namespace, key.name))
        await self._trainings.remove(owner)
        await remove_runners(self._around, deployment_name(owner.name), owner)
        if await runs(self._around, owner):
            return False
        # What the runners wrote last comes through Kafka, and things are found a moment after that: until nothing is
        # left. No deletion is held up for long by somebody else who goes on writing it.
        began = self._leaving.setdefault(key, self._around.clock())
        if await self._withdraw(key) and self._around.clock() - began < _LEAVING_MS:
            return False
        del self._leaving[key]
        self._silent.discard(key)
        return await remove_finalizer(self._around.kube, self._store, key, body)


def trained(standing: Standing, from_config_map: bool, version: str, training: JsonObject) -> Verdict:
    """Whether there is a version at all."""
    if from_config_map:
        return Verdict("True", "FromConfigMap", f"version {version}, as the ConfigMap holds it")
    newest = standing.newest
    if newest is not None:
        told = str(newest.training.get("description") or "")
        return Verdict(
            "True", "Trained", f"version {newest.version} of {rfc3339(newest.created)}. {told}".strip()[:1000]
        )
    if training.get("result") == "Running":
        return Verdict("Unknown", "Training", f"Job {training['job']} trains it")
    if training.get("result") == "Failed":
        return Verdict("False", "TrainingFailed", str(training.get("message") or "see its Job"))
    return Verdict("False", "NotTrained", "the registry has no version of it: set spec.training, or publish one")


def promoted(standing: Standing, from_config_map: bool, wanted: str, version: str) -> Verdict:
    """Whether a version may serve, and why the newest may not."""
    if from_config_map:
        return Verdict("True", "FromConfigMap", "what the ConfigMap holds serves")
    outcome, pointer = standing.outcome, standing.pointer
    serves = outcome is not None and pointer is not None and outcome.version == pointer.version
    refused = ""
    if outcome is not None and not outcome.promoted and not serves:
        refused = f"version {outcome.version} does not serve: {outcome.reason}"
    if wanted != CURRENT:
        return Verdict("True", "Pinned", f"version {version} was asked for")
    if pointer is None:
        return Verdict("False", "GateNotPassed" if refused else "NotPromoted", refused or "no version was promoted yet")
    newest = pointer.history[-1] if pointer.history else None
    said = f"version {pointer.version}" + (f" by {newest.by}: {newest.reason}" if newest is not None else "")
    return Verdict("True", "Promoted", "; ".join(filter(None, (said, refused)))[:1000])


def drifting(state: Any, *, from_config_map: bool) -> Verdict:
    """Whether what serves is no longer what its card promised."""
    if from_config_map:
        where = "how it does stands on the site's twin (feature model.<name>), held against persistence alone"
        return Verdict("Unknown", "FromConfigMap", f"no registry holds its promise, so it never pauses; {where}")
    if state is None:
        return Verdict("Unknown", "NotScored", "no predictions of the version that serves were scored yet")
    if state.drifting:
        return Verdict("True", "InputsMoved" if state.inputs and not state.count else "Drifting", state.reason[:1000])
    scored = f"{state.count} predictions scored" + (f", skill {state.skill:.2f}" if state.skill is not None else "")
    return Verdict("False", "AsPromised", scored)


def paused(state: Any, *, suspended: bool) -> Verdict:
    """Whether nothing is predicted on purpose."""
    if suspended:
        return Verdict("True", "Suspended", "spec.suspend")
    if state is not None and state.paused:
        return Verdict("True", "WorseThanPersistence", f"{state.reason[:900]}; `racktwin models resume` lets it go on")
    return Verdict("False", "NotPaused", "it predicts")


def _version_in(artifact: JsonObject) -> str:
    try:
        manifest = msgspec.json.decode((artifact.get("data") or {}).get("model.json", "{}"))
    except msgspec.DecodeError:
        manifest = {}
    # A manifest that cannot be read is for the runner to refuse, with its reason.
    return str(manifest.get("version") or "unknown")[:12] if isinstance(manifest, dict) else "unknown"


def _created(standing: Standing) -> int:
    return standing.newest.created if standing.newest is not None else 0


def _epoch_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) if text else 0
