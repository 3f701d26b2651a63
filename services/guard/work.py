"""Events and answers in, commands, twin merges and audit out. The one module of the guard that reads and writes.

Twin events are only notifications: they say where to look, and all units are read again every few seconds and after a
start. A decision is told to twin and audit, and Kafka has it, before the command leaves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final

from confluent_kafka import Message, TopicPartition

from guard import metrics, wire
from guard.case import Case, Outlook, Policy, Verdict
from guard.journal import Journal, Unreadable
from guard.ledger import Command, Effect, Ledger, Reconsider, Send, Tell
from guard.people import authenticated
from guard.recent import KEPT_MS, Recent
from guard.rules import decide, unknown_age
from guard.state import Limits, Room, Unit, unit_of
from guard.supervision import local_wish
from guard.twins import Twins, cooling_units, read_room, read_unit
from racktwin import commands, names
from racktwin.commands import Audit, Request, Wish, wish_of
from racktwin.ditto_client import DittoError
from racktwin.kafka import SafeProducer
from racktwin.process import Context, Fatal

_FLUSH_S: Final = 5.0


class GuardWork:
    """The guard's work for `run_batches`. Called from one thread."""

    def __init__(
        self,
        context: Context,
        *,
        twins: Twins,
        producer: SafeProducer,
        ledger: Ledger,
        policy: Policy,
        outlook: Outlook,
        sites: Callable[[], list[str]],
        journal: Journal,
        trusted: Collection[str] = (),
        reread_s: float = 15.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``sites``: those that are served now; ``journal``: what earlier runs of the guard let through; ``trusted``:
        subjects that say truly which person they act for.
        """
        self._context, self._twins, self._producer = context, twins, producer
        self._ledger, self._policy, self._outlook, self._sites = ledger, policy, outlook, sites
        self._trusted = frozenset(trusted)
        self._reread_s, self._monotonic = reread_s, monotonic
        self._kept_ms = max(KEPT_MS, policy.interlock_ms)
        self._recent, self._journal = Recent(self._kept_ms), journal
        # Sites that may have a past unknown here: since when they are served, and why it is not known yet.
        self._forgotten: dict[str, tuple[int, str]] = {}
        self._remembered: set[str] = set()
        # Units to look at, with who wrote their wish where an event said so.
        self._look: dict[str, str] = {}
        self._limits: dict[str, Limits] = {}
        self._reread_at = 0.0
        # Units seen since this run began: a wish without a date that was there before is of unknown age.
        self._seen: set[str] = set()

    def handle(self, batch: list[Message]) -> None:
        """Take notifications and answers."""
        for record in batch:
            topic, key, value = record.topic() or "", record.key(), record.value()
            text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
            data = value.encode() if isinstance(value, str) else value
            if topic.startswith("hono."):
                self._answer(text, record, data)
            elif text is not None and ":cooling-" in text and data is not None:
                self._event(text, data)

    def tick(self) -> None:
        """Look at units with news, and at what is due."""
        now = self._context.clock()
        if self._monotonic() >= self._reread_at:
            self._reread_at = self._monotonic() + self._reread_s
            self._reread()
        for thing in list(self._look):
            self._consider(thing)
        self._do(self._ledger.tick(now))
        metrics.OPEN.set(len(self._ledger.open()))
        self._producer.poll(0)
        self._producer.check()

    def settle(self) -> list[TopicPartition] | None:
        """Everything told is in Kafka."""
        self._flush()
        return None

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """After a gap the twins are read, not the events; another guard may have let commands through meanwhile."""
        self._reread_at = 0.0
        for site in {names.site_of_topic(partition.topic) for partition in partitions}:
            self._remembered.discard(site)
            self._forgotten.pop(site, None)

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """What is under way stands on the twins."""

    # --- in ---

    def _event(self, key: str, data: bytes) -> None:
        change = wire.change_of(key, data)
        if change is None:
            return
        now = self._context.clock()
        if change.wish:
            self._look[change.thing] = change.originator
        if change.supply is not None:
            self._recent.supply(change.thing, now, change.supply)
        if change.reported:
            self._do(self._ledger.reported(change.thing, change.values, now))

    def _answer(self, key: str | None, record: Message, data: bytes | None) -> None:
        answer = wire.answer_of(key, _pairs(record), data)
        if answer is not None:
            self._do(self._ledger.answered(answer, self._context.clock()))

    def _reread(self) -> None:
        """All units: wishes that no event told of, and units whose optimiser or data went stale."""
        effects: list[Effect] = []
        try:
            for site in self._sites():
                self._remember(site)
                for thing in cooling_units(self._twins, site):
                    effects += self._look_at(thing)
            self._context.health.set_ready(True, part="ditto")
        except DittoError as error:
            self._context.health.set_ready(False, str(error), part="ditto")
        # What an earlier run left open is known of every unit before anything is decided for one.
        self._do(effects)

    def _remember(self, site: str) -> None:
        """Take over what was let through before this run, once; until then nothing is lessened at the site."""
        if site in self._remembered:
            return
        now = self._context.clock()
        since, _ = self._forgotten.setdefault(site, (now, "it was not read yet"))
        try:
            self._recent.recall(self._journal(site, now - self._kept_ms), now)
        except Unreadable as error:
            self._forgotten[site] = since, str(error)
            self._context.log.warning("the audit's last hour cannot be read", site=site, why=str(error))
            if now - since < self._kept_ms:
                return
        # Read, or so long ago that nothing before this run counts any more.
        self._remembered.add(site)
        self._forgotten.pop(site, None)

    def _past_unknown(self, site: str, now: int) -> tuple[str, int] | None:
        if site in self._remembered:
            return None
        since, why = self._forgotten.get(site, (now, "it was not read yet"))
        return why, since + self._kept_ms

    def _look_at(self, thing: dict[str, object]) -> list[Effect]:
        unit = unit_of(thing)
        self._limits[unit.thing] = unit.limits
        wish = wish_of(unit.thing, unit.desired)
        if wish is not None and not self._ledger.knows(wish):
            if self._ledger.of(wish.thing) is None and unit.last.get("digest") == wish.digest:
                self._seen.add(unit.thing)
                return self._ledger.resume(wish, unit.last, unit.room, self._context.clock())
            self._look.setdefault(unit.thing, "")
            return []
        self._seen.add(unit.thing)
        if unit.mode == "mpc":
            self._supervise(thing, unit)
        return []

    # --- decisions ---

    def _consider(self, thing: str) -> None:
        """Read the unit and its room, and deal with its wish."""
        try:
            found = read_unit(self._twins, thing)
            if found is None:
                self._look.pop(thing, None)
                return
            unit = unit_of(found)
            wish = wish_of(thing, unit.desired)
            if wish is not None and not self._ledger.knows(wish):
                self._deal_with(wish, unit, found)
            self._seen.add(thing)
            self._look.pop(thing, None)
            self._context.health.set_ready(True, part="ditto")
        except DittoError as error:
            # It stays on the list: without the twins nothing is decided, and nothing is sent.
            self._context.health.set_ready(False, str(error), part="ditto")

    def _deal_with(self, wish: Wish, unit: Unit, found: dict[str, object]) -> None:
        now = self._context.clock()
        self._limits[unit.thing] = unit.limits
        if self._ledger.of(wish.thing) is None and unit.last.get("digest") == wish.digest:
            self._do(self._ledger.resume(wish, unit.last, unit.room, now))
            return
        wish = authenticated(wish, self._look.get(wish.thing, ""), self._trusted, self._waiting(wish.thing, unit))
        self._audit_request(wish, unit.room, now)
        if wish.request.at is None and not self._look.get(wish.thing) and wish.thing not in self._seen:
            refusal = unknown_age()
            metrics.WISHES.labels("refused", refusal.rule).inc()
            self._do(self._ledger.refused(wish, unit.room, refusal, now))
            return
        self._decide(wish, found)

    def _waiting(self, thing: str, unit: Unit) -> Command | None:
        """The unit's last command; that of an earlier run of the guard as the twin tells it."""
        known = self._ledger.of(thing)
        if known is not None or unit.last.get("state") != "awaiting approval":
            return known
        last = unit.last
        request = Request(id=str(last.get("id")), origin=str(last.get("origin")), who=str(last.get("who")))
        values = dict(last.get("values") or {})
        wish = Wish(thing=thing, values=values, request=request, digest=str(last.get("digest")))
        return Command(wish, unit.room, "awaiting approval", int(last.get("at") or 0), int(last.get("validUntil") or 0))

    def _decide(self, wish: Wish, found: dict[str, object]) -> None:
        began = self._monotonic()
        now = self._context.clock()
        room = self._recent.overlay(read_room(self._twins, found), self._ledger, now)
        verdict = decide(
            Case(
                wish=wish,
                unit=room.units[wish.thing],
                room=room,
                past=self._recent.past(room.units, wish, now),
                now=now,
                policy=self._policy,
                outlook=self._outlook,
                forgotten=self._past_unknown(names.site_of(wish.thing), now),
            )
        )
        metrics.DECIDE_SECONDS.observe(self._monotonic() - began)
        self._follow(wish, room, verdict, now)

    def _follow(self, wish: Wish, room: Room, verdict: Verdict, now: int) -> None:
        rule = verdict.refusal.rule if verdict.refusal else ""
        metrics.WISHES.labels(verdict.outcome, rule).inc()
        self._context.log.info("wish", thing=wish.thing, id=wish.id, outcome=verdict.outcome, rule=rule)
        if verdict.refusal is not None:
            told = self._ledger.refused if verdict.outcome == "refused" else self._ledger.awaiting
            self._do(told(wish, room.name, verdict.refusal, now))
            return
        pace = self._recent.let_through(wish, verdict, now)
        self._do(self._ledger.approved(wish, room.name, now, pace))

    def _supervise(self, thing: dict[str, object], unit: Unit) -> None:
        """Back to local control when the optimiser or the room's data is stale."""
        now = self._context.clock()
        pending = self._ledger.of(unit.thing)
        if pending is not None and pending.state in ("requested", "offline"):
            return
        wish = local_wish(unit, read_room(self._twins, thing), now, self._policy)
        if wish is None:
            return
        metrics.LOCAL.labels(wish.request.who).inc()
        self._context.log.warning("local control", thing=unit.thing, why=wish.request.who)
        self._audit_request(wish, unit.room, now)
        self._do(self._ledger.approved(wish, unit.room, now))

    # --- out ---

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Tell):
                topic = names.own_topic("twin", names.site_of(effect.thing))
                for told in wire.tellings(effect):
                    self._producer.produce(topic, effect.thing, told)
                if effect.last.state not in commands.OPEN_STATES:
                    metrics.ENDED.labels(effect.last.state).inc()
            elif isinstance(effect, Audit):
                topic = names.own_topic("audit", names.site_of(effect.thing))
                self._producer.produce(topic, effect.thing, commands.encode_audit(effect))
            elif isinstance(effect, Send):
                self._flush()
                self._send(effect.command)
            elif isinstance(effect, Reconsider):
                self._reconsider(effect.wish)

    def _send(self, command: Command) -> None:
        thing = command.wish.thing
        site = names.site_of(thing)
        payload, headers = wire.command_record(command, self._limits.get(thing, Limits()), self._context.clock())
        self._producer.produce(names.hono_topic("command", site), thing, payload, headers)
        metrics.COMMANDS.labels(site).inc()

    def _reconsider(self, wish: Wish) -> None:
        try:
            found = read_unit(self._twins, wish.thing)
            if found is not None:
                self._decide(wish, found)
        except DittoError as error:
            self._context.health.set_ready(False, str(error), part="ditto")

    def _audit_request(self, wish: Wish, room: str, now: int) -> None:
        values = {n: v for n, v in wish.values.items() if isinstance(v, int | float | str)}
        request = wish.request
        record = Audit(
            thing=wish.thing, at=now, event="requested", id=wish.id, origin=request.origin or "api", who=request.who,
            kind="cooling", room=room or None, values=values, v=1,
        )  # fmt: skip
        self._do([record])

    def _flush(self) -> None:
        began = self._monotonic()
        while self._producer.flush(0.5):
            self._context.health.heartbeat("consume", 120.0)
            self._context.health.set_ready(False, "Kafka does not acknowledge", part="kafka-writes")
            if self._context.stop.is_set() and self._monotonic() - began > _FLUSH_S:
                raise Fatal("Kafka did not acknowledge in time; nothing is committed, the records will be read again")
        self._context.health.set_ready(True, part="kafka-writes")


def _pairs(record: Message) -> list[tuple[str, str | bytes | None]]:
    headers = record.headers() or []
    return list(headers.items()) if isinstance(headers, dict) else headers
