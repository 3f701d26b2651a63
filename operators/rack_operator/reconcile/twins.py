"""Makes and mends policies and things in Ditto, and removes those that are ours.

Each function returns whether it wrote anything.
"""

from __future__ import annotations

from typing import Any

from rack_operator.clients.ditto import DittoClient
from rack_operator.desired.ownership import MARK, OPERATOR, RELEASED, Owner, describe
from rack_operator.reconcile.claim import Claim
from rack_operator.reconcile.conditions import NotReadyError
from rack_operator.reconcile.diff import same_policy, thing_patch
from rack_operator.reconcile.outcome import Known
from rack_operator.reconcile.snapshot import Snapshot
from racktwin import names

JsonObject = dict[str, Any]


async def ensure_policy(ditto: DittoClient, policy: JsonObject, *, fresh: bool) -> bool:
    """Makes the policy as desired. `fresh`: it was probably never made before, so try to create it first.

    Raises `NotReadyError` PolicyNotOurs when a policy of that id carries another resource's note.
    """
    if fresh and await ditto.create_policy(policy):
        return True
    actual = await ditto.get_policy(policy["policyId"])
    if actual is not None:
        if same_policy(actual, policy):
            return False
        _demand_own_policy(actual, policy)
    await ditto.put_policy(policy)
    return True


async def ensure_thing(
    ditto: DittoClient, thing: JsonObject, claim: Claim, *, known: Known, seen: Snapshot | None = None
) -> bool:
    """Makes the thing as desired. What `seen` shows of a settled thing spares the read when nothing differs.

    Raises `NotReadyError` ThingNotOurs when a thing of that id belongs to something else.
    """
    thing_id = thing["thingId"]
    if known is Known.NEVER_MADE and await ditto.create_thing(thing):
        return True
    if known is Known.SETTLED and seen is not None:
        shown = seen.take(thing_id)
        if shown is not None and thing_patch(shown, thing) is None:
            return False
    actual = await ditto.get_thing(thing_id)
    if actual is None:
        if await ditto.create_thing(thing):
            return True
        raise NotReadyError("ThingInvisible", f"Ditto: {thing_id} exists, but this operator may not read it")
    mark = (actual.get("attributes") or {}).get(MARK)
    if not claim.accepts(mark, thing_id):
        raise NotReadyError("ThingNotOurs", f"Ditto: {thing_id} belongs to {describe(mark)}")
    patch = thing_patch(actual, thing)
    if patch is None:
        return False
    await ditto.merge_thing(thing_id, patch)
    return True


async def remove_thing(ditto: DittoClient, thing_id: str, owner: Owner) -> bool:
    """Deletes the thing if it is the owner's; one that is not is left alone."""
    actual = await ditto.get_thing(thing_id)
    if actual is None or not owner.owns((actual.get("attributes") or {}).get(MARK)):
        return False
    return await ditto.delete_thing(thing_id)


async def remove_policy(ditto: DittoClient, policy: JsonObject) -> bool:
    """Deletes the policy, unless it carries another resource's note."""
    actual = await ditto.get_policy(policy["policyId"])
    if actual is None or _notes(actual) - _notes(policy):
        return False
    return await ditto.delete_policy(policy["policyId"])


async def retain_thing(ditto: DittoClient, thing_id: str, owner: Owner) -> bool:
    """Notes on the thing that it outlives its resource, so that no sweep takes it for an orphan."""
    actual = await ditto.get_thing(thing_id)
    mark = ((actual or {}).get("attributes") or {}).get(MARK) or {}
    if not owner.owns(mark) or mark.get("retained"):
        return False
    await ditto.merge_thing(thing_id, {"attributes": {MARK: {"retained": "true"}}})
    return True


async def release_thing(ditto: DittoClient, thing_id: str, owner: Owner) -> bool:
    """Notes on the owner's thing that another resource may take it over, and puts it under the site's policy, as its
    owner's may go; returns whether it wrote."""
    actual = await ditto.get_thing(thing_id)
    mark = ((actual or {}).get("attributes") or {}).get(MARK) or {}
    if not owner.owns(mark) or mark.get(RELEASED):
        return False
    policy = names.base_policy(names.site_of(thing_id))
    await ditto.merge_thing(thing_id, {"policyId": policy, "attributes": {MARK: {RELEASED: "true"}}})
    return True


def _demand_own_policy(actual: JsonObject, desired: JsonObject) -> None:
    foreign = _notes(actual) - _notes(desired)
    if foreign:
        raise NotReadyError("PolicyNotOurs", f"Ditto: policy {desired['policyId']} belongs to {min(foreign)}")


def _notes(policy: JsonObject) -> set[str]:
    """The notes `racktwin-operator for <resource>` that entries carry as a subject's type."""
    return {
        str(subject.get("type"))
        for entry in (policy.get("entries") or {}).values()
        for subject in entry["subjects"].values()
        if str((subject or {}).get("type")).startswith(f"{OPERATOR} for ")
    }
