"""Errors of policies and their entries. Pure."""

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

_POLICY_HINT: Final = "Check if the ID of your requested Policy was correct and you have sufficient permissions."
_ENTRY_HINT: Final = (
    "Check if the ID of the Policy and the Label of your requested PolicyEntry was correct and you have sufficient "
    "permissions."
)
_EXPIRY_HINT: Final = "It must not be in the past, please adjust to a timestamp in the future."

POLICIES: Final[dict[str, Entry]] = {
    "policies:policy.notfound": (404, "The Policy with ID '{id}' " + OR_FORBIDDEN, _POLICY_HINT),
    "policies:policy.notmodifiable": (403, "The Policy with ID '{id}' " + NOT_MODIFIABLE + ".", _POLICY_HINT),
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
    "policies:id.invalid": (400, "Policy ID '{id}' is not valid!", ID_HINT, ID_HREF),
    "policies:id.notsettable": (
        400,
        "The Policy ID in the request body is not equal to the Policy ID in the request URL.",
        "Either delete the Policy ID from the request body or use the same Policy ID as in the request URL.",
    ),
    "policies:precondition.failed": (412, PRECONDITION, PRECONDITION_HINT),
    "policies:entry.notfound": (
        404,
        "The PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:entry.notmodifiable": (
        403,
        "The PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + NOT_MODIFIABLE + ".",
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
        "The Subjects of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:subject.notfound": (
        404,
        "The Subject with ID '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:subject.notmodifiable": (
        403,
        "The Subject with ID '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + NOT_MODIFIABLE
        + ".",
        _ENTRY_HINT,
    ),
    "policies:resources.notfound": (
        404,
        "The Resources of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' " + OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:resource.notfound": (
        404,
        "The Resource with path '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + OR_FORBIDDEN,
        _ENTRY_HINT,
    ),
    "policies:resource.notmodifiable": (
        403,
        "The Resource with path '{name}' of the PolicyEntry with Label '{label}' on the Policy with ID '{id}' "
        + NOT_MODIFIABLE
        + ".",
        _ENTRY_HINT,
    ),
    "policies:import.notfound": (
        404,
        "The PolicyImport with imported ID '{name}' on the Policy with ID '{id}' " + OR_FORBIDDEN,
        _POLICY_HINT,
    ),
    "policies:import.notmodifiable": (
        403,
        "The PolicyImport with imported ID '{name}' on the Policy with ID '{id}' " + NOT_MODIFIABLE + ".",
        _POLICY_HINT,
    ),
    "policies:imports.notmodifiable": (
        403,
        "The imports of the Policy with ID '{id}' " + NOT_MODIFIABLE + ".",
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
}
