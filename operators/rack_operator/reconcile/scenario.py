"""Reconciles one Scenario: makes its Job, waits for it, takes its summary into the status, tidies up.

A Scenario ends once, Done or Failed, and is then left alone until it is deleted. What a replay needs besides (a site
and racks of its own) are resources like any other, made and removed here, lived for by the other reconcilers. Called
by `controller`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from pydantic import ValidationError

from rack_operator.api.scenario import CaseResult, ScenarioSpec
from rack_operator.clients.http import DependencyError
from rack_operator.clients.influx import InfluxClient
from rack_operator.clients.kube import CONFIG_MAPS, COOLING_UNITS, JOBS, RACKS, SECRETS, SITES, Resource
from rack_operator.desired.ownership import FINALIZER, Owner, OwnerKind
from rack_operator.desired.placement import placed
from rack_operator.desired.scenario import (
    ScenarioAccess,
    access_secret,
    input_config_map,
    input_document,
    job,
    object_name,
    replay_children,
    replayed_site,
)
from rack_operator.desired.trust import with_trust
from rack_operator.reconcile.conditions import READY, Verdict, conditions, ready_of
from rack_operator.reconcile.publish import add_finalizer, first_problem, owner_of, publish_status, remove_finalizer
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from racktwin import names

JsonObject = dict[str, Any]
_OVER: Final = ("Done", "Failed")
_CHILD: Final[dict[OwnerKind, Resource]] = {"Rack": RACKS, "CoolingUnit": COOLING_UNITS, "Site": SITES}


class ScenarioReconciler:
    """Runs Scenarios. `influx` is None where the operator was not told of InfluxDB: then none can be run."""

    def __init__(
        self, around: Surroundings, store: Store, influx: InfluxClient | None, access: ScenarioAccess | None
    ) -> None:
        self._around = around
        self._store = store
        self._influx = influx
        self._access = access

    async def reconcile(self, key: Key) -> bool:
        """One pass; True when nothing is to be done until something changes, False to be tried again.

        Raises `DependencyError` when the Kubernetes API fails.
        """
        body = self._store.get(key)
        if body is None:
            return True
        owner = owner_of(key, body)
        if body["metadata"].get("deletionTimestamp"):
            return await self._tear_down(key, body, owner)
        status = body.get("status") or {}
        try:
            spec = ScenarioSpec.model_validate(body["spec"])
        except ValidationError as error:
            await self._end(key, body, {}, reason="SpecInvalid", message=first_problem(error))
            return True
        if status.get("phase") in _OVER:
            return await self._tidy(owner, spec)
        if self._influx is None or self._access is None:
            problem = "the operator was not told of InfluxDB (RACKTWIN_INFLUX_URL, RACKTWIN_INFLUX_TOKEN)"
            await self._say(key, body, {}, Verdict("False", "NoHistory", problem))
            return False
        if not await add_finalizer(self._around.kube, self._store, key, body):
            return False
        try:
            return await self._run(key, body, owner, spec)
        except DependencyError as error:
            if error.dependency == "Kubernetes":
                raise
            await self._say(key, body, {}, Verdict("Unknown", error.reason, str(error)))
            return False

    async def _run(self, key: Key, body: JsonObject, owner: Owner, spec: ScenarioSpec) -> bool:
        running = await self._around.kube.get(JOBS, key.namespace, object_name(owner.name))
        if running is None:
            return await self._begin(key, body, owner, spec)
        ends = {c["type"]: c for c in (running.get("status") or {}).get("conditions") or () if c["status"] == "True"}
        if "Complete" not in ends and "Failed" not in ends:
            details = {"job": object_name(owner.name), "bucket": names.scenario_bucket(spec.site)}
            await self._say(key, body, {**details, "phase": "Running"}, _RUNNING)
            return True
        assert self._influx is not None
        text = await self._influx.text(names.scenario_bucket(spec.site), owner.name, owner.uid, "summary")
        if text is None:
            why = (ends.get("Failed") or {}).get("message") or "it left no result"
            message = f"Job {object_name(owner.name)}: {why}; see its log"
            await self._end(key, body, {}, reason="JobFailed", message=message)
        else:
            await self._take(key, body, spec, msgspec.json.decode(text))
        # What is left over is removed by the reconcile that the new status asks for.
        return False

    async def _begin(self, key: Key, body: JsonObject, owner: Owner, spec: ScenarioSpec) -> bool:
        site = self._store.get(Key("Site", key.namespace, spec.site))
        if site is None or site["metadata"].get("deletionTimestamp"):
            message = f"there is no Site {spec.site} in namespace {key.namespace}"
            await self._say(key, body, {}, Verdict("False", "SiteNotFound", message))
            return False
        rooms = [room["name"] for room in site["spec"].get("rooms") or ()]
        if spec.room not in rooms:
            message = f"Site {spec.site} has no room {spec.room}; it has {', '.join(rooms)}"
            await self._end(key, body, {}, reason="RoomNotFound", message=message)
            return True
        racks, units = self._members("Rack", key, spec), self._members("CoolingUnit", key, spec)
        details: JsonObject = {"bucket": names.scenario_bucket(spec.site), "phase": "Pending"}
        if spec.replay is not None:
            details["replayedSite"] = replayed_site(spec.site, owner.name)
            waits = await self._ensure_children(replay_children(spec, owner, site, racks, units))
            if waits:
                await self._say(key, body, details, Verdict("Unknown", "WaitingForTwins", waits))
                return False
        assert self._access is not None
        room = await self._around.ditto.get_thing(names.thing_id(spec.site, "room", spec.room))
        document = input_document(spec, owner, site, racks, units)
        # What the room's twin was calibrated to, where it was.
        document["parameters"] = calibrated(room)
        kube = self._around.kube
        await kube.create(CONFIG_MAPS, input_config_map(owner, document))
        await kube.create(SECRETS, access_secret(owner, self._access))
        pods = self._around.pods
        await kube.create(JOBS, placed(with_trust(job(spec, owner, pods, self._access), pods), pods.placement))
        details |= {"phase": "Running", "job": object_name(owner.name), "startedAt": self._around.now()}
        await self._say(key, body, details, _RUNNING)
        return True

    def _members(self, kind: OwnerKind, key: Key, spec: ScenarioSpec) -> list[JsonObject]:
        found = []
        for member in self._store.members_of(key.namespace, spec.site):
            body = self._store.get(member) if member.kind == kind else None
            if body is not None and body["spec"].get("room") == spec.room:
                found.append(body)
        return found

    async def _ensure_children(self, children: list[JsonObject]) -> str:
        """Makes what is missing of a replay's own resources; says what is not ready yet."""
        waiting = []
        for child in children:
            name, namespace = child["metadata"]["name"], child["metadata"]["namespace"]
            held = self._store.get(Key(child["kind"], namespace, name))
            if held is None:
                await self._around.kube.create(_CHILD[child["kind"]], child)
            if held is None or ready_of(held)[0] != "True":
                waiting.append(f"{child['kind']} {name}")
        more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        return f"its own {', '.join(waiting[:3])}{more} are not ready yet" if waiting else ""

    async def _take(self, key: Key, body: JsonObject, spec: ScenarioSpec, summary: JsonObject) -> None:
        """Puts the Job's summary into the status."""
        details: JsonObject = {"baseTime": str(summary.get("baseTime") or "")}
        if summary.get("error"):
            await self._end(key, body, details, reason="CannotBeComputed", message=str(summary["error"]))
            return
        details["headline"] = str(summary.get("headline") or "")[:256]
        if spec.replay is not None:
            details["readings"] = int(summary.get("readings") or 0)
        else:
            cases = [CaseResult.model_validate(case) for case in summary.get("cases") or ()]
            details["cases"] = [case.model_dump(mode="json", by_alias=True, exclude_none=True) for case in cases]
        await self._end(key, body, details, reason="Done", message=details["headline"] or "done", good=True)

    async def _end(
        self, key: Key, body: JsonObject, details: JsonObject, *, reason: str, message: str, good: bool = False
    ) -> None:
        phase = "Done" if good else "Failed"
        more = {**details, "phase": phase, "completedAt": self._around.now()}
        await self._say(key, body, more, Verdict("True" if good else "False", reason, message[:1000]))

    async def _say(self, key: Key, body: JsonObject, details: JsonObject, verdict: Verdict) -> None:
        generation = body["metadata"]["generation"]
        before = body.get("status") or {}
        made = conditions({READY: verdict}, before.get("conditions") or [], generation, self._around.now())
        status = {"phase": "Pending", **before, **details, "observedGeneration": generation, "conditions": made}
        await publish_status(self._around, self._store, key, body, status)

    async def _tidy(self, owner: Owner, spec: ScenarioSpec) -> bool:
        """Once it is over: the token goes, and what a replay made, unless it is to be kept."""
        done = await self._delete(SECRETS, owner) in (True, False)
        if spec.replay is not None and not spec.replay.keep:
            return await self._remove_children(owner, spec) and done
        return done

    async def _remove_children(self, owner: Owner, spec: ScenarioSpec) -> bool:
        """True when nothing of a replay is left. Racks go first: they need their site to be removed in good order."""
        site = replayed_site(spec.site, owner.name)
        members = [key for key in self._store.members_of(owner.namespace, site) if key.kind in _CHILD]
        for member in members:
            await self._around.kube.delete(_CHILD[member.kind], owner.namespace, member.name)
        if members:
            return False
        if self._store.has(Key("Site", owner.namespace, site)):
            await self._around.kube.delete(SITES, owner.namespace, site)
            return False
        if self._influx is not None:
            try:
                await self._influx.remove_site(site)
            except DependencyError:
                return False
        return True

    async def _tear_down(self, key: Key, body: JsonObject, owner: Owner) -> bool:
        if FINALIZER not in (body["metadata"].get("finalizers") or []):
            return True
        for resource in (JOBS, CONFIG_MAPS, SECRETS):
            await self._delete(resource, owner)
        try:
            spec = ScenarioSpec.model_validate(body["spec"])
        except ValidationError:
            return await remove_finalizer(self._around.kube, self._store, key, body)
        if spec.replay is not None and not await self._remove_children(owner, spec):
            return False
        if self._influx is not None:
            try:
                await self._influx.forget_scenario(names.scenario_bucket(spec.site), owner.name)
            except DependencyError as error:
                # A scenario must be deletable without InfluxDB; what is left there expires.
                if error.status not in (0, 401, 404):
                    raise
        return await remove_finalizer(self._around.kube, self._store, key, body)

    async def _delete(self, resource: Resource, owner: Owner) -> bool:
        """Deletes the scenario's own object of this kind, if it is its own."""
        name = object_name(owner.name)
        found = await self._around.kube.get(resource, owner.namespace, name)
        if found is None or any(
            (found["metadata"].get("labels") or {}).get(label) != value for label, value in owner.labels().items()
        ):
            return False
        return await self._around.kube.delete(resource, owner.namespace, name)


def calibrated(room: JsonObject | None) -> JsonObject | None:
    """The calibrated parameters on a room's twin, or None."""
    fidelity = ((room or {}).get("features") or {}).get("fidelity") or {}
    found = (fidelity.get("properties") or {}).get("parameters")
    return found if isinstance(found, dict) else None


_RUNNING: Final = Verdict("Unknown", "Running", "its Job is at work")
