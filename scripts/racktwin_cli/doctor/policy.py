"""Whether a policy lets the pipeline write a feature, read from the policy and those it imports. Pure.

Ditto's rule: along a path the deepest statement counts, and at equal depth a revoke beats a grant.
Next: `racktwin_cli.doctor.surroundings`, which fetches the policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def may_write(policies: Sequence[Mapping[str, Any]], subject: str, feature: str) -> bool:
    """Whether `subject` may write the properties of a feature; the first policy is the thing's own, others imported."""
    if not policies:
        return False
    own, *imported = policies
    imports = own.get("imports") or {}
    entries = list((own.get("entries") or {}).values())
    for policy in imported:
        chosen = (imports.get(policy.get("policyId")) or {}).get("entries") or []
        entries += [
            entry
            for label, entry in (policy.get("entries") or {}).items()
            if entry.get("importable", "implicit") == "implicit"
            or (entry.get("importable") == "explicit" and label in chosen)
        ]
    path = ("features", feature, "properties")
    best: tuple[int, bool] | None = None
    for entry in entries:
        if subject not in (entry.get("subjects") or {}):
            continue
        for resource, rights in (entry.get("resources") or {}).items():
            kind, _, where = resource.partition(":")
            parts = tuple(part for part in where.split("/") if part)
            if kind != "thing" or parts != path[: len(parts)]:
                continue
            if "WRITE" in (rights.get("revoke") or []):
                said = False
            elif "WRITE" in (rights.get("grant") or []):
                said = True
            else:
                continue
            if best is None or len(parts) > best[0] or (len(parts) == best[0] and not said):
                best = (len(parts), said)
    return best is not None and best[1]
