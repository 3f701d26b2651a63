"""What refusals look like: one form, documented at every route."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel


class Problem(BaseModel):
    """Why something was not done: names the field and what was expected."""

    detail: str


_SCHEMA: Final = Problem.model_json_schema()
_SAID: Final = {
    401: "Nobody is signed in.",
    403: "The role does not allow it, or the request does not come from our page.",
    404: "There is no such thing, or it is not for this user.",
    409: "It has changed meanwhile.",
    413: "More than is taken.",
    422: "The request is not understood.",
    429: "Too many requests; `Retry-After` says when to come again.",
    502: "What stands behind refused.",
    503: "What stands behind does not answer.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Documentation of refusals for a route or router."""
    return {
        # JSON also where the answer itself is none.
        status: {"description": _SAID[status], "content": {"application/json": {"schema": _SCHEMA}}}
        for status in sorted(statuses)
    }
