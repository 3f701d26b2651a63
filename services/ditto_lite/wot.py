"""Thing Models (W3C WoT TM 1.1): what a new thing is filled with, and what its values may be.

As Ditto with its default settings: attributes, features and properties that the model does not know are refused, and so
are values against their schemas. Models are fetched once by :mod:`ditto_lite.wot_fetch`; here is no I/O: a model
that is
not here yet is asked for by raising :class:`ModelNeeded`. Next: :mod:`ditto_lite.twin`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ditto_lite.commands import Command
from ditto_lite.errors import DittoError, error
from ditto_lite.merge_patch import at as patch_at
from ditto_lite.merge_patch import merge
from ditto_lite.pointers import MISSING
from ditto_lite.things import Outcome
from ditto_lite.wot_schema import Check, compile_schema, initial_value


class ModelNeeded(Exception):
    """The command cannot be judged before this model was fetched."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


@dataclass(slots=True)
class Model:
    """One Thing Model: checks of its properties, and the models of its features by instance name."""

    url: str
    properties: dict[str, Check]
    initial: dict[str, Any]
    actions: dict[str, Check | None] = field(default_factory=dict)
    events: dict[str, Check | None] = field(default_factory=dict)
    submodels: dict[str, str] = field(default_factory=dict)


def read_model(url: str, document: dict[str, Any]) -> Model:
    """A model from its JSON-LD, ``tm:extends`` already resolved.

    Raises:
        DittoError: a submodel's reference is not an absolute URL; Ditto does not resolve relative ones.
    """
    optional = set(document.get("tm:optional", []))
    properties = document.get("properties", {})
    initial: dict[str, Any] = {}
    for name, schema in properties.items():
        if f"/properties/{name}" not in optional:
            _into_category(initial, schema, name, initial_value(schema))
    submodels = {}
    for link in document.get("links", []):
        if link.get("rel") == "tm:submodel":
            if not str(link.get("href")).startswith(("http://", "https://")):
                raise error("things:definition.identifier.invalid", identifier=link.get("href"))
            submodels[link["instanceName"]] = link["href"]
    categories: dict[str, dict[str, Any]] = {}
    flat: dict[str, Check] = {}
    for name, schema in properties.items():
        if category := schema.get("ditto:category"):
            categories.setdefault(category, {"type": "object", "properties": {}})["properties"][name] = schema
        else:
            flat[name] = compile_schema(schema)
    flat |= {category: compile_schema(schema) for category, schema in categories.items()}
    return Model(
        url,
        flat,
        initial,
        {name: _payload(action.get("input")) for name, action in document.get("actions", {}).items()},
        {name: _payload(event.get("data")) for name, event in document.get("events", {}).items()},
        submodels,
    )


def _payload(schema: Any) -> Check | None:
    return compile_schema(schema) if isinstance(schema, dict) else None


def _into_category(initial: dict[str, Any], schema: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        return
    category = schema.get("ditto:category")
    (initial.setdefault(category, {}) if category else initial)[name] = value


def is_url(definition: Any) -> TypeGuard[str]:
    """Whether a definition points to a model."""
    return isinstance(definition, str) and definition.startswith(("http://", "https://"))


def invalid(reason: str, details: dict[str, list[str]] | None = None) -> DittoError:
    """400 for what does not conform to the model."""
    return error(
        "wot:payload.validation.error", reason=reason, extra={"validationDetails": details} if details else None
    )


class Models:
    """All models fetched so far."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self.known: dict[str, Model] = {}

    def get(self, url: str) -> Model:
        """A model by URL.

        Raises:
            ModelNeeded: it was not fetched yet.
        """
        model = self.known.get(url)
        if model is None:
            raise ModelNeeded(url)
        return model

    def skeleton(self, thing: dict[str, Any]) -> dict[str, Any]:
        """A new thing with what its model gives it and its creator did not."""
        definition = thing.get("definition")
        if not is_url(definition) or not self.enabled:
            return thing
        model = self.get(definition)
        base: dict[str, Any] = {"attributes": model.initial} if model.initial else {}
        features = {}
        for name, url in model.submodels.items():
            features[name] = {"definition": [url], "properties": self.get(url).initial}
        if features:
            base["features"] = features
        return dict(merge(base, thing))

    def check(self, outcome: Outcome, command: Command, before: dict[str, Any]) -> None:
        """Refuse an outcome that its thing's model does not allow; only what the command touched is looked at.

        Raises:
            DittoError: 400 ``wot:payload.validation.error``.
            ModelNeeded: a model has to be fetched first.
        """
        document = outcome.document
        if document is None or not self.enabled:
            return
        definition = document.get("definition")
        model = self.get(definition) if is_url(definition) else None
        if outcome.action == "deleted":
            if model is not None and len(command.path) == 2 and command.path[1] in model.submodels:
                raise invalid(
                    f"Could not delete Feature <{command.path[1]}>, as it is defined as submodel in the Thing's model"
                )
            return
        touched = patch_at(command.path, document if not command.path and outcome.action != "merged" else outcome.value)
        if not isinstance(touched, dict):
            return
        if model is not None and isinstance(touched.get("attributes"), dict):
            self._attributes(model, touched["attributes"], command)
        features = touched.get("features")
        if isinstance(features, dict):
            for name, change in features.items():
                self._feature(model, name, change, document, command)

    def _attributes(self, model: Model, touched: dict[str, Any], command: Command) -> None:
        unknown = [name for name, value in touched.items() if name not in model.properties and value is not None]
        if unknown:
            listed = ", ".join(unknown)
            raise invalid(
                f"The Thing's attributes contained JSON fields which were not defined in the model: [{listed}]"
            )
        one = len(command.path) > 1
        subject = f"attribute </{'/'.join(command.path[1:])}>" if one else "attributes"
        self._values(model, touched, ("attributes",), f"The Thing's {subject}")

    def _feature(self, model: Model | None, name: str, change: Any, document: dict[str, Any], command: Command) -> None:
        feature = document.get("features", {}).get(name)
        if feature is None:
            return
        if model is None:
            url = next((each for each in feature.get("definition") or () if is_url(each)), None)
        else:
            url = model.submodels.get(name)
            if url is None:
                raise invalid(
                    f"Attempting to update the Thing with a feature which is not defined in the model: <{name}>"
                )
        if url is None or not isinstance(change, dict):
            return
        sub = self.get(url)
        for part, words in (
            ("properties", ("property", "properties")),
            ("desiredProperties", ("desired property", "desired properties")),
        ):
            touched = change.get(part)
            if isinstance(touched, dict):
                if not touched.keys() <= sub.properties.keys() and (
                    unknown := [n for n, value in touched.items() if n not in sub.properties and value is not None]
                ):
                    raise invalid(
                        f"The Feature <{name}>'s {words[1]} contained JSON fields which were not defined in the model: "
                        f"[{', '.join(unknown)}]"
                    )
                one = len(command.path) > 3
                subject = f"{words[0]} </{'/'.join(command.path[3:])}>" if one else words[1]
                self._values(sub, touched, ("features", name, part), f"The Feature <{name}>'s {subject}")

    @staticmethod
    def _values(model: Model, touched: dict[str, Any], prefix: tuple[str, ...], subject: str) -> None:
        details: dict[str, list[str]] = {}
        for name, value in touched.items():
            if value is None:
                continue
            faults: list[str] = []
            model.properties[name](value, "", faults)
            if faults:
                details["/" + "/".join((*prefix, name))] = faults
        if details:
            raise invalid(f"{subject} contained validation errors, check the validation details.", details)

    def check_message(
        self, document: dict[str, Any], feature: str | None, direction: str, subject: str, value: Any
    ) -> None:
        """Refuse a message that the model does not know, or whose payload is against its schema.

        Raises:
            DittoError: 400 ``wot:payload.validation.error``.
            ModelNeeded: a model has to be fetched first.
        """
        definition = document.get("definition")
        if not is_url(definition) or not self.enabled:
            return
        model = self.get(definition)
        owner = "Thing"
        path = f"/{direction}/messages/{subject}"
        if feature is not None:
            url = model.submodels.get(feature)
            if url is None:
                return
            model, owner, path = self.get(url), f"Feature <{feature}>", f"/features/{feature}{path}"
        known, word, part = (
            (model.actions, "action", "input") if direction == "inbox" else (model.events, "event", "data")
        )
        if subject not in known:
            raise invalid(
                f"The {owner}'s message subject <{subject}> is not defined as known {word} in the model: "
                f"[{', '.join(known)}]"
            )
        check = known[subject]
        faults: list[str] = []
        if check is not None:
            check(None if value is MISSING else value, "", faults)
        if faults:
            reason = (
                f"The {owner}'s {word} <{subject}> {part} contained validation errors, check the validation details."
            )
            raise invalid(reason, {path: faults})
