"""Checks a thing against its Thing Model the way Ditto 3.9 does, before Ditto is there to do it. Pure.

What is checked, with Ditto's defaults: attributes, features, properties and desired properties that the model does
not name are refused; a feature that the model names must be there; a required property must be there; each value
must fit its data schema. A merge is judged by the whole of each feature it touches, as it would be afterwards.
Messages to and from things, and the regular-expression keys of a merge, are not covered.

Takes the models as the definitions server would serve them (absolute links), by URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jsonschema import Draft7Validator, TypeChecker
from jsonschema.validators import extend

from racktwin.merge_patch import merge

Json = Any
Code = Literal[
    "model_not_found",
    "attribute_not_in_model",
    "feature_not_in_model",
    "feature_missing",
    "property_not_in_model",
    "property_missing",
    "value_invalid",
]
# URL of a model -> the model, or None when nothing is served there.
Resolve = Callable[[str], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason for which Ditto would refuse the thing. ``path`` is a JSON pointer into it."""

    code: Code
    path: str
    message: str


def _integer(_checker: TypeChecker, value: Json) -> bool:
    # Draft 7 calls 41.0 an integer. Whether Ditto's validator does depends on how the number was read, so a model
    # may not rely on it: only what is written without a fraction counts.
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES = Draft7Validator.TYPE_CHECKER.redefine("integer", _integer)
_SchemaValidator: Any = extend(Draft7Validator, type_checker=_TYPES)  # type: ignore[no-untyped-call]


def validate_thing(thing: Mapping[str, Any], resolve: Resolve) -> list[Violation]:
    """Why Ditto would refuse to store this thing as a whole; nothing when it has no model's URL as definition."""
    url = _url(thing.get("definition"))
    if url is None:
        return []
    model = resolve(url)
    if model is None:
        return [Violation("model_not_found", "/definition", f"nothing is served at {url}")]
    return [
        *_attributes(model, thing.get("attributes")),
        *_features(model, thing.get("features") or {}, resolve, touched=None),
    ]


def validate_merge(current: Mapping[str, Any], path: str, value: Json, resolve: Resolve) -> list[Violation]:
    """Why Ditto would refuse to merge ``value`` at ``path`` (``/``, ``/features``, …) into the current thing."""
    patch = _at(path, value)
    after = merge(dict(current), patch)
    if not isinstance(after, dict):
        return []
    if after.get("definition") != current.get("definition"):
        return validate_thing(after, resolve)
    url = _url(after.get("definition"))
    if url is None:
        return []
    model = resolve(url)
    if model is None:
        return [Violation("model_not_found", "/definition", f"nothing is served at {url}")]
    found: list[Violation] = []
    if "attributes" in patch:
        found += _attributes(model, after.get("attributes"))
    if "features" in patch:
        features = patch["features"]
        touched = set(features) if isinstance(features, dict) else None
        found += _features(model, after.get("features") or {}, resolve, touched)
    return found


def create(thing: Mapping[str, Any], resolve: Resolve) -> dict[str, Any]:
    """The thing as Ditto stores it when it is new: the model's skeleton, with what was given on top.

    Models whose properties are all optional add no value, only features and their definitions.
    """
    result: dict[str, Any] = {}
    url = _url(thing.get("definition"))
    model = resolve(url) if url else None
    if model is not None:
        features = {name: {"definition": [href]} for name, href in _submodels(model).items()}
        if features:
            result["features"] = features
    return dict(merge(result, dict(thing)))


def _url(definition: Json) -> str | None:
    if isinstance(definition, str) and definition.startswith(("http://", "https://")):
        return definition
    return None


def _at(path: str, value: Json) -> dict[str, Any]:
    for key in reversed([part for part in path.split("/") if part]):
        value = {key.replace("~1", "/").replace("~0", "~"): value}
    return value if isinstance(value, dict) else {}


def _submodels(model: Mapping[str, Any]) -> dict[str, str]:
    return {link["instanceName"]: link["href"] for link in model.get("links", []) if link.get("rel") == "tm:submodel"}


def _attributes(model: Mapping[str, Any], attributes: Json) -> Iterator[Violation]:
    # Ditto looks at attributes only where there are some and the model has properties at all.
    schemas = model.get("properties")
    if not isinstance(attributes, dict) or not schemas:
        return
    yield from _missing(model, attributes, "/attributes")
    for name in attributes:
        if name not in schemas:
            yield Violation("attribute_not_in_model", f"/attributes/{name}", "the model has no such attribute")
    yield from _values(schemas, attributes, "/attributes")


def _features(
    model: Mapping[str, Any], features: Mapping[str, Any], resolve: Resolve, touched: set[str] | None
) -> Iterator[Violation]:
    submodels = _submodels(model)
    for name in submodels:
        if name not in features and (touched is None or name in touched):
            yield Violation("feature_missing", f"/features/{name}", "the model has this feature, the thing has not")
    for name, feature in features.items():
        if touched is not None and name not in touched:
            continue
        href = submodels.get(name)
        if href is None:
            yield Violation("feature_not_in_model", f"/features/{name}", "the model has no such feature")
            continue
        submodel = resolve(href)
        if submodel is None:
            yield Violation("model_not_found", f"/features/{name}", f"nothing is served at {href}")
            continue
        yield from _feature(submodel, f"/features/{name}", feature)


def _feature(model: Mapping[str, Any], path: str, feature: Mapping[str, Any]) -> Iterator[Violation]:
    schemas = model.get("properties")
    if not schemas:
        return
    properties = feature.get("properties") or {}
    yield from _missing(model, properties, f"{path}/properties")
    # What is required counts for properties only: a desired one is never required.
    for part in ("properties", "desiredProperties"):
        values = feature.get(part) or {}
        for name in values:
            if name not in schemas:
                yield Violation("property_not_in_model", f"{path}/{part}/{name}", "the model has no such property")
        yield from _values(schemas, values, f"{path}/{part}")


def _missing(model: Mapping[str, Any], values: Mapping[str, Any], path: str) -> Iterator[Violation]:
    optional = set(model.get("tm:optional", ()))
    for name in model["properties"]:
        if f"/properties/{name}" not in optional and name not in values:
            yield Violation("property_missing", f"{path}/{name}", "the model requires it")


def _values(schemas: Mapping[str, Any], values: Mapping[str, Any], path: str) -> Iterator[Violation]:
    for name, value in values.items():
        schema = schemas.get(name)
        if schema is None:
            continue
        for error in _SchemaValidator(schema).iter_errors(value):
            yield Violation("value_invalid", _pointer(f"{path}/{name}", error.absolute_path), error.message)


def _pointer(base: str, parts: Iterable[str | int]) -> str:
    return "/".join([base, *(str(part) for part in parts)])
