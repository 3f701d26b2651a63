"""Judges what serves, by the registry's promises, and notes it there; starts a training where that is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from models.registry import Registry, RegistryError, Scores, State
from racktwin.process import Context
from scorecard.judge import LEAST, Judge, Verdict, promise_of
from scorecard.tallies import Tallies, Tally

# Runners look once a minute; what is older is of one that has gone.
_MOVED_VALID_MS: Final = 10 * 60_000
# Starts the training of a model; True while one runs already.
Train = Callable[[str], None]


class Verdicts:
    """One per process. `train` is called with a model's name when it drifts, not more often than `every_ms`."""

    def __init__(
        self,
        registry: Registry,
        tallies: Tallies,
        context: Context,
        train: Train | None,
        every_ms: int,
        *,
        least: int = LEAST,
    ) -> None:
        self._registry = registry
        self._tallies = tallies
        self._context = context
        self._train = train
        self._every_ms, self._least = every_ms, least
        self._judges: dict[tuple[str, str], Judge] = {}
        self._trained: dict[str, int] = {}

    def look(self, now_ms: int) -> dict[str, State]:
        """Judge every model that was scored; what was found of what serves."""
        found = {}
        for model in sorted({name for name, _ in self._tallies.versions} | set(self._known())):
            try:
                state = self._of(model, now_ms)
            except RegistryError as error:
                self._context.log.warning("registry", model=model, error=str(error))
                continue
            if state is None:
                continue
            found[model] = state
            due = now_ms - self._trained.get(model, -self._every_ms) >= self._every_ms
            if state.drifting and self._train is not None and due:
                self._trained[model] = now_ms
                self._context.log.info("model drifts, training anew", model=model, reason=state.reason)
                self._train(model)
        return found

    def _known(self) -> list[str]:
        try:
            return self._registry.models()
        except RegistryError as error:
            self._context.log.warning("registry", error=str(error))
            return []

    def _of(self, model: str, now_ms: int) -> State | None:
        pointer = self._registry.pointer(model)
        if pointer is None:
            return None
        key = (model, pointer.version)
        moved = self._moved(model, pointer.version, now_ms)
        tally = self._tallies.versions.get(key)
        before = self._registry.state(model)
        if tally is None:
            if not moved and (before is None or before.version != pointer.version or not before.inputs):
                return None
            tally, verdict = Tally(), Verdict(drifting=False, paused=False, reason="")
        else:
            if key not in self._judges:
                manifest = self._registry.manifest(*key)
                self._judges[key] = Judge(promise_of(manifest.metrics, manifest.definition.coverage), self._least)
            verdict = self._judges[key].verdict(tally, now_ms)
        state = State(
            pointer.version,
            now_ms,
            drifting=verdict.drifting or bool(moved),
            paused=verdict.paused,
            reason="; ".join(filter(None, (verdict.reason, moved))),
            skill=round(tally.skill, 4) if tally.count else None,
            coverage=round(tally.coverage, 4) if tally.count else None,
            mae=round(tally.mae, 4) if tally.count else None,
            count=tally.count,
            inputs=moved,
            bias=round(tally.bias, 4) if tally.count else None,
            horizons={str(horizon): _scores(own) for horizon, own in self._tallies.horizons(*key).items()},
        )
        # A version that pauses makes no predictions to be judged by: it stays so until another serves.
        if before is not None and before.version == pointer.version and before.paused and not state.paused:
            return before
        self._registry.set_state(model, state)
        if before is None or (before.drifting, before.paused) != (state.drifting, state.paused):
            self._context.log.info(
                "verdict", model=model, drifting=state.drifting, paused=state.paused, reason=state.reason
            )
        return state

    def _moved(self, model: str, version: str, now_ms: int) -> str:
        """How the version's inputs have moved, where a runner found so lately."""
        noted = self._registry.moved(model)
        if noted is None or noted.version != version or not 0 <= now_ms - noted.at <= _MOVED_VALID_MS:
            return ""
        return noted.reason


def _scores(tally: Tally) -> Scores:
    return Scores(
        tally.count, round(tally.mae, 4), round(tally.bias, 4), round(tally.skill, 4), round(tally.coverage, 4)
    )


def start_training(registry_url: str) -> Train:
    """Starts `python -m training` on recorded history for a model; its messages go where ours go."""
    running: dict[str, subprocess.Popen[bytes]] = {}

    def train(model: str) -> None:
        before = running.get(model)
        if before is not None and before.poll() is None:
            return
        command = [
            sys.executable,
            "-m",
            "training",
            "--model",
            model,
            "--history",
            "influx",
            "--registry",
            registry_url,
        ]
        running[model] = subprocess.Popen(command, stdout=sys.stderr, env=dict(os.environ))

    return train
