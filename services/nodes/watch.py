"""One look at the nodes: who follows whom, what was used, what is to be sent, and what is missing, said once.

Clients and clock are passed in. Next: `nodes.main`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import structlog

from nodes import metrics
from nodes.cluster import ClusterError, Source
from nodes.following import LACKING, Following, Node, Rates, following
from nodes.packs import Pack, pack_of
from nodes.quantities import Usage

_ORDER: Final[dict[str, tuple[Source, ...]]] = {
    "auto": ("metrics", "kubelet"),
    "metrics": ("metrics",),
    "kubelet": ("kubelet",),
}


class RackSource(Protocol):
    """Where racks come from."""

    def read_all(self) -> list[dict[str, Any]]:
        """See :meth:`nodes.cluster.Racks.read_all`."""


class NodeSource(Protocol):
    """Where nodes and their usage come from."""

    def read_all(self) -> dict[str, Node]:
        """See :meth:`nodes.cluster.Nodes.read_all`."""

    def usage(self, source: Source, names: Iterable[str], now_ms: int) -> tuple[dict[str, Usage], list[str]]:
        """See :meth:`nodes.cluster.Nodes.usage`."""


class Watch:
    """Looks at racks and nodes. Called from one thread."""

    def __init__(
        self,
        racks: RackSource,
        nodes: NodeSource,
        source: str,
        *,
        offer: Callable[[Pack], None],
        clock: Callable[[], int],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        """`source` is auto, metrics or kubelet; `offer` takes each pack."""
        self._racks, self._nodes, self._sources = racks, nodes, _ORDER[source]
        self._offer, self._clock, self._log = offer, clock, log
        self._rates = Rates()
        self._following = Following()
        self._sizes: dict[str, Node] = {}
        self._told: set[str] = set()
        self._used: Source | None = None

    def refresh(self) -> None:
        """Read racks and nodes.

        Raises:
            ClusterError: one of them cannot be read.
        """
        self._sizes = self._nodes.read_all()
        self._following = following(self._racks.read_all(), self._sizes)
        self._rates.keep(self._following.servers)
        metrics.FOLLOWED.set(len(self._following.servers))

    def look(self) -> str:
        """Read usage and offer what is new; why there is none, or empty."""
        names = list(self._following.servers)
        if not names:
            self._tell(self._following.problems)
            return ""
        failures = []
        for source in self._sources:
            try:
                usages, problems = self._nodes.usage(source, names, self._clock())
            except ClusterError as error:
                failures.append(str(error))
                continue
            self._use(source, failures)
            self._tell((*self._following.problems, *problems))
            for name, usage in usages.items():
                values = self._rates.readings(name, self._sizes[name], usage)
                if values:
                    self._offer(pack_of(self._following.servers[name], usage.at, values))
            return ""
        self._tell((*self._following.problems, *failures))
        return "; ".join(failures)

    def _use(self, source: Source, failures: list[str]) -> None:
        if source != self._used:
            self._used = source
            for name in _ORDER["auto"]:
                metrics.SOURCE.labels(name).set(name == source)
            self._log.info(
                "source of metrics", source=source, instead_of=failures or None, never_comes=", ".join(LACKING)
            )

    def _tell(self, problems: Iterable[str]) -> None:
        """Each problem once, until it is over."""
        now = set(problems)
        for problem in sorted(now - self._told):
            self._log.warning("problem", problem=problem)
        for problem in sorted(self._told - now):
            self._log.info("over", problem=problem)
        self._told = now
        metrics.PROBLEMS.set(len(now))
