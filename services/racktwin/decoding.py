"""Reads JSON by a type; whatever is wrong with it is one error. Pure. Next: `messages` and what else reads records."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_json(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    """What the decoder reads.

    Raises:
        msgspec.DecodeError: not JSON in UTF-8, or a field is missing or of a wrong type (the message names it).
    """
    try:
        return decoder.decode(data)
    except UnicodeDecodeError as error:
        # Text that is no UTF-8 has an error of its own.
        raise msgspec.DecodeError(str(error)) from error
