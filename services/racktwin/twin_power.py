"""Power that twins show now, in watts by thing id, for whoever reports it elsewhere. Stale and faulty values are left
out."""

from __future__ import annotations

from racktwin.ditto_client import DittoClient
from racktwin.names import namespace


def measured_power(ditto: DittoClient, site: str) -> dict[str, float]:
    """Power of a site's things.

    Raises:
        DittoError: Ditto does not answer, or refuses.
    """
    found: dict[str, float] = {}
    for thing in ditto.search(namespaces=namespace(site), fields="thingId,features/power/properties"):
        properties = ((thing.get("features") or {}).get("power") or {}).get("properties") or {}
        power = properties.get("power")
        if isinstance(power, int | float) and properties.get("quality", "good") in {"good", "estimated"}:
            found[str(thing["thingId"])] = float(power)
    return found
