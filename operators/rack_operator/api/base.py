"""What the resource types share: the base model, name patterns, conditions, CEL helpers.

The docstring under a field becomes its description in the CRD. Limits stand on every list and
string because the API server prices each CEL rule by the largest object the schema admits.
Next in the flow: `schema`, which turns these models into a structural schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from racktwin.names import SITE_LENGTH, SITE_PATTERN

LABEL_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
SLUG_PATTERN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


def cel(rule: str, message: str, *, field_path: str | None = None, reason: str = "FieldValueInvalid") -> dict[str, Any]:
    """One entry of `x-kubernetes-validations`.

    `rule` is CEL over `self`; `message` says what to change; `field_path` (".servers") puts the
    field's name in front of the message when the rule stands above the field.
    """
    entry: dict[str, Any] = {"rule": rule, "message": message, "reason": reason}
    if field_path is not None:
        entry["fieldPath"] = field_path
    return entry


def rules(*entries: dict[str, Any]) -> dict[str, Any]:
    """JSON-schema extra that carries CEL rules."""
    return {"x-kubernetes-validations": list(entries)}


def list_map(*keys: str) -> dict[str, Any]:
    """JSON-schema extra: a list whose items are identified by `keys` (the API server refuses duplicates)."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


class ApiModel(BaseModel):
    """Base of every resource type: camelCase on the wire, unknown fields ignored as the API server prunes them."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="ignore",
        frozen=True,
    )


DnsLabel = Annotated[str, Field(min_length=1, max_length=50, pattern=LABEL_PATTERN)]
"""A DNS label that begins with a letter; 50 characters leave room for what names add around it."""

SiteName = Annotated[str, Field(min_length=1, max_length=SITE_LENGTH, pattern=SITE_PATTERN)]
"""Name of a site, as `racktwin.names` allows it."""

Slug = Annotated[str, Field(min_length=1, max_length=32, pattern=SLUG_PATTERN)]
"""A short lower-case name without dots: rows, sensors, feeds."""

Text = Annotated[str, Field(max_length=128)]
"""Free text of an inventory: serials, roles, models."""

NetboxId = Annotated[int | None, Field(ge=1, le=2**53)]
"""Id of an object in NetBox."""

AshraeClass = Literal["A1", "A2", "A3", "A4", "H1"]
DeletionPolicy = Literal["Delete", "Retain"]


class Condition(ApiModel):
    """One aspect of the resource's state, as in `metav1.Condition`."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """What the condition is about, for example Ready."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Why, in one CamelCase word; a failure names the dependency and its HTTP status."""
    message: Annotated[str, Field(max_length=1024)]
    """Why, in a sentence."""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the resource that this speaks of."""
    last_transition_time: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})]
    """When the status of this condition last changed."""
