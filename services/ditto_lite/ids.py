"""Identifiers of things and policies: their form, and what follows from it.

Pure. A namespaced id is ``<namespace>:<name>``; the namespace is dotted or dashed words that begin with a letter, the
name has neither slashes nor control characters.
"""

from __future__ import annotations

import re

from ditto_lite.errors import error

_ID = re.compile(r"^(?:[a-zA-Z]\w*(?:[.-][a-zA-Z]\w*)*)?:[^\x00-\x1f\x7f-\xff/]+$", re.ASCII)
_DEFINITION = re.compile(r"^[_a-zA-Z0-9.-]+:[_a-zA-Z0-9.-]+:[_a-zA-Z0-9.-]+$")
_URL = re.compile(r"^https?://[^\s]+$")
MAX_ID = 256


def check_thing_id(text: str) -> str:
    """Return the id unchanged.

    Raises:
        DittoError: it is not a namespaced id (``things:id.invalid``).
    """
    if len(text) > MAX_ID or not _ID.match(text):
        raise error("things:id.invalid", id=text)
    return text


def check_policy_id(text: str) -> str:
    """Return the id unchanged.

    Raises:
        DittoError: it is not a namespaced id (``policies:id.invalid``).
    """
    if len(text) > MAX_ID or not _ID.match(text):
        raise error("policies:id.invalid", id=text)
    return text


def check_definition(text: object) -> str:
    """Return a definition identifier (``namespace:name:version`` or a URL) unchanged.

    Raises:
        DittoError: it is neither (``things:definition.identifier.invalid``).
    """
    if not isinstance(text, str) or not (_DEFINITION.match(text) or _URL.match(text)):
        raise error("things:definition.identifier.invalid", identifier=text)
    return text
