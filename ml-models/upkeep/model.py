"""Which maintenance model serves: what the registry points at, checked, and taken up without a restart.

A version that does not pass the checks is refused and named, in the log, in a count and in the registry, and the one
before goes on; without any, the plain trend judges alone. Next: `upkeep.work` asks it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from prometheus_client import Counter, Gauge

from models.definition import ModelError
from models.maintenance.serve import NAME, Served, load
from models.registry import Refusal, Registry, RegistryError

_BY: Final = "upkeep"
SERVED = Gauge("racktwin_upkeep_model_info", "1, with the maintenance model that judges; none: the trend.", ["version"])
REFUSED = Counter("racktwin_upkeep_model_refused_total", "Versions of the model that did not pass the checks.")


class Source:
    """Follows the registry's pointer. `registry` None: there is none, so the trend judges."""

    def __init__(self, registry: Registry | None, clock: Callable[[], int], log: Any) -> None:
        self._registry = registry
        self._clock = clock
        self._log = log
        self._seen: str | None = ""
        self._served: Served | None = None

    def current(self) -> Served | None:
        """What judges now; None: the trend alone."""
        if self._registry is None:
            self._moved(None)
            return None
        try:
            pointer = self._registry.pointer(NAME)
            version = pointer.version if pointer is not None else None
            if version == self._seen:
                return self._served
            if version is None:
                self._served = None
            else:
                with tempfile.TemporaryDirectory(prefix="racktwin-upkeep-") as folder:
                    self._served = load(self._registry.fetch(NAME, version, Path(folder)))
                self._note(version, "")
        except RegistryError as error:
            # Looked at again in its own time; what serves goes on.
            self._log.warning("registry cannot be read", error=str(error))
            return self._served
        except ModelError as error:
            REFUSED.inc()
            self._log.warning("model refused", version=version, error=str(error), serves=self._version())
            self._note(str(version), str(error))
        self._moved(version)
        return self._served

    def _version(self) -> str:
        return self._served.version if self._served is not None else "none"

    def _moved(self, seen: str | None) -> None:
        if seen == self._seen:
            return
        self._seen = seen
        SERVED.clear()
        SERVED.labels(self._version()).set(1)
        if self._served is None:
            self._log.info("no maintenance model: the plain trend judges alone")
        else:
            self._log.info("maintenance model serves", version=self._version(), parts=sorted(self._served.serves))

    def _note(self, version: str, reason: str) -> None:
        """Says in the registry that a version is refused, or no longer."""
        assert self._registry is not None
        try:
            if reason:
                self._registry.set_refusal(NAME, _BY, Refusal(version, self._clock(), reason))
            elif self._registry.refusal(NAME, _BY) is not None:
                self._registry.set_refusal(NAME, _BY, None)
        except RegistryError as error:
            # A registry that may only be read: the log has it too.
            self._log.info("refusal not noted", error=str(error))
