"""Errors of things, their features and the Thing Models they name. Pure."""

from __future__ import annotations

from typing import Final

from ditto_lite.error_catalogue.wording import (
    ID_HINT,
    ID_HREF,
    NOT_MODIFIABLE,
    OR_FORBIDDEN,
    PRECONDITION,
    PRECONDITION_HINT,
    Entry,
)

_THING_HINT: Final = "Check if the ID of your requested Thing was correct and you have sufficient permissions."
_PROPERTY_HINT: Final = (
    "Check if the ID of the Thing, the Feature ID and the key of your requested {what} was correct and you have "
    "sufficient permissions."
)
_FEATURE_HINT: Final = (
    "Check if the ID of the Thing and the ID of your requested Feature was correct and you have sufficient permissions."
)
_OR_THE_FORBIDDEN: Final = "could not be found or the requester had insufficient permissions to access it."
_HISTORY_HINT: Final = (
    "Check if the ID of your requested Thing was correct, you have sufficient permissions and ensure that the "
    "asked for "
    "revision/timestamp does not exceed the history-retention-duration or is from the future."
)

THINGS: Final[dict[str, Entry]] = {
    "things:thing.notfound": (404, "The Thing with ID '{id}' " + OR_FORBIDDEN, _THING_HINT),
    "things:thing.conflict": (409, "The Thing with ID '{id}' already exists", "Choose another Thing ID"),
    "things:thing.notmodifiable": (
        403,
        "The Thing with ID '{id}' " + NOT_MODIFIABLE + " (WRITE is required).",
        _THING_HINT,
    ),
    "things:thing.notdeletable": (
        403,
        "The Thing with ID '{id}' could not be deleted as the requester had insufficient permissions ( WRITE on root "
        "resource is required).",
        _THING_HINT,
    ),
    "things:thing.notcreatable": (
        400,
        "The Thing with ID '{id}' could not be created because creation of its implicit Policy ID '{policy}' failed.",
        "If you want to use an existing Policy, specify it as 'policyId' in the Thing JSON you create.",
    ),
    "things:thing.toolarge": (
        413,
        "The size of '{size}' kB exceeds the maximal allowed Thing size of '{limit}' kB.",
        "Reduce the Thing size in the bounds of the specified limit",
    ),
    "things:thing.history.notfound": (
        404,
        "The Thing with ID '{id}' at {what} '{value}' " + OR_FORBIDDEN,
        _HISTORY_HINT,
    ),
    "things:id.invalid": (400, "Thing ID '{id}' is not valid!", ID_HINT, ID_HREF),
    "things:id.notsettable": (
        400,
        "The Thing ID in the request body is not equal to the Thing ID in the request URL.",
        "Either delete the Thing ID from the request body or use the same Thing ID as in the request URL.",
    ),
    "things:policyId.notfound": (404, "The Policy ID of the Thing with ID '{id}' " + _OR_THE_FORBIDDEN, _THING_HINT),
    "things:policyId.notmodifiable": (
        403,
        "The Policy ID of the Thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _THING_HINT,
    ),
    "things:policyId.notdeletable": (
        403,
        "The Policy ID of the Thing with ID '{id}' can not be deleted.",
        "Set another one.",
    ),
    "things:definition.notfound": (
        404,
        "The Definition of the Thing with ID <{id}> " + _OR_THE_FORBIDDEN,
        "Check if the ID of the thing and the key of your requested definition was correct and you have sufficient "
        "permissions.",
    ),
    "things:definition.notmodifiable": (
        403,
        "The Definition of the Thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _THING_HINT,
    ),
    "things:definition.identifier.invalid": (
        400,
        "Definition identifier <{identifier}> is invalid!",
        "An identifier string is expected to have the structure 'namespace:name:version' where each segment "
        "must contain "
        "at least one char of [_a-zA-Z0-9\\-.] OR it must be a valid HTTP(s) URL.",
    ),
    "things:attributes.notfound": (404, "The attributes on the thing with ID '{id}' " + _OR_THE_FORBIDDEN, _THING_HINT),
    "things:attributes.notmodifiable": (
        403,
        "The attributes on the thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _THING_HINT,
    ),
    "things:attribute.notfound": (
        404,
        "The attribute with key '{pointer}' on the thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        "Check if the ID of the thing and the key of your requested attribute was correct and you have "
        "sufficient permissions.",
    ),
    "things:attribute.notmodifiable": (
        403,
        # The leading space is Ditto's.
        " The Attribute with name '{resource}' on the Thing with ID '{id}' " + NOT_MODIFIABLE + " (WRITE is required).",
        _THING_HINT,
    ),
    "things:features.notfound": (404, "The Features on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN, _THING_HINT),
    "things:features.notmodifiable": (
        403,
        "The Features on the Thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _THING_HINT,
    ),
    "things:feature.notfound": (
        404,
        "The Feature with ID '{feature}' on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        _FEATURE_HINT,
    ),
    "things:feature.notmodifiable": (
        403,
        "The Feature with ID '{feature}' on the Thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _FEATURE_HINT,
    ),
    "things:feature.definition.notfound": (
        404,
        "The Definition of the Feature with ID '{feature}' on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        _FEATURE_HINT,
    ),
    "things:feature.definition.notmodifiable": (
        403,
        "The Definition of the Feature with ID '{feature}' on the Thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _FEATURE_HINT,
    ),
    "things:feature.properties.notfound": (
        404,
        "The Properties of the Feature with ID '{feature}' on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        _FEATURE_HINT,
    ),
    "things:feature.properties.notmodifiable": (
        403,
        "The Properties of the Feature with ID '{feature}' on the Thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _FEATURE_HINT,
    ),
    "things:feature.property.notfound": (
        404,
        "The Property with JSON Pointer '{pointer}' of the Feature with ID '{feature}' on the Thing with ID "
        "'{id}' does not "
        "exist or the requester had insufficient permissions to access it.",
        _PROPERTY_HINT.replace("{what}", "property"),
    ),
    "things:feature.property.notmodifiable": (
        403,
        "The Property with JSON Pointer '{resource}' of the Feature with ID '{feature}' on the Thing with ID '{id}' "
        + NOT_MODIFIABLE
        + " to modify it (WRITE is required).",
        _PROPERTY_HINT.replace("{what}", "property"),
    ),
    "things:feature.desiredProperties.notfound": (
        404,
        "The desired properties of the Feature with ID '{feature}' on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        _FEATURE_HINT,
    ),
    "things:feature.desiredProperties.notmodifiable": (
        403,
        "The desired properties of the Feature with ID '{feature}' on the Thing with ID '{id}' " + NOT_MODIFIABLE + ".",
        _FEATURE_HINT,
    ),
    "things:feature.desiredProperty.notfound": (
        404,
        "The desired property with JSON Pointer '{pointer}' of the Feature with ID '{feature}' on the Thing "
        "with ID '{id}' "
        "does not exist or the requester had insufficient permissions to access it.",
        _PROPERTY_HINT.replace("{what}", "desired property"),
    ),
    "things:feature.desiredProperty.notmodifiable": (
        403,
        "The desired property with JSON Pointer '{resource}' of the Feature with ID '{feature}' on the Thing "
        "with ID '{id}' " + NOT_MODIFIABLE + " to modify it (WRITE is required).",
        _PROPERTY_HINT.replace("{what}", "desired property"),
    ),
    "things:precondition.failed": (412, PRECONDITION, PRECONDITION_HINT),
    "things:condition.failed": (
        412,
        "The specified condition does not match the state of the requested Thing.",
        "The provided condition did not match the actual Thing state. Please check your provided condition.",
    ),
    "things:condition.invalid": (400, "The specified condition '{condition}' is invalid.", "{reason}"),
    # Web of Things
    "wot:tm.notfound": (
        421,
        "The WoT ThingModel at URI '{url}' could not be accessed.",
        "Please ensure that the linked ThingModel is publicly available in order to be downloaded.",
    ),
    "wot:payload.validation.error": (
        400,
        "The provided payload did not conform to the specified WoT (Web of Things) model.",
        "{reason}",
    ),
    "things:merge.invalid": (
        400,
        "The provided json value can not be applied at this resource",
        "The provided JSON Merge Patch cannot be applied at the given path.",
        "https://tools.ietf.org/html/rfc7396",
    ),
}
