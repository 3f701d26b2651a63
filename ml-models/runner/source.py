"""Where the served model comes from: a folder, or a registry whose pointer may move while we serve.

A version that does not pass the checks is refused and named, and the one that serves goes on: a bad promotion must not
take predictions away.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from models.definition import ModelError
from models.registry import Moved, Refusal, Registry, RegistryError
from racktwin.process import Context
from runner import contract, metrics, predictor
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
        self._contract = contract.read(settings.model_contract)

    def _checked(self, loaded: Predictor) -> Predictor:
        """The model, if it is what was ordered. Raises ModelError."""
        contract.check(self._contract, loaded.manifest)
        if self._settings.expiry_s is None:
            return loaded
        definition = msgspec.structs.replace(loaded.manifest.definition, expiry_s=self._settings.expiry_s)
        return loaded.serving(msgspec.structs.replace(loaded.manifest, definition=definition))

    def first(self) -> Predictor:
        """The model to begin with.

        Raises:
            ModelError: it does not pass the checks. RegistryError: the registry does not have it.
        """
        if self._registry is None:
            loaded = self._checked(predictor.load(self._settings.model_dir))
        else:
            version = self._wanted()
            if version is None:
                raise RegistryError(
                    f"registry {self._registry.url}: model {self._settings.model} has no version that serves; "
                    "promote one with `racktwin models promote`"
                )
            # A refusal here ends the runner, and its last words say why. Were it noted, one that is just being replaced
            # would go on saying so after its successor serves.
            loaded = self._load(version)
            self._note(version, "")
            try:
                self._paused = self._is_paused(version)
            except RegistryError as error:
                # It is looked at again in seconds.
                self._context.log.warning("not known whether it is paused", error=str(error))
        self._looked = self._context.clock()
        self._seen = loaded.manifest.version
        self._interface = _interface(loaded)
        return loaded

    def moved(self, version: str, now_ms: int, reason: str) -> None:
        """Says in the registry how a version's inputs have moved, or that they have not."""
        if self._registry is None:
            return
        try:
            pinned = self._settings.model_version != CURRENT
            self._registry.set_moved(self._settings.model, Moved(version, now_ms, reason), pinned=pinned)
        except RegistryError as error:
            self._context.log.info("inputs not noted", error=str(error))

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
            version = self._wanted()
            self._paused = version is not None and self._is_paused(version)
            if version is None or version == self._seen:
                return None
            self._seen = version
            loaded = self._load(version)
        except (ModelError, RegistryError) as error:
            metrics.REFUSED.labels(self._settings.model).inc()
            self._context.log.warning("model refused, the one before goes on serving", error=str(error))
            if isinstance(error, ModelError):
                self._note(self._seen, str(error))
            return None
        if _interface(loaded) != self._interface:
            # Its windows are of another shape: beginning anew is what a restart is for.
            reason = "it reads other channels than the one that serves; restart the runner to serve it"
            self._context.log.warning("model refused, the one before goes on serving", error=reason, version=version)
            self._note(version, reason)
            return None
        self._note(version, "")
        return loaded

    def _note(self, version: str, reason: str) -> None:
        """Says in the registry that a version is refused, or no longer; people and the operator look there."""
        assert self._registry is not None
        model = self._settings.model
        try:
            by = self._settings.consumer_group or f"racktwin-model-{model}"
            if reason:
                self._registry.set_refusal(model, by, Refusal(version, self._context.clock(), reason))
            elif self._registry.refusal(model, by) is not None:
                self._registry.set_refusal(model, by, None)
        except RegistryError as error:
            # A registry that runners may only read: the log has it too.
            self._context.log.info("refusal not noted", error=str(error))

    def _is_paused(self, version: str) -> bool:
        assert self._registry is not None
        state = self._registry.state(self._settings.model, version)
        return state is not None and state.paused

    def _wanted(self) -> str | None:
        assert self._registry is not None
        if self._settings.model_version != CURRENT:
            return self._settings.model_version
        pointer = self._registry.pointer(self._settings.model)
        return pointer.version if pointer is not None else None

    def _load(self, version: str) -> Predictor:
        assert self._registry is not None
        with tempfile.TemporaryDirectory(prefix="racktwin-model-") as folder:
            return self._checked(predictor.load(self._registry.fetch(self._settings.model, version, Path(folder))))


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
