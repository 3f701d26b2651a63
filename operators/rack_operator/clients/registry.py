"""What the model registry says of a model. Its reads block, so they run in a thread.

The operator writes nothing there: trainings publish, the scorecard judges, people roll back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from models.definition import Manifest
from models.notes import Outcome, Pointer, Refusal, State
from models.registry import Registry, RegistryError
from rack_operator import metrics
from rack_operator.clients.http import DependencyError

_NAME = "Registry"


@dataclass(frozen=True)
class Standing:
    """How a model stands: its newest version, which is promoted, how what serves does, how the newest training ended,
    and what a runner refused."""

    newest: Manifest | None = None
    pointer: Pointer | None = None
    state: State | None = None
    outcome: Outcome | None = None
    refusal: Refusal | None = None


class ModelRegistry:
    """Looks into the registry at a URL. Each call raises `DependencyError` (dependency Registry, status 0)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: Registry | None = None

    async def standing(self, model: str, group: str, version: str | None = None) -> Standing:
        """How a model stands, and with the runners of this consumer group, which stay at a `version` or serve what is
        promoted; nothing is known of one that the registry does not have."""
        return await asyncio.to_thread(self._standing, model, group, version)

    def _standing(self, model: str, group: str, version: str | None) -> Standing:
        try:
            # One for all threads: a bucket's client is too much to make for each look.
            registry = self._opened = self._opened or Registry(self._url)
            versions = registry.versions(model)
            return Standing(
                versions[-1] if versions else None,
                registry.pointer(model),
                registry.state(model, version),
                registry.outcome(model),
                registry.refusal(model, group),
            )
        except RegistryError as error:
            metrics.ERRORS.labels(_NAME, "0").inc()
            raise DependencyError(_NAME, f"model {model}", 0, str(error)) from error
