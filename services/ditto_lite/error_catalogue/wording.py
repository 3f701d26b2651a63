"""Wording that errors of several kinds share."""

from __future__ import annotations

from typing import Any, Final

# Status, message, description and, where Ditto gives one, link.
Entry = tuple[Any, ...]

ID_HINT: Final = "It must conform to the namespaced entity ID notation (see Ditto documentation)"
ID_HREF: Final = "https://www.eclipse.dev/ditto/basic-namespaces-and-names.html#namespaced-id"
OR_FORBIDDEN: Final = "could not be found or requester had insufficient permissions to access it."
NOT_MODIFIABLE: Final = "could not be modified as the requester had insufficient permissions"
PRECONDITION: Final = (
    "The comparison of precondition header '{header}' for the requested {resource} resource evaluated to false. "
    "Header value: '{value}', actual entity-tag: '{actual}'."
)
PRECONDITION_HINT: Final = (
    "The comparison of the provided precondition header with the current ETag value of the requested {resource} "
    "resource "
    "evaluated to false. Check the value of your conditional header value."
)
