"""Where a path leads in a thing: which resource, which errors it has, and which JSON may stand there.

Pure. Next: :mod:`ditto_lite.things`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ditto_lite.errors import DittoError, error
from ditto_lite.ids import check_definition, check_policy_id
from ditto_lite.pointers import MISSING, Path, text_of

_FEATURE_PARTS: Final = {
    "definition": ("feature.definition", "feature.definition"),
    "properties": ("feature.properties", "feature.property"),
    "desiredProperties": ("feature.desiredProperties", "feature.desiredProperty"),
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One addressable part of a thing. ``family`` is the middle of its error codes (``things:<family>.notfound``)."""

    family: str
    path: Path
    feature: str = ""
    pointer: str = ""

    def not_found(self, thing_id: str) -> DittoError:
        """404, also for those who may not read it."""
        return error(f"things:{self.family}.notfound", id=thing_id, feature=self.feature, pointer=self.pointer)

    def not_modifiable(self, thing_id: str) -> DittoError:
        """403."""
        resource = text_of(self.path)
        return error(f"things:{self.family}.notmodifiable", id=thing_id, feature=self.feature, resource=resource)

    def read(self, body: Any) -> Any:
        """The JSON of a request for this resource, checked; what Ditto does not know in a feature is dropped.

        Raises:
            DittoError: something else may stand here than what was given.
        """
        family = self.family
        if family == "policyId":
            if not isinstance(body, str):
                raise not_an_object(body, "string")
            return check_policy_id(body)
        if family == "definition":
            return body if body is None else check_definition(body)
        if family == "feature.definition":
            return read_feature_definition(body)
        if family == "features":
            return read_features(body)
        if family == "feature":
            return read_feature(body)
        if family in ("attributes", "feature.properties", "feature.desiredProperties"):
            if not isinstance(body, dict):
                raise not_an_object(body)
            return body
        return body


@lru_cache(maxsize=16384)
def resource_of(path: Path) -> Resource | None:
    """The resource that a path below a thing names, or None when Ditto knows no such path."""
    if not path:
        return Resource("thing", path)
    head = path[0]
    if head in ("policyId", "definition"):
        return Resource(head, path) if len(path) == 1 else None
    if head == "attributes":
        if len(path) == 1:
            return Resource("attributes", path)
        return Resource("attribute", path, pointer=text_of(path[1:]))
    if head != "features":
        return None
    if len(path) == 1:
        return Resource("features", path)
    if len(path) == 2:
        return Resource("feature", path, path[1])
    families = _FEATURE_PARTS.get(path[2])
    if families is None or (path[2] == "definition" and len(path) > 3):
        return None
    if len(path) == 3:
        return Resource(families[0], path, path[1])
    return Resource(families[1], path, path[1], text_of(path[3:]))


def not_an_object(body: Any, kind: str = "object") -> DittoError:
    """400 for JSON of another kind than wanted."""
    return error("json.invalid", message=f"<{body}> is not a valid JSON {kind}!")


def read_thing(body: Any, thing_id: str) -> dict[str, Any]:
    """A thing as it is kept, from the JSON of a request, without what begins with an underscore.

    Raises:
        DittoError: the JSON is not a thing, or names another thing id.
    """
    if not isinstance(body, dict):
        raise not_an_object(body)
    if body.get("thingId") not in (None, thing_id):
        raise error("things:id.notsettable")
    thing: dict[str, Any] = {"thingId": thing_id}
    if body.get("policyId") is not None:
        thing["policyId"] = check_policy_id(str(body["policyId"]))
    if body.get("definition") is not None:
        thing["definition"] = check_definition(body["definition"])
    if body.get("attributes") is not None:
        if not isinstance(body["attributes"], dict):
            raise not_an_object(body["attributes"])
        thing["attributes"] = body["attributes"]
    if body.get("features") is not None:
        thing["features"] = read_features(body["features"])
    return thing


def read_features(body: Any) -> dict[str, Any]:
    """Features by id."""
    if not isinstance(body, dict):
        raise not_an_object(body)
    return {name: read_feature(feature) for name, feature in body.items()}


def read_feature(body: Any) -> dict[str, Any]:
    """One feature: definition, properties and desired properties; JSON null is an empty feature."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise not_an_object(body)
    feature: dict[str, Any] = {}
    if body.get("definition") is not None:
        feature["definition"] = read_feature_definition(body["definition"])
    for part in ("properties", "desiredProperties"):
        if (values := body.get(part)) is not None:
            if not isinstance(values, dict):
                raise not_an_object(values)
            feature[part] = values
    return feature


def read_feature_definition(body: Any) -> list[str]:
    """A feature's definition: a non-empty array of identifiers."""
    if not isinstance(body, list) or not body:
        raise not_an_object(body, "array")
    return [check_definition(identifier) for identifier in body]


_PARTS: Final = frozenset(("thingId", "policyId", "definition", "attributes", "features"))


def check_patch(patch: Any) -> None:
    """Refuse a merge patch of a whole thing that says nothing about it, as Ditto does before it looks at the thing.

    Raises:
        DittoError: 400.
    """
    if isinstance(patch, dict) and _PARTS.isdisjoint(patch):
        raise error("things:merge.invalid")


def check_merged(thing: Any, patch: Any) -> None:
    """Check the parts of a merged thing that the patch touched.

    Raises:
        DittoError: the patch put JSON where something else has to stand.
    """
    if not isinstance(thing, dict) or not isinstance(patch, dict):
        raise not_an_object(patch)
    for part, change in patch.items():
        value = thing.get(part, MISSING)
        if value is MISSING:
            continue
        if part == "features":
            if not isinstance(value, dict):
                raise not_an_object(value)
            for name, touched in change.items():
                if name in value:
                    check_feature(value[name], touched)
        elif part == "attributes":
            if not isinstance(value, dict):
                raise not_an_object(value)
        elif part == "definition":
            check_definition(value)
        elif part == "policyId":
            check_policy_id(str(value))


def check_feature(feature: Any, patch: Any) -> None:
    """Check the shape of one feature that was merged, in the parts that the patch touched.

    Raises:
        DittoError: it is not a feature.
    """
    if not isinstance(feature, dict):
        raise not_an_object(feature)
    for part in patch if isinstance(patch, dict) else feature:
        value = feature.get(part, MISSING)
        if value is MISSING:
            continue
        if part == "definition":
            read_feature_definition(value)
        elif not isinstance(value, dict):
            raise not_an_object(value)
