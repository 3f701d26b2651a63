"""Dead letter -> the record that brings it in again, mended or as it was. Pure but for `send`.

The record goes to the topic it came from, with its key and headers; the time that Hono took it stays, so that ingest
judges its age as before. The header `racktwin-replay-of` names the letter: by it the command sees what was replayed and
does not do it twice by accident. The historian's rejects (of readings) carry no headers and go to their topic likewise.
Next: ingest, which reads it as any other record.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from racktwin.kafka import SafeProducer
from racktwin_cli.failures import Failure
from racktwin_cli.rejects.selection import Letter

HEADER: Final = "racktwin-replay-of"
# What JSON lines may change.
_MENDABLE: Final = frozenset({"id", "payload", "payloadEncoding", "headers"})


@dataclass(frozen=True, slots=True)
class Record:
    """What is produced."""

    topic: str
    key: str | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Mend:
    """What a line of the file changes; None leaves as it was."""

    payload: bytes | None = None
    headers: dict[str, str] | None = None


def read_mends(text: str) -> dict[str, Mend]:
    """Mends by letter from JSON lines, as `racktwin rejects --json` prints them: `id`, and what is to be changed.

    Raises:
        Failure: a line is not such; it is named.
    """
    mends: dict[str, Mend] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            mend = _mend(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            raise Failure(
                f"line {number} of the file: {error}", "take a line of racktwin rejects --lines and change its payload"
            ) from error
        mends[mend[0]] = mend[1]
    return mends


def _mend(line: Any) -> tuple[str, Mend]:
    if not isinstance(line, dict) or not isinstance(line.get("id"), str):
        raise TypeError("expected an object with the id of a reject")
    payload = line.get("payload")
    data: bytes | None
    if payload is None:
        data = None
    elif isinstance(payload, str):
        data = _bytes(payload, str(line.get("payloadEncoding", "utf8")))
    else:
        # JSON as it is, without the quoting that text would need.
        data = json.dumps(payload).encode()
    headers = line.get("headers")
    if headers is not None and not isinstance(headers, dict):
        raise TypeError("headers: expected an object of texts")
    return line["id"], Mend(data, None if headers is None else {str(k): str(v) for k, v in headers.items()})


def _bytes(payload: str, encoding: str) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode(payload, validate=True)
        except binascii.Error as error:
            raise ValueError(f"payload: not base64: {error}") from error
    return payload.encode()


def record_of(letter: Letter, mend: Mend | None = None) -> Record:
    """The record that brings a letter in again."""
    reject = letter.reject
    payload = mend.payload if mend is not None else None
    headers = dict(reject.headers)
    if mend is not None and mend.headers is not None:
        # Hono's own headers stay where the file does not name them.
        headers |= mend.headers
    headers[HEADER] = letter.id
    value = payload if payload is not None else _bytes(reject.payload, reject.payload_encoding)
    return Record(reject.topic, reject.key, value, tuple((name, text.encode()) for name, text in headers.items()))


def plan(letters: Iterable[Letter], mends: dict[str, Mend] | None, again: bool) -> tuple[list[Record], list[Letter]]:
    """The records to send, and the letters left out because they were replayed already (unless `again`).

    With mends, only the letters that they name are sent.

    Raises:
        Failure: a mend names a letter that is not among these.
    """
    by_id = {letter.id: letter for letter in letters}
    if mends is not None:
        unknown = [name for name in mends if name not in by_id]
        if unknown:
            raise Failure(
                f"{len(unknown)} line(s) of the file name no such reject, the first {unknown[0]}",
                "widen --since, --reason or --device so that they are among what is read",
            )
        by_id = {name: by_id[name] for name in mends}
    left_out = [letter for letter in by_id.values() if letter.replayed and not again]
    todo = [letter for letter in by_id.values() if again or not letter.replayed]
    return [record_of(letter, (mends or {}).get(letter.id)) for letter in todo], left_out


def send(producer: SafeProducer, records: Sequence[Record], timeout_s: float = 30.0) -> None:
    """Produce all and wait until Kafka has them.

    Raises:
        Failure: Kafka did not acknowledge in time.
        Fatal: Kafka refused a record.
    """
    for record in records:
        producer.produce(record.topic, record.key, record.value, record.headers)
    left = producer.flush(timeout_s)
    if left:
        raise Failure(
            f"Kafka did not acknowledge {left} of {len(records)} record(s)",
            "run the same command again when it answers: what was replayed is left out",
        )
