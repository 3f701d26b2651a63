"""Records of a source to commands, and their results to answers.

No I/O: a record is plain data here. Next: :mod:`ditto_lite.kafka_link` sends the answers once the changes are durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from ditto_lite import protocol
from ditto_lite.bus import Bus
from ditto_lite.connection_config import ReplyPlan, SourcePlan
from ditto_lite.errors import DittoError, error
from ditto_lite.messages import Messages
from ditto_lite.meters import Meters
from ditto_lite.metrics import KAFKA_REFUSED
from ditto_lite.placeholders import Facts, Template
from ditto_lite.protocol import Envelope
from ditto_lite.rates import Operation, kafka_operation
from ditto_lite.twin import Twin

_NO_COMMAND: Final = ("protocoladapter:", "mediatype.", "json.", "things:merge.invalid", "things:id.", "policies:id.")


@dataclass(slots=True)
class Inbound:
    """One record as it came."""

    value: bytes
    key: str
    topic: str
    timestamp_ms: int
    headers: Sequence[tuple[str, str | bytes | None]]


@dataclass(slots=True)
class Reply:
    """One answer, to be sent once the batch is durable."""

    plan: ReplyPlan
    body: dict[str, Any]
    entity_id: str


class SourceCommands:
    """Executes the records of one connection's sources."""

    def __init__(self, connection_id: str, twin: Twin, bus: Bus, messages: Messages, meters: Meters) -> None:
        self._id = connection_id
        self._twin = twin
        self._bus = bus
        self._messages = messages
        self._meters = meters
        self._log = structlog.get_logger().bind(connection=connection_id)

    def execute(self, source: SourcePlan, record: Inbound) -> Reply | None:
        """Execute one record; its answer, if one is wanted.

        Raises:
            ModelNeeded: a Thing Model has to be fetched first; execute it again then.
        """
        envelope: Envelope | None = None
        try:
            envelope = protocol.decode(record.value, mapped_headers(source, record))
            if source.enforcement is not None:
                _enforce(source.enforcement, envelope, _outer(record))
            if envelope.criterion == "messages":
                self._live(envelope, source)
                return None
            command = protocol.command_of(envelope, source.subjects, self._id)
            required = envelope.headers["response-required"] = answer_required(envelope.headers)
            if envelope.group == "things":
                result = self._twin.execute(command)
            else:
                result = self._twin.policy_commands.execute(command)
        except DittoError as raised:
            return self.refuse(source, record, raised, envelope)
        if not required or source.reply is None or "response" not in source.reply.expected:
            return None
        return Reply(source.reply, protocol.response(envelope, result, source.subjects[0]), envelope.entity_id)

    def refuse(
        self, source: SourcePlan, record: Inbound, raised: DittoError, envelope: Envelope | None = None
    ) -> Reply | None:
        """Note a refused record; the error to answer, if answers are wanted."""
        self._meters.count("inbound", source.addresses[0], "mapped" if envelope is None else "enforced", success=False)
        KAFKA_REFUSED.labels(self._id, raised.code).inc()
        self._log.debug(
            "command refused",
            error=raised.code,
            status=raised.status,
            message=raised.payload["message"],
            topic=envelope.topic if envelope else None,
        )
        if source.reply is None or "error" not in source.reply.expected:
            return None
        if envelope is not None and not answer_required(envelope.headers):
            return None
        extra: dict[str, Any] = mapped_headers(source, record)
        # What the protocol adapter cannot read was not yet known to be for any entity …
        unread = envelope is None or raised.code == "protocoladapter:unknown.topicpath"
        if unread:
            extra |= {"kafka.topic": record.topic, "kafka.key": record.key, "kafka.timestamp": str(record.timestamp_ms)}
            if envelope is not None and (correlation := envelope.headers.get("correlation-id")) is not None:
                extra["correlation-id"] = correlation
        # … and what it cannot make a command of was not yet known to be from anybody.
        originator = None if unread or raised.code.startswith(_NO_COMMAND) else source.subjects[0]
        body = protocol.error_response(None if unread else envelope, raised, originator, extra)
        return Reply(source.reply, body, envelope.entity_id if envelope and not unread else "")

    def _live(self, envelope: Envelope, source: SourcePlan) -> None:
        """A live message from Kafka: an answer that somebody waits for, or a message to a thing."""
        value = envelope.value
        correlation = str(envelope.headers.get("correlation-id", ""))
        if envelope.status is not None:
            self._messages.answered(correlation, envelope.status, value, envelope.headers)
            return
        parts = [part for part in envelope.path.split("/") if part]
        feature = parts[1] if parts[:1] == ["features"] and len(parts) > 2 else None
        box = parts[2 if feature else 0] if parts else "inbox"
        headers = {**envelope.headers, "channel": "live", "response-required": False}
        self._bus.send(
            self._messages.prepare(
                envelope.entity_id, feature, box, envelope.action, value, subjects=source.subjects, headers=headers
            )
        )


def operation_in(payload: bytes, twin: Twin) -> Operation:
    """What a record will cost under a rate profile; one that cannot be read costs as much as any other."""
    try:
        envelope = protocol.decode(payload, {})
    except DittoError:
        return Operation.KAFKA
    known = twin.policies if envelope.group == "policies" else twin.things
    return kafka_operation(envelope.action, envelope.path, exists=envelope.entity_id in known)


def answer_required(headers: dict[str, Any]) -> bool:
    """Whether the sender wants an answer: unless it says otherwise."""
    return headers.get("response-required", True) not in (False, "false")


def resolve_all(mapping: dict[str, Template], facts: Facts) -> dict[str, str]:
    """Header mapping applied: what has no value is left out."""
    return {name: value for name, template in mapping.items() if (value := template.resolve(facts)) is not None}


def mapped_headers(source: SourcePlan, record: Inbound) -> dict[str, Any]:
    """Headers that the source's mapping makes of the record's."""
    return dict(resolve_all(source.headers, Facts("", _outer(record)))) if source.headers else {}


def _outer(record: Inbound) -> dict[str, str]:
    return {
        name.lower(): value.decode(errors="replace") if isinstance(value, bytes) else value or ""
        for name, value in record.headers
    }


def _enforce(rule: tuple[Template, tuple[Template, ...]], envelope: Envelope, outer: dict[str, str]) -> None:
    """Refuse a record whose entity is not the one that its header names.

    Raises:
        DittoError: no filter equals the input.
    """
    facts = Facts(envelope.entity_id, outer)
    given = rule[0].resolve(facts)
    if given is None or all(template.resolve(facts) != given for template in rule[1]):
        raise error("connectivity:connection.id.enforcement.failed", id=envelope.entity_id)
