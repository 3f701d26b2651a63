"""All connections: kept in the store, opened and closed, their status in Ditto's form.

Next: :mod:`ditto_lite.connections_http` for people and the operator, :mod:`ditto_lite.kafka_link` runs each.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ditto_lite.clocks import iso
from ditto_lite.commands import Result
from ditto_lite.connection_config import Plan, kafka_settings, masked, read_connection, unmasked
from ditto_lite.errors import error
from ditto_lite.http_common import Services
from ditto_lite.kafka_link import KafkaLink
from ditto_lite.meters import Meters
from ditto_lite.store import Row, encode

OPEN_WAIT_S: Final = 5.0
COMMANDS: Final = (
    "openConnection",
    "closeConnection",
    "resetConnectionMetrics",
    "enableConnectionLogs",
    "resetConnectionLogs",
)


@dataclass(slots=True)
class Kept:
    """One connection."""

    document: dict[str, Any]
    revision: int
    created_ms: int
    closed_since_ms: int
    meters: Meters
    link: KafkaLink | None = None
    logs: list[dict[str, Any]] = field(default_factory=list)
    logs_since_ms: int | None = None


class Connections:
    """Keeps and runs connections."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._all: dict[str, Kept] = {}
        self._graves: dict[str, int] = {}
        self._dirty: set[str] = set()
        # One change at a time: opening takes seconds, and two of them must not meet.
        self._lock = asyncio.Lock()
        self._log = structlog.get_logger()

    def load(self, row: Row) -> None:
        """Take one connection from the store; :meth:`start` opens it."""
        if row.document is None:
            self._graves[row.id] = row.revision
            return
        document = msgspec.json.decode(row.document)
        clock = self._services.clock
        self._all[row.id] = Kept(document, row.revision, row.created_ms, clock(), Meters(clock))

    def drain(self) -> list[Row]:
        """Rows to write: what changed since the last call."""
        dirty, self._dirty = self._dirty, set()
        rows = []
        for each in dirty:
            kept = self._all.get(each)
            now = self._services.clock()
            if kept is None:
                rows.append(Row("connection", each, self._graves[each], 0, now, None))
            else:
                rows.append(Row("connection", each, kept.revision, kept.created_ms, now, encode(kept.document)))
        return rows

    async def start(self) -> None:
        """Open every connection that was open."""
        await asyncio.gather(
            *(self._open(kept, 0.5) for kept in self._all.values() if kept.document["connectionStatus"] == "open")
        )

    async def stop(self) -> None:
        """Close every link; the connections stay open on paper and are opened at the next start."""
        await asyncio.gather(*(self._close(kept) for kept in self._all.values()))

    def ids(self) -> list[str]:
        """Ids of all connections."""
        return list(self._all)

    def get(self, connection_id: str) -> Kept:
        """One connection.

        Raises:
            DittoError: 404.
        """
        kept = self._all.get(connection_id)
        if kept is None:
            raise error("connectivity:connection.notfound", id=connection_id)
        return kept

    async def put(self, connection_id: str | None, body: Any) -> Result:
        """Create or replace a connection, and open it if it is to be open.

        Raises:
            DittoError: its configuration is wrong.
        """
        connection_id = connection_id or str(uuid.uuid4())
        async with self._lock:
            kept = self._all.get(connection_id)
            document = unmasked(read_connection(body, connection_id), kept.document if kept else None)
            status = 204
            if kept is None:
                status = 201
                clock = self._services.clock
                revision = self._graves.pop(connection_id, 0) + 1
                kept = self._all[connection_id] = Kept(document, revision, clock(), clock(), Meters(clock))
            else:
                await self._close(kept)
                kept.document = document
                kept.revision += 1
            await self._save(connection_id)
            if document["connectionStatus"] == "open":
                await self._open(kept, OPEN_WAIT_S)
            result = Result(status, revision=kept.revision)
            if status == 201:
                result.body = masked(document)
                result.headers["location"] = connection_id
            return result

    async def delete(self, connection_id: str) -> Result:
        """Close and forget a connection.

        Raises:
            DittoError: 404.
        """
        async with self._lock:
            kept = self.get(connection_id)
            await self._close(kept)
            del self._all[connection_id]
            self._graves[connection_id] = kept.revision + 1
            await self._save(connection_id)
            return Result(204, revision=kept.revision + 1)

    async def command(self, connection_id: str, text: str) -> Result:
        """Execute one of Ditto's connection commands.

        Raises:
            DittoError: 404, an unknown command, or brokers that do not answer (504).
        """
        name = text.strip().removeprefix("connectivity.commands:")
        async with self._lock:
            kept = self.get(connection_id)
            if name not in COMMANDS:
                raise error("connectivity:command.invalid", command=text.strip())
            if name == "resetConnectionMetrics":
                kept.meters.reset()
            elif name == "enableConnectionLogs":
                kept.logs_since_ms = self._services.clock()
            elif name == "resetConnectionLogs":
                kept.logs.clear()
            else:
                opened = name == "openConnection"
                kept.document = {**kept.document, "connectionStatus": "open" if opened else "closed"}
                kept.revision += 1
                await self._save(connection_id)
                await self._close(kept)
                if opened and not await self._open(kept, OPEN_WAIT_S):
                    raise error("connectivity:connection.failed", id=connection_id, address=_address(kept.document))
            return Result(200, revision=kept.revision)

    async def dry_run(self, body: Any) -> None:
        """Look whether a connection could be opened, without keeping it.

        Raises:
            DittoError: its configuration is wrong, or the brokers do not answer (504).
        """
        connection_id = f"{uuid.uuid4()}-dry-run"
        document = read_connection({**body, "id": connection_id} if isinstance(body, dict) else body, connection_id)

        def probe() -> None:
            AdminClient(kafka_settings(document)).list_topics(timeout=OPEN_WAIT_S)

        try:
            await asyncio.to_thread(probe)
        except KafkaException:
            raise error("connectivity:connection.failed", id=connection_id, address=_address(document)) from None

    async def _save(self, connection_id: str) -> None:
        self._dirty.add(connection_id)
        await self._services.committer.durable()

    async def _open(self, kept: Kept, wait_s: float) -> bool:
        kept.link = KafkaLink(kept.document, self._services, kept.meters)
        reached = await kept.link.open(wait_s)
        entry = {
            "correlationId": "<not-provided>",
            "timestamp": iso(self._services.clock()),
            "category": "connection",
            "type": "other",
            "level": "success" if reached else "failure",
            "message": "Connection successful" if reached else f"Connection failed: {kept.link.state.detail}",
        }
        kept.logs = [*kept.logs[-99:], entry]
        self._log.info("connection opened", connection=kept.document["id"], reached=reached)
        return reached

    async def _close(self, kept: Kept) -> None:
        if kept.link is not None:
            link, kept.link = kept.link, None
            await link.close()
            kept.closed_since_ms = self._services.clock()

    # -- what is told of a connection ---------------------------------------------------------------------------------

    def status(self, connection_id: str) -> dict[str, Any]:
        """Ditto's status of a connection."""
        kept = self.get(connection_id)
        wanted = kept.document["connectionStatus"]
        told: dict[str, Any] = {
            "type": "connectivity.responses:retrieveConnectionStatus",
            "status": 200,
            "connectionId": connection_id,
            "connectionStatus": wanted,
        }
        if kept.link is None:
            client = {
                "status": "closed",
                "recoveryStatus": "unknown",
                "statusDetails": "[DISCONNECTED] connection is closed",
                "inStateSince": iso(kept.closed_since_ms),
            }
            told |= {"liveStatus": "closed", "recoveryStatus": "unknown", "clientStatus": [_of("client", client)]}
            return told
        state = kept.link.state
        live, recovery = ("open", "succeeded") if state.reachable else ("failed", "ongoing")
        since = iso(state.since_ms)
        told |= {"liveStatus": live, "recoveryStatus": recovery}
        if state.reachable:
            told["connectedSince"] = since
        client = {"status": live, "recoveryStatus": recovery, "statusDetails": state.detail, "inStateSince": since}
        told["clientStatus"] = [_of("client", client)]
        if state.sources:
            told["sourceStatus"] = [
                _of(
                    "source",
                    {
                        "address": ";".join(source.plan.addresses),
                        "status": "open" if source.assigned and state.reachable else "failed",
                        "statusDetails": source.detail,
                        "inStateSince": iso(source.since_ms),
                    },
                )
                for source in state.sources
            ]
        if targets := Plan.of(kept.document).targets:
            told["targetStatus"] = [
                _target_status(target.text, target.address.topic.constant, live, since) for target in targets
            ]
        return told

    def metrics(self, connection_id: str) -> dict[str, Any]:
        """Ditto's metrics of a connection."""
        kept = self.get(connection_id)
        inbound = {";".join(each["addresses"]): each["addresses"][0] for each in kept.document.get("sources", [])}
        outbound = [each["address"] for each in kept.document.get("targets", [])]
        topics = {address: Plan.of(kept.document).targets[at].address.topic.text for at, address in enumerate(outbound)}
        meters = kept.meters
        told: dict[str, Any] = {
            "type": "connectivity.responses:retrieveConnectionMetrics",
            "status": 200,
            "connectionId": connection_id,
            "containsFailures": False,
        }
        if kept.link is None:
            nothing = {"addressMetrics": None}
            told["connectionMetrics"] = {"inbound": None, "outbound": None}
            return told | {"sourceMetrics": nothing, "targetMetrics": dict(nothing)}
        return told | {
            "connectionMetrics": {
                "inbound": meters.report("inbound", list(inbound.values())),
                "outbound": meters.report("outbound", list(topics.values())),
            },
            "sourceMetrics": {
                "addressMetrics": {name: meters.report("inbound", [address]) for name, address in inbound.items()}
            },
            "targetMetrics": {
                "addressMetrics": {name: meters.report("outbound", [topic]) for name, topic in topics.items()}
            },
        }

    def logs(self, connection_id: str) -> dict[str, Any]:
        """Ditto's log of a connection, for an hour after it was enabled."""
        kept = self.get(connection_id)
        told: dict[str, Any] = {
            "connectionId": connection_id,
            "connectionLogs": kept.logs if kept.logs_since_ms else [],
        }
        if kept.logs_since_ms is not None:
            told |= {"enabledSince": iso(kept.logs_since_ms), "enabledUntil": iso(kept.logs_since_ms + 3_600_000)}
        return told


def _of(kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "client": "127.0.0.1", **facts}


def _target_status(address: str, constant: bool, live: str, since: str) -> dict[str, Any]:
    if not constant or "{{" in address:
        detail = "Producers for targets with placeholders are started on-demand."
        return _of("target", {"address": address, "status": "unknown", "statusDetails": detail, "inStateSince": since})
    return _of(
        "target", {"address": address, "status": live, "statusDetails": "Producer started.", "inStateSince": since}
    )


def _address(document: dict[str, Any]) -> str:
    return str(document["uri"].split("//", 1)[-1].split("@")[-1].split("/")[0])
