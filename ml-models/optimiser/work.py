"""The optimiser's loop: every room's twins in, its proposal onto the room's twin, in closed loop wishes onto its units.

A room's mode is its desired property ``optimisation/mode``: off, advise (unless set), closed-loop. Whatever it
wishes, the guard decides. Where another instance's report on the room is fresh, this one stands by.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, Protocol

from optimiser import metrics, snapshot
from optimiser.advise import ADVISE, CLOSED_LOOP, Proposal, nothing, propose
from optimiser.controller import Controller, Tuning
from optimiser.prices import Series, SeriesError
from optimiser.refused import Refusals, again
from optimiser.snapshot import NotReady, Snapshot
from physics.layout import LayoutError
from racktwin import names
from racktwin.commands import FEATURE, Request, desired_of
from racktwin.ditto_client import DittoError
from racktwin.ditto_protocol import modify
from racktwin.process import Context

STANDBY_MS: Final = 120_000
_FIELDS: Final = "thingId,attributes,features"


class Twins(Protocol):
    """The part of Ditto's client that the optimiser needs."""

    def search(
        self, rql: str | None = None, *, namespaces: str | None = None, fields: str | None = None, page: int = 200
    ) -> Iterable[dict[str, Any]]:
        """See :meth:`racktwin.ditto_client.DittoClient.search`."""


class Optimiser:
    """All rooms of the sites served. Called from one thread."""

    def __init__(
        self,
        context: Context,
        *,
        twins: Twins,
        publish: Callable[[str, str, bytes], None],
        wish: Callable[[str, dict[str, Any]], None],
        instance: str,
        rci: float,
        margin_k: float,
        server_fans: bool = True,
        series: Callable[[], Series | None] = lambda: None,
        refused_s: float = 14_400.0,
    ) -> None:
        """``publish`` puts (topic, key, value) on Kafka; ``wish`` writes a unit's desired properties; ``series`` is
        what energy costs over time, as it is known now (raises SeriesError); ``refused_s``: how long what a person
        refused is not proposed again."""
        self._context, self._twins, self._publish, self._wish = context, twins, publish, wish
        self._instance, self._rci, self._margin_k = instance, rci, margin_k
        self._server_fans, self._series = server_fans, series
        self._controllers: dict[tuple[str, str], tuple[tuple[Any, ...], Controller]] = {}
        self._refusals = Refusals(int(refused_s * 1000))
        self._commanded: dict[str, float] = {}
        self._decided: dict[str, int] = {}

    def look(self, site: str) -> int:
        """Look at every room of a site; how many.

        Raises:
            DittoError: Ditto did not answer.
        """
        things = [t for t in self._twins.search(namespaces=names.namespace(site), fields=_FIELDS) if not _server(t)]
        rooms = snapshot.rooms_of(things)
        for room, thing in sorted(rooms.items()):
            mine = [t for t in things if t["thingId"] == thing or _location(t) == room]
            self._room(room, thing, mine)
        return len(rooms)

    def _room(self, room: str, thing: str, things: list[dict[str, Any]]) -> None:
        now = self._context.clock()
        try:
            seen = snapshot.take(room, things, now)
        except (NotReady, LayoutError) as error:
            self._tell(thing, nothing(now, "none", str(error)), "advise")
            return
        if seen.wanted_mode == "off":
            self._tell(thing, nothing(now, "none", "switched off"), "off")
            return
        if self._other(seen, now):
            metrics.STANDBY.labels(room).set(1)
            return
        metrics.STANDBY.labels(room).set(0)
        began = time.perf_counter()
        series, unread = None, ""
        try:
            series = self._series()
        except SeriesError as error:
            # Without its prices a room is still better cooled well than left alone.
            self._context.log.warning("prices cannot be read", error=str(error))
            unread = f"; energy is kept low, since prices cannot be read: {error}"
        controller = self._controller(seen)
        proposal = propose(seen, controller, series)
        proposal = replace(proposal, why=proposal.why + unread)
        refusal = self._refusals.against(seen, things, proposal.settings)
        if refusal is not None and proposal.settings:
            # What brings the margin back is proposed whoever refused it.
            lacks = controller.hottest_now_c > controller.hottest_allowed_c or bool(proposal.gives_up)
            proposal = again(proposal, refusal, needed=lacks)
        metrics.LOOK_SECONDS.observe(time.perf_counter() - began)
        metrics.PROPOSALS.labels(proposal.state).inc()
        if proposal.saving_percent is not None:
            metrics.SAVING.labels(room).set(proposal.saving_percent)
        # Told before it is carried out: the guard wants a present report of whoever commands.
        self._tell(thing, proposal, seen.wanted_mode)
        if seen.wanted_mode == "closed-loop":
            self._carry_out(seen, proposal)

    def _other(self, seen: Snapshot, now: int) -> bool:
        """Whether another instance looks after this room."""
        if seen.instance in ("", self._instance) or seen.instance_at is None:
            return False
        if now - seen.instance_at > STANDBY_MS:
            return False
        self._context.log.info("standing by", room=seen.room, other=seen.instance)
        return True

    def _controller(self, seen: Snapshot) -> Controller:
        usual = CLOSED_LOOP if seen.wanted_mode == "closed-loop" else ADVISE
        tuning: Tuning = replace(usual, rci_target=self._rci, margin_k=self._margin_k, server_fans=self._server_fans)
        key = (seen.layout, json.dumps(seen.parameters.as_dict(), sort_keys=True, default=str), seen.wanted_mode)
        known = self._controllers.get((seen.site, seen.room))
        if known is None or known[0] != key:
            known = key, Controller(seen.layout, seen.parameters, tuning)
            self._controllers[seen.site, seen.room] = known
        controller = known[1]
        # In advice nobody may have followed: what is in force is what the units report.
        controller.settings_changed(seen.seen.setpoint, seen.seen.fan)
        return controller

    def _tell(self, thing: str, proposal: Proposal, mode: str) -> None:
        if proposal.state != "failed":
            self._decided[thing] = proposal.at
        # The guard wants to know whether this still decides, not only whether it still looks.
        properties = {**proposal.properties(mode, self._instance), "decidedAt": self._decided.get(thing)}
        present = {name: value for name, value in properties.items() if value is not None}
        # As a whole: a merge would keep units that the proposal does not name.
        message = modify(thing, "/features/optimisation/properties", present, f"optimiser-{proposal.id}")
        self._publish(names.own_topic("twin", names.site_of(thing)), thing, message)

    def _carry_out(self, seen: Snapshot, proposal: Proposal) -> None:
        interval = CLOSED_LOOP.interval_s
        last = self._commanded.get(seen.room, -1e18)
        if proposal.state == "failed":
            return
        controlled = all(
            mode == "mpc"
            for mode, unit in zip(seen.modes, seen.layout.unit_ids, strict=True)
            if unit not in seen.failed
        )
        # A failed unit cannot wait for the usual pace.
        due = bool(seen.failed) or seen.seen.time_s - last >= interval
        if controlled and (proposal.state == "none" or not due):
            self._keep_alive(seen, proposal, last)
            return
        self._commanded[seen.room] = seen.seen.time_s
        for k, unit in enumerate(seen.layout.unit_ids):
            if unit in seen.failed:
                continue
            wished = proposal.settings.get(unit)
            values: dict[str, float | str] = {"mode": "mpc"}
            values["setpoint"] = wished["setpoint"] if wished else round(float(seen.seen.setpoint[k]), 1)
            values["fanSpeed"] = wished["fanSpeed"] if wished else round(100.0 * float(seen.seen.fan[k]), 0)
            self._ask(unit, values, proposal)

    def _keep_alive(self, seen: Snapshot, proposal: Proposal, last: float) -> None:
        """Units in mode ``mpc`` go back to their own control when they hear nothing: say that all is well."""
        if seen.seen.time_s - last < 0.5 * CLOSED_LOOP.interval_s:
            return
        for unit, mode in zip(seen.layout.unit_ids, seen.modes, strict=True):
            if mode == "mpc" and unit not in seen.failed:
                self._ask(unit, {"mode": "mpc"}, proposal)

    def _ask(self, unit: str, values: dict[str, float | str], proposal: Proposal) -> None:
        now = self._context.clock()
        request = Request(
            id=f"mpc-{uuid.uuid4().hex[:12]}",
            origin="optimiser",
            who=self._instance,
            instance=self._instance,
            proposal=proposal.id,
            at=now,
            valid_until=now + 120_000,
        )
        try:
            self._wish(unit, desired_of(values, request))
        except DittoError as error:
            self._context.log.warning("wish not written", unit=unit, feature=FEATURE, error=str(error))


def _server(thing: dict[str, Any]) -> bool:
    return ":server-" in str(thing.get("thingId"))


def _location(thing: dict[str, Any]) -> str:
    return str((thing.get("attributes") or {}).get("location") or "")
