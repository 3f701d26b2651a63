"""What could not be used -> records for ``racktwin.rejects.<site>``.

Pure. One reject per message, reason and thing: a pack with a thousand bad values of one thing makes one record, which
holds those values alone and not the good ones beside them. Next: the rejects topic, read by `racktwin rejects`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from ingest.intake import Inbound
from ingest.measured import BadRecord
from racktwin import senml
from racktwin.messages import Reject

# Kafka takes 1 MB records by default; base64 and the envelope need their share.
_PAYLOAD_LIMIT: Final = 512 * 1024
_RECORDS_LIMIT: Final = 2000


def rejects_of(message: Inbound, bad: Iterable[BadRecord], now: int) -> list[Reject]:
    """The rejects of one message's bad records; `now` in epoch ms."""
    groups: dict[tuple[str, str | None], list[BadRecord]] = {}
    for record in bad:
        groups.setdefault((record.reason, record.thing), []).append(record)
    return [_reject(message, group, now) for group in groups.values()]


def _reject(message: Inbound, group: list[BadRecord], now: int) -> Reject:
    first = group[0]
    detail = first.detail if len(group) == 1 else f"{first.detail} (and {len(group) - 1} more such values)"
    headers = message.headers
    alone = [item for record in group if record.payload for item in record.payload][:_RECORDS_LIMIT]
    if alone:
        payload, encoding = _text(msgspec.json.encode(alone))
        headers = {**headers, "content-type": senml.CONTENT_TYPE}
    else:
        payload, encoding = _text(message.payload)
        if len(message.payload) > _PAYLOAD_LIMIT:
            detail += f" (payload cut to {_PAYLOAD_LIMIT} of {len(message.payload)} bytes)"
    return Reject(
        reason=first.reason,
        detail=detail,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        headers=headers,
        payload=payload,
        payload_encoding=encoding,
        device=message.device or None,
        rejected_at=now,
        v=1,
    )


def _text(payload: bytes) -> tuple[str, Literal["utf8", "base64"]]:
    payload = payload[:_PAYLOAD_LIMIT]
    try:
        return payload.decode(), "utf8"
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode(), "base64"
