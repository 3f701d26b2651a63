"""Which operator set an ONNX graph is written for, read from its own bytes. Pure.

A manifest may claim anything, and onnxruntime does not tell. The `onnx` package is for trainings; who serves needs
one number, so the outermost message is walked here (protocol buffers' wire format; onnx.proto: ModelProto.opset_import
= 8, OperatorSetIdProto.domain = 1, .version = 2). Next: `models.checked`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_OPSET_IMPORT, _DOMAIN, _VERSION = 8, 1, 2
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
# Two names of the default domain.
_DEFAULT: Final = (b"", b"ai.onnx")
_LONGEST_VARINT: Final = 10


def opset_of(graph: bytes) -> int | None:
    """The operator set of the default domain; None where the graph names none.

    Raises:
        ValueError: these bytes are no message of protocol buffers.
    """
    for number, value in _fields(memoryview(graph)):
        if number != _OPSET_IMPORT or isinstance(value, int):
            continue
        entry = dict(_fields(value))
        domain, version = entry.get(_DOMAIN, b""), entry.get(_VERSION, 0)
        if domain in _DEFAULT and isinstance(version, int):
            return version
    return None


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: a number, or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _LENGTH:
            length, at = _varint(message, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"field {number} is of wire type {kind}")
        if at + length > len(message):
            raise ValueError(f"field {number} ends after the message")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(_LONGEST_VARINT):
        if at + shift >= len(message):
            break
        byte = message[at + shift]
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return value, at + shift + 1
    raise ValueError(f"no number at byte {at}")
