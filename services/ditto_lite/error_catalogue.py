"""Ditto's errors as data: code, HTTP status, message and description.

Clients recognise errors by status and code; the texts are those that a Ditto 3.9 sends, where its answers are known.
One table on purpose, however long. Pure. Next: :func:`ditto_lite.errors.error` fills the texts in.
"""

from __future__ import annotations

from typing import Any, Final

_THING_HINT: Final = "Check if the ID of your requested Thing was correct and you have sufficient permissions."
_PROPERTY_HINT: Final = (
    "Check if the ID of the Thing, the Feature ID and the key of your requested {what} was correct and you have "
    "sufficient permissions."
)
_FEATURE_HINT: Final = (
    "Check if the ID of the Thing and the ID of your requested Feature was correct and you have sufficient permissions."
)
_POLICY_HINT: Final = "Check if the ID of your requested Policy was correct and you have sufficient permissions."
_ENTRY_HINT: Final = (
    "Check if the ID of the Policy and the Label of your requested PolicyEntry was correct and you have sufficient "
    "permissions."
)
_JSON_HINT: Final = "Check if the JSON was valid (e.g. on https://jsonlint.com) and if it was in required format."
_ID_HINT: Final = "It must conform to the namespaced entity ID notation (see Ditto documentation)"
_ID_HREF: Final = "https://www.eclipse.dev/ditto/basic-namespaces-and-names.html#namespaced-id"
_OR_FORBIDDEN: Final = "could not be found or requester had insufficient permissions to access it."
_OR_THE_FORBIDDEN: Final = "could not be found or the requester had insufficient permissions to access it."
_NOT_MODIFIABLE: Final = "could not be modified as the requester had insufficient permissions"
_PRECONDITION: Final = (
    "The comparison of precondition header '{header}' for the requested {resource} resource evaluated to false. "
    "Header value: '{value}', actual entity-tag: '{actual}'."
)
_PRECONDITION_HINT: Final = (
    "The comparison of the provided precondition header with the current ETag value of the requested {resource} "
    "resource "
    "evaluated to false. Check the value of your conditional header value."
)
_EXPIRY_HINT: Final = "It must not be in the past, please adjust to a timestamp in the future."
_HISTORY_HINT: Final = (
    "Check if the ID of your requested Thing was correct, you have sufficient permissions and ensure that the "
    "asked for "
    "revision/timestamp does not exceed the history-retention-duration or is from the future."
)

# code -> (status, message, description[, href])
CATALOGUE: Final[dict[str, tuple[Any, ...]]] = {
    # things
    "things:thing.notfound": (404, "The Thing with ID '{id}' " + _OR_FORBIDDEN, _THING_HINT),
    "things:thing.conflict": (409, "The Thing with ID '{id}' already exists", "Choose another Thing ID"),
    "things:thing.notmodifiable": (
        403,
        "The Thing with ID '{id}' " + _NOT_MODIFIABLE + " (WRITE is required).",
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
        "The Thing with ID '{id}' at {what} '{value}' " + _OR_FORBIDDEN,
        _HISTORY_HINT,
    ),
    "things:id.invalid": (400, "Thing ID '{id}' is not valid!", _ID_HINT, _ID_HREF),
    "things:id.notsettable": (
        400,
        "The Thing ID in the request body is not equal to the Thing ID in the request URL.",
        "Either delete the Thing ID from the request body or use the same Thing ID as in the request URL.",
    ),
    "things:policyId.notfound": (404, "The Policy ID of the Thing with ID '{id}' " + _OR_THE_FORBIDDEN, _THING_HINT),
    "things:policyId.notmodifiable": (
        403,
        "The Policy ID of the Thing with ID '{id}' " + _NOT_MODIFIABLE + ".",
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
        "The Definition of the Thing with ID '{id}' " + _NOT_MODIFIABLE + ".",
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
        "The attributes on the thing with ID '{id}' " + _NOT_MODIFIABLE + ".",
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
        " The Attribute with name '{resource}' on the Thing with ID '{id}' "
        + _NOT_MODIFIABLE
        + " (WRITE is required).",
        _THING_HINT,
    ),
    "things:features.notfound": (404, "The Features on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN, _THING_HINT),
    "things:features.notmodifiable": (
        403,
        "The Features on the Thing with ID '{id}' " + _NOT_MODIFIABLE + ".",
        _THING_HINT,
    ),
    "things:feature.notfound": (
        404,
        "The Feature with ID '{feature}' on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        _FEATURE_HINT,
    ),
    "things:feature.notmodifiable": (
        403,
        "The Feature with ID '{feature}' on the Thing with ID '{id}' " + _NOT_MODIFIABLE + ".",
        _FEATURE_HINT,
    ),
    "things:feature.definition.notfound": (
        404,
        "The Definition of the Feature with ID '{feature}' on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        _FEATURE_HINT,
    ),
    "things:feature.definition.notmodifiable": (
        403,
        "The Definition of the Feature with ID '{feature}' on the Thing with ID '{id}' " + _NOT_MODIFIABLE + ".",
        _FEATURE_HINT,
    ),
    "things:feature.properties.notfound": (
        404,
        "The Properties of the Feature with ID '{feature}' on the Thing with ID '{id}' " + _OR_THE_FORBIDDEN,
        _FEATURE_HINT,
    ),
    "things:feature.properties.notmodifiable": (
        403,
        "The Properties of the Feature with ID '{feature}' on the Thing with ID '{id}' " + _NOT_MODIFIABLE + ".",
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
        + _NOT_MODIFIABLE
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
        "The desired properties of the Feature with ID '{feature}' on the Thing with ID '{id}' "
        + _NOT_MODIFIABLE
        + ".",
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
        "with ID '{id}' " + _NOT_MODIFIABLE + " to modify it (WRITE is required).",
        _PROPERTY_HINT.replace("{what}", "desired property"),
    ),
    "things:precondition.failed": (412, _PRECONDITION, _PRECONDITION_HINT),
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
    # policies
    "policies:policy.notfound": (404, "The Policy with ID '{id}' " + _OR_FORBIDDEN, _POLICY_HINT),
    "policies:policy.notmodifiable": (403, "The Policy with ID '{id}' " + _NOT_MODIFIABLE + ".", _POLICY_HINT),
    "policies:policy.notcreatable": (
        403,
        "The Policy with ID '{id}' could not be created as the requester had insufficient permissions.",
        "Check if you have sufficient permissions in the new policy to create.",
    ),
    "policies:policy.modificationinvalid": (
        403,
        "The Policy with ID '{id}' could not be modified as the resulting Policy would be invalid.",
        "It must contain at least one permanent Subject with permission(s) <[WRITE]> on resource <policy:/>!",
    ),
    "policies:policy.conflict": (409, "The Policy with ID '{id}' already exists", "Choose another Policy ID"),
    "policies:id.invalid": (400, "Policy ID '{id}' is not valid!", _ID_HINT, _ID_HREF),
    "policies:id.notsettable": (
        400,
        "The Policy ID in the request body is not equal to the Policy ID in the request URL.",
        "Either delete the Policy ID from the request body or use the same Policy ID as in the request URL.",
    ),
    "policies:precondition.failed": (412, _PRECONDITION, _PRECONDITION_HINT),
    "policies:entry.notfound": (
        404,
        "The PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + _OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:entry.notmodifiable": (
        403,
        "The PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + _NOT_MODIFIABLE + ".",
        _ENTRY_HINT,
    ),
    "policies:entry.modificationinvalid": (
        403,
        "The PolicyEntry with Label '{label}' on the Policy with ID '{id}' could not be modified as the "
        "resulting Policy would "
        "be invalid.",
        "It must contain at least one permanent Subject with permission(s) <[WRITE]> on resource <policy:/>!",
    ),
    "policies:subjects.notfound": (
        404,
        "The Subjects of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + _OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:subject.notfound": (
        404,
        "The Subject with ID '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + _OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:subject.notmodifiable": (
        403,
        "The Subject with ID '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + _NOT_MODIFIABLE
        + ".",
        _ENTRY_HINT,
    ),
    "policies:resources.notfound": (
        404,
        "The Resources of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + _OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:resource.notfound": (
        404,
        "The Resource with path '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + _OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:resource.notmodifiable": (
        403,
        "The Resource with path '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + _NOT_MODIFIABLE
        + ".",
        _ENTRY_HINT,
    ),
    "policies:import.notfound": (
        404,
        "The PolicyImport with imported ID '{name}' on the Policy with ID '{id}' " + _OR_FORBIDDEN,
        _POLICY_HINT,
    ),
    "policies:import.notmodifiable": (
        403,
        "The PolicyImport with imported ID '{name}' on the Policy with ID '{id}' " + _NOT_MODIFIABLE + ".",
        _POLICY_HINT,
    ),
    "policies:imports.notmodifiable": (
        403,
        "The imports of the Policy with ID '{id}' " + _NOT_MODIFIABLE + ".",
        _POLICY_HINT,
    ),
    "policies:subjectid.invalid": (
        400,
        "Subject ID '{subject}' is not valid!",
        "It must contain an issuer as prefix separated by a colon ':' from the actual subject",
    ),
    "policies:subjectexpiry.invalid": (400, "Subject expiry timestamp '{expiry}' is not valid.", _EXPIRY_HINT),
    "policies:action.failed": (
        400,
        "Failed to execute action '{action}'.",
        "Policy action is only possible with JWT authentication.",
    ),
    # JSON, media types, RQL, search
    "json.invalid": (400, "Failed to parse JSON string '{text}'!", _JSON_HINT),
    "json.field.missing": (
        400,
        "JSON did not include required <{field}> field!",
        "Check if all required JSON fields were set.",
    ),
    "json.pointer.invalid": (
        400,
        "The JSON pointer <{pointer}> is invalid!",
        "Consecutive slashes in JSON pointers are not supported.",
    ),
    "json.fieldselector.invalid": (
        400,
        "The field selector <{selector}> is invalid!",
        "Check, for example, if the amount of opening parentheses '(' matches the amount of closing ones ')'.",
    ),
    "mediatype.unsupported": (
        415,
        "The Media-Type <{given}> is not supported for this resource.",
        "Allowed Media-Types are: <[application/octet-stream, application/json]>.",
    ),
    "rql.expression.invalid": (
        400,
        "{reason}",
        "Ensure that all opening parentheses have also closing ones and that the RQL expression is valid.",
    ),
    "thing-search:search.option.invalid": (400, "{reason}", "At least one provided option is invalid."),
    "header.invalid": (
        400,
        "The value '{value}' of the header '{header}' is not a valid {kind}.",
        "Verify that the value of the header '{header}' is a valid '{kind}' and try again.",
    ),
    # gateway
    "gateway:authentication.failed": (401, "{reason}", "Check if your credentials were correct."),
    "gateway:timeout.invalid": (
        400,
        "The timeout <{timeout}ms> is not inside its allowed bounds <0ms - 60,000ms>",
        "Choose a timeout inside the bounds.",
    ),
    "timeout.invalid": (
        400,
        "The timeout <{timeout}ms> is not inside its allowed bounds <0ms - 60,000ms>",
        "Please choose a valid timeout.",
    ),
    "command.timeout": (
        408,
        "The Command reached the specified timeout of {timeout}ms.",
        "Try increasing the command timeout.",
    ),
    "acknowledgement:request.timeout": (
        408,
        "The acknowledgement request reached the specified timeout of {timeout}ms.",
        "Try increasing the timeout and make sure that the requested acknowledgement is sent back in time.",
    ),
    "api.version.notsupported": (
        404,
        "The requested resource is not supported by version '{version}'.",
        "Check if you specified the correct version of the API.",
    ),
    # messages
    "messages:send.notallowed": (
        403,
        "You are not allowed to send messages for the Thing with id '{id}'!",
        "Please make sure that the Thing exists and that you have WRITE permissions on the message resource in "
        "the policy of "
        "the Thing.",
    ),
    "messages:payload.toolarge": (
        413,
        "The message payload size of '{size}' kB exceeds the maximal allowed size of '250' kB.",
        "Reduce the message payload in the bounds of the specified limit",
    ),
    "things:merge.invalid": (
        400,
        "The provided json value can not be applied at this resource",
        "The provided JSON Merge Patch cannot be applied at the given path.",
        "https://tools.ietf.org/html/rfc7396",
    ),
    # protocol
    "protocoladapter:unknown.topicpath": (400, "The topic path '{topic}' is not supported.", "{reason}"),
    "protocoladapter:unknown.path": (
        400,
        "The path '{path}' does not correspond to any known command, response or event.",
        "Check if the path is correct.",
    ),
    # connectivity
    "connectivity:connection.notfound": (
        404,
        "The Connection with ID '{id}' " + _OR_FORBIDDEN,
        "Check if the ID of your requested Connection was correct and you have sufficient permissions.",
    ),
    "connectivity:connection.configuration.invalid": (
        400,
        "{reason}",
        "Make sure all required properties are set and valid in the configuration.",
    ),
    "connectivity:connection.uri.invalid": (
        400,
        "The Connection URI '{uri}' has an invalid format.",
        "The accepted format is {{protocol}}://{{username}}:{{password}}@{{hostname}}:{{port}}/{{path}}",
    ),
    "connectivity:connection.failed": (
        504,
        "The Connection with ID '{id}' failed to connect.",
        "Could not establish a connection on '{address}'. Make sure the endpoint is reachable and that no "
        "firewall prevents "
        "the connection.",
    ),
    "connectivity:connection.id.enforcement.failed": (
        400,
        "The configured filters could not be matched against the given target with ID '{id}'.",
        "Either modify the configured filter or ensure that the message is sent via the correct ID.",
    ),
    "connectivity:command.invalid": (
        400,
        "The command <{command}> is invalid or unknown.",
        "Choose from one of the valid commands, e.g. <connectivity.commands:openConnection>.",
    ),
}
