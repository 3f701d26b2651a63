"""One round: NetBox read, compared, carried out, written back. Clients and clock are passed in. Next: `dcim.main`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from dcim import metrics
from dcim.settings import DcimSettings
from inventory.cluster import ClusterError
from inventory.netbox import back
from inventory.netbox.mapping import inventory_of
from inventory.netbox.reading import NetBoxError, Snapshot
from inventory.plan import Change, Plan, make_plan
from inventory.wanted import Document, Inventory
from racktwin.ditto_client import DittoError


class Source(Protocol):
    """What is needed of NetBox."""

    def snapshot(self) -> Snapshot:
        """See :meth:`inventory.netbox.reading.NetBox.snapshot`."""

    def update(self, endpoint: str, changes: list[dict[str, Any]]) -> int:
        """See :meth:`inventory.netbox.reading.NetBox.update`."""


class Target(Protocol):
    """What is needed of the cluster."""

    def read(self, site: str) -> list[Document]:
        """See :meth:`inventory.cluster.Resources.read`."""

    def carry_out(self, change: Change) -> None:
        """See :meth:`inventory.cluster.Resources.carry_out`."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found and did."""

    plan: Plan
    applied: int
    written_back: int


class Keeper:
    """Brings a site in step with NetBox. Called from one thread."""

    def __init__(
        self,
        settings: DcimSettings,
        *,
        netbox: Source,
        cluster: Target,
        measured: Callable[[str], dict[str, float]],
        log: structlog.stdlib.BoundLogger,
        monotonic: Callable[[], float],
    ) -> None:
        """`measured(site)` gives watts by thing id."""
        self._settings = settings
        self._netbox, self._cluster, self._measured = netbox, cluster, measured
        self._log, self._monotonic = log, monotonic
        self._next_power = 0.0
        self._told: set[str] = set()

    def look(self) -> Round:
        """One round.

        Raises:
            NetBoxError: NetBox does not answer, or refuses.
            ClusterError: the API server does not answer, or a resource could not even be tried.
        """
        settings = self._settings
        inventory = inventory_of(self._netbox.snapshot(), settings, settings.dcim_site)
        plan = make_plan(inventory, self._cluster.read(inventory.site), delete=settings.dcim_delete)
        self._tell(plan)
        applied = self._apply(plan) if settings.dcim_apply else 0
        written = self._write_back(plan, inventory) if settings.dcim_apply and settings.dcim_write_back else 0
        return Round(plan, applied, written)

    def _apply(self, plan: Plan) -> int:
        """Make the changes; one that is refused does not keep the others waiting."""
        done = 0
        for change in plan.pending():
            try:
                self._cluster.carry_out(change)
            except ClusterError as error:
                metrics.REFUSED.inc()
                self._log.error("change refused", resource=change.name, error=str(error))
                self._forget(plan, change)
                continue
            done += 1
            metrics.APPLIED.labels(change.action).inc()
        return done

    @staticmethod
    def _forget(plan: Plan, change: Change) -> None:
        """No thing id is written for what was not made."""
        if change.action == "create":
            names = plan.racks if change.document["kind"] == "Rack" else plan.cooling
            for identity in [i for i, name in names.items() if name == change.document["metadata"]["name"]]:
                del names[identity]

    def _write_back(self, plan: Plan, inventory: Inventory) -> int:
        prefix = self._settings.netbox_field_prefix
        changes = [back.thing_ids(plan, inventory, prefix)]
        if self._monotonic() >= self._next_power:
            try:
                changes.append(back.powers(plan, inventory, prefix, self._measured(plan.site)))
                self._next_power = self._monotonic() + self._settings.dcim_power_every_s
            except DittoError as error:
                self._log.warning("power is not written back", error=str(error))
        written = 0
        for part in changes:
            for endpoint, items in part.items():
                try:
                    written += self._netbox.update(endpoint, items)
                except NetBoxError as error:
                    # Resources are in step all the same.
                    self._log.error("not written back", error=str(error))
                    metrics.NOT_WRITTEN.inc(len(items))
        metrics.WRITTEN.inc(written)
        return written

    def _tell(self, plan: Plan) -> None:
        """Each problem and difference once, not each round."""
        lines = {f"problem: {problem}" for problem in plan.problems}
        lines |= {f"{change.action} {change.name}: {'; '.join(map(str, change.fields))}" for change in plan.changes}
        for line in sorted(lines - self._told):
            self._log.warning(line) if line.startswith("problem") else self._log.info("difference", change=line)
        self._told = lines
        metrics.PROBLEMS.set(len(plan.problems))
        for action in ("create", "update", "remove", "gone"):
            metrics.DIFFERENCES.labels(action).set(sum(change.action == action for change in plan.changes))
