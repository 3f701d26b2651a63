"""JSON pointers over plain documents: parse, read, and copy-on-write changes.

Pure. Documents are never changed in place: a change returns a new document that shares what did not change, so that
readers, events and the store may keep the old one. Next: :mod:`ditto_lite.merge_patch`, :mod:`ditto_lite.things`.
"""

from __future__ import annotations

from typing import Any, Final

from ditto_lite.errors import error

Path = tuple[str, ...]


class _Missing:
    """The one value that says "no value here" (``None`` is JSON's null)."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


def parse(text: str) -> Path:
    """Path of a pointer with or without its leading slash; ``~1`` and ``~0`` are decoded.

    Raises:
        DittoError: two slashes in a row (``json.pointer.invalid``).
    """
    if text.startswith("/"):
        text = text[1:]
    if text.endswith("/"):
        text = text[:-1]
    if not text:
        return ()
    if "//" in text or text.startswith("/") or text.endswith("/"):
        raise error("json.pointer.invalid", pointer=f"/{text}")
    if "~" in text:
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/"))
    return tuple(text.split("/"))


def text_of(path: Path) -> str:
    """The pointer as text, with its leading slash (``/`` for the root)."""
    return "/" + "/".join(
        part.replace("~", "~0").replace("/", "~1") if "/" in part or "~" in part else part for part in path
    )


def get(document: Any, path: Path) -> Any:
    """The value at a path, or ``MISSING``. Arrays have no addressable elements, as in Ditto."""
    for part in path:
        if not isinstance(document, dict) or part not in document:
            return MISSING
        document = document[part]
    return document


def put(document: Any, path: Path, value: Any) -> Any:
    """The document with ``value`` at ``path``; what is missing or not an object on the way becomes an object."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else {}
    copy[path[0]] = put(copy.get(path[0]), path[1:], value)
    return copy


def remove(document: Any, path: Path) -> Any:
    """The document without the value at ``path``; unchanged if there is none."""
    if not path or not isinstance(document, dict) or path[0] not in document:
        return document
    copy = dict(document)
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = remove(copy[path[0]], path[1:])
    return copy
