"""Errors of requests as such: JSON, headers, searches, messages, the protocol and connections. Pure."""

from __future__ import annotations

from typing import Final

from ditto_lite.error_catalogue.wording import OR_FORBIDDEN, Entry

_JSON_HINT: Final = "Check if the JSON was valid (e.g. on https://jsonlint.com) and if it was in required format."

REQUESTS: Final[dict[str, Entry]] = {
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
        "The Connection with ID '{id}' " + OR_FORBIDDEN,
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
