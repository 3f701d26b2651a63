"""The difference between what must be and what is, for things, policies and devices. Pure.

Each function returns what to write, or None when nothing differs.
"""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]
# Features of this family exist when their sensor does; others may have been added by whoever predicts or scores.
_OWN_FEATURES = "environment."


def merge_patch(actual: Any, desired: JsonObject) -> JsonObject | None:
    """The RFC 7396 merge patch that turns the object `actual` into `desired`, or None when they are equal."""
    have = actual if isinstance(actual, dict) else {}
    patch: JsonObject = {key: None for key in have if key not in desired}
    for key, value in desired.items():
        if isinstance(value, dict) and isinstance(have.get(key), dict):
            inner = merge_patch(have[key], value)
            if inner is not None:
                patch[key] = inner
        elif key not in have or have[key] != value or isinstance(have[key], bool) != isinstance(value, bool):
            patch[key] = value
    return patch or None


def thing_patch(actual: JsonObject, desired: JsonObject) -> JsonObject | None:
    """The merge patch that mends a thing: policy, definition, attributes, existence of features.

    Property values are never part of it.
    """
    patch: JsonObject = {}
    for key in ("policyId", "definition"):
        if actual.get(key) != desired.get(key):
            patch[key] = desired.get(key)
    attributes = merge_patch(actual.get("attributes"), desired.get("attributes") or {})
    if attributes is not None:
        patch["attributes"] = attributes
    features = _features_patch(
        actual.get("features") or {}, desired.get("features") or {}, remodelled="definition" in patch
    )
    if features:
        patch["features"] = features
    return patch or None


def _features_patch(have: JsonObject, want: JsonObject, *, remodelled: bool) -> JsonObject:
    patch: JsonObject = {}
    for name, value in want.items():
        if name not in have:
            patch[name] = value
        elif (have[name] or {}).get("definition") != value.get("definition"):
            patch[name] = {"definition": value.get("definition")}
    for name in have:
        # Ditto judges a merge that changes the model by the whole thing: what the new one lacks must go with it.
        if name not in want and (remodelled or name.startswith(_OWN_FEATURES)):
            patch[name] = None
    return patch


def same_policy(actual: JsonObject, desired: JsonObject) -> bool:
    """Whether two policies mean the same, whatever Ditto adds and however it sorts."""
    return _policy_form(actual) == _policy_form(desired)


def _policy_form(policy: JsonObject) -> JsonObject:
    return {
        "imports": {
            name: sorted((value or {}).get("entries") or ()) for name, value in (policy.get("imports") or {}).items()
        },
        "entries": {
            label: {
                "subjects": {subject: (value or {}).get("type") for subject, value in entry["subjects"].items()},
                "resources": {
                    path: (sorted(rights.get("grant") or ()), sorted(rights.get("revoke") or ()))
                    for path, rights in entry["resources"].items()
                },
                "importable": entry.get("importable", "implicit"),
            }
            for label, entry in (policy.get("entries") or {}).items()
        },
    }


def registration(actual: JsonObject, desired: JsonObject) -> JsonObject | None:
    """The body to PUT for a tenant or device, or None when it is as desired.

    What people added beside ours (limits, defaults, adapters) stays.
    """
    merged = {**actual, **desired, "ext": {**(actual.get("ext") or {}), **(desired.get("ext") or {})}}
    if "via" not in desired:
        merged.pop("via", None)
    if {**merged, "via": _as_set(merged)} == {**actual, "via": _as_set(actual)}:
        return None
    return merged


def _as_set(body: JsonObject) -> list[str]:
    via = body.get("via") or []
    return [via] if isinstance(via, str) else sorted(via)


def contains(actual: Any, desired: Any) -> bool:
    """Whether everything in `desired` is in `actual`, which may hold more: defaults of the API server."""
    if isinstance(desired, dict):
        return isinstance(actual, dict) and all(contains(actual.get(key), value) for key, value in desired.items())
    if isinstance(desired, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(desired)
            and all(contains(a, d) for a, d in zip(actual, desired, strict=True))
        )
    return bool(actual == desired)
