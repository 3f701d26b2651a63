"""What a resource needs of its Site: that it is there, has the room and gateways, and its spec, parsed once. Pure."""

from __future__ import annotations

from typing import Any

from rack_operator.desired.site import KnownSite, predicted_features
from rack_operator.reconcile.conditions import Verdict, condition_true
from rack_operator.reconcile.kinds import Spec
from rack_operator.reconcile.store import Store

JsonObject = dict[str, Any]


class SiteSpecs:
    """Sites as their members see them: parsing a large one for each of its racks would cost more than the rack."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parsed: dict[tuple[str, str], tuple[tuple[Any, ...], KnownSite]] = {}

    def of(self, site: JsonObject) -> KnownSite:
        """The site's spec, and what its models predict. Raises pydantic's `ValidationError`."""
        place = site["metadata"]["namespace"], site["metadata"]["name"]
        models = self._store.model_specs(*place)
        known = self._parsed.get(place)
        if known is None or known[0] != (site["spec"], models):
            spec = KnownSite.model_validate(site["spec"])
            spec = spec.model_copy(update={"predictions": predicted_features(spec, models)})
            known = self._parsed[place] = ((site["spec"], models), spec)
        return known[1]


def site_problem(site: JsonObject | None, spec: Spec, namespace: str) -> Verdict | None:
    """Why nothing can be made for the resource now; None when all is there."""
    if site is None:
        return Verdict("False", "SiteNotFound", f"there is no Site {spec.site} in namespace {namespace}")
    if site["metadata"].get("deletionTimestamp"):
        return Verdict("False", "SiteDeleting", f"Site {spec.site} is being deleted")
    if not (condition_true(site, "TenantReady") and condition_true(site, "PolicyReady")):
        return Verdict(
            "False", "SiteNotReady", f"Site {spec.site} has no tenant and base policy yet: see its conditions"
        )
    rooms = {room.get("name") for room in site["spec"].get("rooms") or []}
    if spec.room not in rooms:
        return Verdict("False", "RoomNotFound", f"spec.room: Site {spec.site} has no room {spec.room}")
    gateways = {gateway.get("name") for gateway in site["spec"].get("gateways") or []}
    unknown = sorted(set(spec.gateways) - gateways)
    if unknown:
        return Verdict(
            "False", "GatewayNotFound", f"spec.gateways: Site {spec.site} has no gateway {', '.join(unknown)}"
        )
    return None
