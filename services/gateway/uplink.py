"""What both ways to Hono share: backlog, spool, counters, readiness. Next: :mod:`gateway.mqtt`, :mod:`gateway.http`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from gateway import metrics
from gateway.spool import Spool
from racktwin.device_credentials import Credentials, CredentialsMissing, CredentialSource
from racktwin.outbox import Outbox, Pack
from racktwin.process import Context

# Delays between attempts to connect; the last repeats (s).
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
# When the adapter refuses the password, asking it again at once helps nobody (s).
REFUSED_BACKOFF_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """``source`` is the name in metrics, ``secret`` the Secret with the credentials."""

    source: str
    secret: str
    window: int
    backlog: int


class Ledger:
    """Backlog, spool and counters of one uplink. Used by its thread only."""

    def __init__(self, settings: UplinkSettings, spool: Spool, log: structlog.stdlib.BoundLogger) -> None:
        self.source = settings.source
        self.outbox = Outbox(settings.window, settings.backlog)
        self._spool = spool
        self._log = log
        recovered = spool.recover()
        for pack in recovered:
            self.outbox.offer(pack)
        if recovered:
            log.info("unacknowledged messages of an earlier run", count=len(recovered), source=self.source)

    def offer(self, packs: list[Pack]) -> None:
        """Keep packs, in memory and on disk, until they are acknowledged."""
        for pack in packs:
            oldest = self.outbox.offer(pack)
            if oldest is not None:
                self.give_up([oldest], "backlog_full")
        metrics.BACKLOG.labels(self.source).set(self.outbox.backlog())

    def handed_over(self, pack: Pack) -> None:
        """The pack was given to the adapter (``attempts`` already counts this time)."""
        if pack.attempts == 1:
            metrics.PACKS_SENT.labels(self.source).inc()
            metrics.READINGS_SENT.labels(self.source).inc(pack.readings)
        else:
            metrics.PACKS_RESENT.labels(self.source).inc()
        metrics.IN_FLIGHT.labels(self.source).set(self.outbox.in_flight())

    def acknowledged(self, pack: Pack, now: float) -> None:
        """The adapter has the pack."""
        metrics.PACKS_ACKED.labels(self.source).inc()
        metrics.READINGS_ACKED.labels(self.source).inc(pack.readings)
        metrics.ACK_SECONDS.labels(self.source).observe(now - pack.sent_at)
        metrics.IN_FLIGHT.labels(self.source).set(self.outbox.in_flight())
        metrics.BACKLOG.labels(self.source).set(self.outbox.backlog())
        self._spool.done(pack)

    def give_up(self, packs: list[Pack], reason: str) -> None:
        """Packs that will not be sent (again)."""
        for pack in packs:
            self._spool.done(pack)
        if packs:
            metrics.PACKS_LOST.labels(self.source, reason).inc(len(packs))
            self._log.warning("messages given up", count=len(packs), reason=reason, device=packs[0].device)


class State:
    """Readiness of an uplink: whether it is connected, and why not. Logs each change once."""

    def __init__(self, source: str, context: Context) -> None:
        self._source, self._context = source, context
        self._last: str | None = "?"
        self.down("not connected yet", quiet=True)

    def up(self, where: str) -> None:
        """Connected."""
        if self._last is not None:
            self._context.log.info("connected", source=self._source, to=where)
        self._last = None
        metrics.CONNECTED.labels(self._source).set(1)
        self._context.health.set_ready(True, part=self._source)

    def down(self, reason: str, *, quiet: bool = False) -> None:
        """Not connected, for this reason."""
        if reason != self._last and not quiet:
            self._context.log.error("not connected", source=self._source, reason=reason)
        self._last = reason
        metrics.CONNECTED.labels(self._source).set(0)
        self._context.health.set_ready(False, reason, part=self._source)


def credentials_or_reason(source: CredentialSource, secret: str, state: Callable[[str], None]) -> Credentials | None:
    """Credentials, or None after telling ``state`` why there are none."""
    try:
        return source.read(secret)
    except CredentialsMissing as error:
        state(str(error))
        return None
