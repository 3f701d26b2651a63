"""Judges what serves, by the registry's promises, and notes it there; starts a training where that is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Container
from typing import Final

from models.registry import Pointer, Registry, RegistryError, Scores, State
from racktwin.process import Context
from scorecard.judge import LEAST, Judge, Verdict, promise_of
from scorecard.tallies import Tallies, Tally

# Runners look once a minute; what is older is of one that has gone.
_MOVED_VALID_MS: Final = 10 * 60_000
# A version that is not the promoted one serves somewhere as long as predictions of it come true.
_SERVES_MS: Final = 10 * 60_000
# Runners take up what is promoted within this time.
_TAKEN_UP_MS: Final = 2 * 60_000
# Starts the training of a model; nothing while one runs already.
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

    def begin(self, models: Container[str] | None = None) -> None:
        """After a start: go on from what was noted of the versions that serve, of these models or of all."""
        for model in self._known():
            if models is not None and model not in models:
                continue
            # Where the note of one cannot be read, the other goes on all the same.
            states: dict[str, State] = {}
            for noted in (self._registry.stayed, self._serving):
                try:
                    states |= {state.version: state for state in noted(model)}
                except RegistryError as error:
                    self._context.log.warning("registry", model=model, error=str(error))
            for version, own in states.items():
                self._tallies.again(model, version, own)

    def _serving(self, model: str) -> list[State]:
        """What was noted of the version that the pointer names."""
        pointer = self._registry.pointer(model)
        state = self._registry.state(model, pointer.version) if pointer is not None else None
        return [state] if state is not None else []

    def look(self, now_ms: int) -> dict[tuple[str, str], State]:
        """Judge every version that serves, promoted or stayed at; what was found, by model and version."""
        found = {}
        for model in sorted({name for name, _ in self._tallies.versions} | set(self._known())):
            try:
                pointer = self._registry.pointer(model)
                if pointer is not None and (state := self._promoted(model, pointer, now_ms)) is not None:
                    found[model, state.version] = state
                    self._retrain(model, state, now_ms)
                for version in self._others(model, pointer, now_ms):
                    if (state := self._of(model, version, now_ms, pinned=True)) is not None:
                        found[model, version] = state
            except RegistryError as error:
                self._context.log.warning("registry", model=model, error=str(error))
        return found

    def _retrain(self, model: str, state: State, now_ms: int) -> None:
        due = now_ms - self._trained.get(model, -self._every_ms) >= self._every_ms
        if state.drifting and self._train is not None and due:
            self._trained[model] = now_ms
            self._context.log.info("model drifts, training anew", model=model, reason=state.reason)
            self._train(model)

    def _known(self) -> list[str]:
        try:
            return self._registry.models()
        except RegistryError as error:
            self._context.log.warning("registry", error=str(error))
            return []

    def _promoted(self, model: str, pointer: Pointer, now_ms: int) -> State | None:
        # An older release promotes without a clean sheet.
        return self._of(model, pointer.version, now_ms, since=pointer.history[-1].at if pointer.history else 0)

    def _others(self, model: str, pointer: Pointer | None, now_ms: int) -> list[str]:
        """Versions in the registry that serve although the pointer names none or another."""
        promoted = pointer.version if pointer is not None else None
        # What the one before had still to say when another was promoted comes true until long after.
        replaced = pointer.history[-1].at + _TAKEN_UP_MS if pointer is not None and pointer.history else 0
        lately = [
            version
            for (name, version), tally in self._tallies.versions.items()
            if name == model
            and version != promoted
            and 0 <= now_ms - tally.at_ms <= _SERVES_MS
            and self._tallies.made.get((name, version), 0) > replaced
        ]
        if not lately:
            return []
        # Out of a ConfigMap serves what no registry needs to know.
        known = {manifest.version for manifest in self._registry.versions(model)}
        return [version for version in lately if version in known]

    def _of(self, model: str, version: str, now_ms: int, *, since: int = 0, pinned: bool = False) -> State | None:
        key = (model, version)
        moved = self._moved(model, version, now_ms)
        before = self._registry.state(model, version)
        since = before.since if before is not None else since
        if self._tallies.begin(model, version, since):
            self._judges.pop(key, None)
        tally = self._tallies.versions.get(key)
        if tally is None:
            if not moved and (before is None or not before.inputs):
                return None
            tally, verdict = Tally(), Verdict(drifting=False, paused=False, reason="")
        else:
            if key not in self._judges:
                manifest = self._registry.manifest(*key)
                self._judges[key] = Judge(promise_of(manifest.metrics, manifest.definition.coverage), self._least)
            verdict = self._judges[key].verdict(tally, now_ms)
        state = State(
            version,
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
            since=since,
            rmse=round(tally.rmse, 6),
            weight=round(tally.weight, 3),
            scored_at=tally.at_ms,
            minutes=tally.minutes,
        )
        # A version that pauses makes no predictions to be judged by: it stays so until another serves, or somebody lets
        # it go on.
        if before is not None and before.paused and not state.paused:
            return before
        self._registry.set_state(model, state, pinned=pinned)
        if before is None or (before.drifting, before.paused) != (state.drifting, state.paused):
            self._context.log.info(
                "verdict",
                model=model,
                version=version,
                drifting=state.drifting,
                paused=state.paused,
                reason=state.reason,
            )
        return state

    def _moved(self, model: str, version: str, now_ms: int) -> str:
        """How the version's inputs have moved, where a runner found so lately."""
        noted = self._registry.moved(model, version)
        if noted is None or noted.version != version or not 0 <= now_ms - noted.at <= _MOVED_VALID_MS:
            return ""
        return noted.reason


def _scores(tally: Tally) -> Scores:
    return Scores(
        tally.count,
        round(tally.mae, 4),
        round(tally.bias, 4),
        round(tally.skill, 4),
        round(tally.coverage, 4),
        round(tally.rmse, 6),
        round(tally.weight, 3),
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
            # What is simulated must be other than what serves was trained on, or the same version comes out.
            "--seed",
            str(int(time.time()) % 1_000_000),
        ]
        running[model] = subprocess.Popen(command, stdout=sys.stderr, env=dict(os.environ))

    return train
