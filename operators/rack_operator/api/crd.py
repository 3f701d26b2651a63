"""Builds the CustomResourceDefinitions of `racktwin.io` from the resource types.

Pure: returns plain dictionaries. `rack_operator.crds` writes and checks the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rack_operator.api import GROUP, VERSION
from rack_operator.api.base import ApiModel
from rack_operator.api.cooling_unit import CoolingUnit
from rack_operator.api.rack import Rack
from rack_operator.api.scenario import Scenario
from rack_operator.api.schema import structural_schema
from rack_operator.api.site import Site
from rack_operator.api.twin_model import TwinModel

JsonObject = dict[str, Any]


def _ready(part: str) -> str:
    return _condition("Ready", part)


def _condition(type_: str, part: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{part}'


Column = tuple[str, str, str]
"""Title, type, JSON path."""


@dataclass(frozen=True)
class Kind:
    """Names and table columns of one resource kind; `columns` are those of kubectl."""

    model: type[ApiModel]
    plural: str
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def kind(self) -> str:
        """The kind, which is the model's class name."""
        return self.model.__name__


_STANDS: Final[tuple[Column, ...]] = (("Ready", "string", _ready("status")), ("Reason", "string", _ready("reason")))
_LAST: Final[tuple[Column, ...]] = (
    ("Age", "date", ".metadata.creationTimestamp"),
    # Seen with -o wide: a sentence is longer than a terminal.
    ("Message", "string", _ready("message")),
)
RACK = Kind(
    model=Rack,
    plural="racks",
    short_names=("rk",),
    columns=(
        ("Site", "string", ".spec.site"),
        ("Room", "string", ".spec.room"),
        *_STANDS,
        *_LAST,
    ),
)
COOLING_UNIT = Kind(
    model=CoolingUnit,
    plural="coolingunits",
    short_names=("cu",),
    columns=(
        ("Site", "string", ".spec.site"),
        ("Room", "string", ".spec.room"),
        ("Type", "string", ".spec.type"),
        *_STANDS,
        *_LAST,
    ),
)
SITE = Kind(
    model=Site,
    plural="sites",
    short_names=("rts",),
    columns=(
        ("Name", "string", ".spec.displayName"),
        *_STANDS,
        *_LAST,
    ),
)
SCENARIO = Kind(
    model=Scenario,
    plural="scenarios",
    short_names=("scn",),
    columns=(
        ("Room", "string", ".spec.room"),
        ("Phase", "string", ".status.phase"),
        *_STANDS,
        ("Result", "string", ".status.headline"),
        *_LAST,
    ),
)
TWIN_MODEL = Kind(
    model=TwinModel,
    plural="twinmodels",
    short_names=("tm",),
    columns=(
        ("Version", "string", ".status.version"),
        ("Serving", "string", _condition("Serving", "status")),
        ("Drifting", "string", _condition("Drifting", "status")),
        ("Skill", "number", ".status.skill"),
        ("Runners", "integer", ".status.readyReplicas"),
        *_STANDS,
        *_LAST,
    ),
)
KINDS = (SITE, RACK, COOLING_UNIT, SCENARIO, TWIN_MODEL)


def custom_resource_definition(kind: Kind) -> JsonObject:
    """The CustomResourceDefinition of `kind`, as Helm and kubectl apply it."""
    schema = structural_schema(kind.model)
    # Every resource carries these two; the API server wants them in the schema's root.
    schema["properties"] = {
        "apiVersion": {"type": "string", "description": "Version of this schema."},
        "kind": {"type": "string", "description": "Kind of resource."},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    # A status default would be written into each new object before the operator has seen it.
    schema["properties"]["status"].pop("default", None)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "racktwin"},
            # Uninstalling the chart must not delete every rack of every site.
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": list(kind.short_names),
                "categories": ["racktwin"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": title, "type": type_, "jsonPath": path}
                        | ({"priority": 1} if title == "Message" else {})
                        for title, type_, path in kind.columns
                    ],
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
