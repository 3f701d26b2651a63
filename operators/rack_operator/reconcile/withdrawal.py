"""Takes what a TwinModel's runners said off the twins once they say nothing more: it is suspended, or goes.

A prediction or verdict expires by itself; until then people and programs would believe a model that nobody runs. The
runners cannot do it: a pod that ends does not know whether another takes over. Called by `model`, when no runner is
left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from rack_operator.clients.http import DependencyError
from rack_operator.clients.kube import DEPLOYMENTS, PODS
from rack_operator.desired.deployment import LABEL_MODEL, deployment_name
from rack_operator.desired.ownership import Owner
from rack_operator.desired.rotation import rfc3339
from rack_operator.desired.site import said_by
from rack_operator.reconcile.diff import contains
from rack_operator.reconcile.store import Key, Store
from rack_operator.reconcile.surroundings import Surroundings
from racktwin import names

JsonObject = dict[str, Any]
# What there is nothing of any more; of which model it was, and that it is over, stays.
_OF_FORECAST: Final = ("value", "lo", "hi", "ahead")
_OF_VERDICT: Final = ("state", "score", "cause", "evidence")
_AT_ONCE: Final = 200
_ENDED: Final = ("Succeeded", "Failed")


class Sayings:
    """What one model says of which things."""

    def __init__(self, name: str, spec: JsonObject) -> None:
        self.by_kind = said_by(name, spec)
        # As it stands: a spec that is refused must still be deleted.
        self._selector: JsonObject = spec.get("selector") or {}

    def features(self) -> set[str]:
        """Everything it says of any thing."""
        return set().union(*self.by_kind.values())

    def of(self, thing: JsonObject) -> set[str]:
        """Features of this thing that it writes."""
        identity = names.ThingId.parse(thing["thingId"])
        attributes = thing.get("attributes") or {}
        held = {"rooms": attributes.get("location"), "rows": attributes.get("row"), "names": identity.name}
        fits = all(not self._selector.get(part) or value in self._selector[part] for part, value in held.items())
        return self.by_kind.get(identity.kind, set()) if fits else set()


async def runs(around: Surroundings, owner: Owner) -> bool:
    """Whether a runner may still write. A pod whose time to end is over has ended, or its machine is gone."""
    deployment = await around.kube.get(DEPLOYMENTS, owner.namespace, deployment_name(owner.name))
    if deployment is not None:
        # Pods bear no owner's name: where the Deployment is another's, a site's own model, so are they.
        if not contains(deployment["metadata"].get("labels") or {}, owner.labels()):
            return False
        status = deployment.get("status") or {}
        if status.get("replicas") or status.get("readyReplicas"):
            return True
    now = rfc3339(around.clock())
    async for pod in around.kube.items(PODS, owner.namespace, labels=f"{LABEL_MODEL}={owner.name}"):
        # What was evicted stays there, ended, after its Deployment has gone to 0.
        if (pod.get("status") or {}).get("phase") in _ENDED:
            continue
        ends = pod["metadata"].get("deletionTimestamp")
        if ends is None or ends > now:
            return True
    return False


async def withdraw(around: Surroundings, store: Store, key: Key, spec: JsonObject) -> int:
    """Takes what the model said off all twins, but for what another model says of the same thing; how many there were.

    Raises `DependencyError` when Ditto fails.
    """
    mine, others = Sayings(key.name, spec), list(_others(store, key, spec))
    if not mine.features():
        return 0
    paths = [f"features/{feature}/properties/{_word(feature)}" for feature in sorted(mine.features())]
    there = [f"exists({path})" for path in paths]
    rql = there[0] if len(there) == 1 else f"or({','.join(there)})"
    fields = f"thingId,attributes/location,attributes/row,{','.join(paths)}"
    count, patches = 0, []
    async for text in around.ditto.raw_search(names.namespace(spec["site"]), rql, fields):
        thing: JsonObject = msgspec.json.decode(text)
        said = {name for name in mine.of(thing) if _says(thing, name)}
        for other in others:
            said -= other.of(thing)
        if said:
            patches.append((thing["thingId"], {"features": {name: _nothing(name, around.clock()) for name in said}}))
            count += 1
        if len(patches) >= _AT_ONCE:
            await asyncio.gather(*(_merge(around, *patch) for patch in patches))
            patches = []
    await asyncio.gather(*(_merge(around, *patch) for patch in patches))
    return count


def _others(store: Store, key: Key, spec: JsonObject) -> Iterator[Sayings]:
    for each in store.models_of(key.namespace, spec["site"]):
        body = store.get(each) or {}
        other = body.get("spec") or {}
        if each != key and not other.get("suspend") and not body["metadata"].get("deletionTimestamp"):
            yield Sayings(each.name, other)
    site = (store.get(Key("Site", key.namespace, spec["site"])) or {}).get("spec") or {}
    for model in site.get("models") or ():
        # A site's own predict the inlets of all racks.
        yield Sayings(model["name"], {"output": {"targets": ["bottom", "top"]}})


async def _merge(around: Surroundings, thing_id: str, patch: JsonObject) -> None:
    try:
        await around.ditto.merge_thing(thing_id, patch)
    except DependencyError as error:
        # Deleted since it was found.
        if error.status != 404:
            raise


def _word(feature: str) -> str:
    """The property that is there as long as something is said."""
    return _properties(feature)[0]


def _properties(feature: str) -> tuple[str, ...]:
    return _OF_FORECAST if feature.startswith("prediction.") else _OF_VERDICT


def _says(thing: JsonObject, feature: str) -> bool:
    found = (thing.get("features") or {}).get(feature) or {}
    return (found.get("properties") or {}).get(_word(feature)) is not None


def _nothing(feature: str, now_ms: int) -> JsonObject:
    return {"properties": {**dict.fromkeys(_properties(feature)), "expiresAt": now_ms}}
