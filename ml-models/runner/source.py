"""Where the served model comes from: a folder, or a registry whose pointer may move while we serve.

A version that does not pass the checks is refused and named, and the one that serves goes on: a bad promotion must not
take predictions away.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from models.definition import ModelError
from models.registry import Registry, RegistryError
from racktwin.process import Context
from runner import metrics, predictor
from runner.predictor import Predictor
from runner.settings import RunnerSettings

CURRENT = "current"


class ModelSource:
    """Loads the model, and looks from time to time whether another is to be served."""

    def __init__(self, settings: RunnerSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._registry = Registry(settings.registry_url) if settings.registry_url else None
        self._poll_ms = round(settings.registry_poll_s * 1000)
        self._looked = 0
        self._seen = ""
        self._paused = False
        self._interface: tuple[object, ...] = ()

    def first(self) -> Predictor:
        """The model to begin with.

        Raises:
            ModelError: it does not pass the checks. RegistryError: the registry does not have it.
        """
        if self._registry is None:
            loaded = predictor.load(self._settings.model_dir)
        else:
            version = self._wanted()
            if version is None:
                raise RegistryError(
                    f"registry {self._registry.url}: model {self._settings.model} has no version that serves; "
                    "promote one with `racktwin models promote`"
                )
            loaded = self._load(version)
        self._looked = self._context.clock()
        self._seen = loaded.manifest.version
        self._interface = _interface(loaded)
        return loaded

    @property
    def paused(self) -> bool:
        """Whether the scorecard found that what serves stays worse than persistence: then nothing is predicted."""
        return self._paused

    def update(self) -> Predictor | None:
        """Another model than the one seen last, if the registry says so and it passes the checks."""
        now = self._context.clock()
        if self._registry is None or 0 <= now - self._looked < self._poll_ms:
            return None
        self._looked = now
        try:
            state = self._registry.state(self._settings.model)
            version = self._wanted()
            self._paused = state is not None and state.paused and state.version == version
            if version is None or version == self._seen:
                return None
            self._seen = version
            loaded = self._load(version)
        except (ModelError, RegistryError) as error:
            metrics.REFUSED.labels(self._settings.model).inc()
            self._context.log.warning("model refused, the one before goes on serving", error=str(error))
            return None
        if _interface(loaded) != self._interface:
            # Its windows are of another shape: beginning anew is what a restart is for.
            self._context.log.warning(
                "model reads other channels than the one that serves; restart the runner to serve it", version=version
            )
            return None
        return loaded

    def _wanted(self) -> str | None:
        assert self._registry is not None
        if self._settings.model_version != CURRENT:
            return self._settings.model_version
        pointer = self._registry.pointer(self._settings.model)
        return pointer.version if pointer is not None else None

    def _load(self, version: str) -> Predictor:
        assert self._registry is not None
        with tempfile.TemporaryDirectory(prefix="racktwin-model-") as folder:
            return predictor.load(self._registry.fetch(self._settings.model, version, Path(folder)))


def _interface(loaded: Predictor) -> tuple[object, ...]:
    definition = loaded.manifest.definition
    return (
        tuple(definition.channels),
        definition.window_s,
        definition.resolution_s,
        tuple(definition.targets),
        tuple(definition.kinds),
        definition.task,
    )
