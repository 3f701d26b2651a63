"""The exception that carries an answer other than success.

Pure. Next: the HTTP application and the protocol adapter turn it into an answer.
"""

from __future__ import annotations

from typing import Any

from ditto_lite.error_catalogue import CATALOGUE


class DittoError(Exception):
    """An answer other than success. ``payload`` is the JSON that Ditto sends; ``etag`` goes into the headers if
    known."""

    def __init__(self, code: str, status: int, message: str, description: str, href: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.payload: dict[str, Any] = {"status": status, "error": code, "message": message, "description": description}
        if href is not None:
            self.payload["href"] = href
        self.etag: str | None = None


def error(
    code: str,
    *,
    status: int | None = None,
    message: str | None = None,
    description: str | None = None,
    etag: str | None = None,
    extra: dict[str, Any] | None = None,
    **facts: object,
) -> DittoError:
    """The error of a code with its texts filled in; ``status``, ``message`` and ``description`` override the
    catalogue's.

    Raises:
        KeyError: the code is not in the catalogue, or a fact that its text needs is missing (a fault of ours).
    """
    entry = CATALOGUE[code]
    raised = DittoError(
        code,
        status or entry[0],
        message if message is not None else entry[1].format(**facts),
        description if description is not None else entry[2].format(**facts) if facts else entry[2],
        entry[3] if len(entry) > 3 else None,
    )
    raised.etag = etag
    if extra:
        raised.payload.update(extra)
    return raised
