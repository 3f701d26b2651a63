"""Trained models, kept by version: a directory or an S3 bucket (anything that fsspec opens; `models.store`).

    <root>/<model>/versions/<version>/model.onnx, model.json, CARD.md    never changed once written
    <root>/<model>/current.json                                          which version serves, and what served before
    <root>/<model>/state.json, training.json, …                          how things stand: see `models.notes`

A version is the head of its graph's checksum, so publishing the same graph twice is publishing it once; it is there
once its manifest is, which is written last. Promotion and rollback write the pointer alone, one after the other.
Whether a version deserves promotion is for `training.gate` to say; who serves it, `runner`, looks at the pointer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from models.definition import CARD_FILE, GRAPH_FILE, MANIFEST_FILE, Manifest, ModelError, read_manifest, version_of
from models.notes import (
    INPUTS_FILE,
    INPUTS_OF_FILE,
    POINTER_FILE,
    REFUSED_FILE,
    STATE_FILE,
    STATE_OF_FILE,
    TRAINING_FILE,
    Moved,
    Outcome,
    Pointer,
    Promotion,
    Refusal,
    Scores,
    State,
)
from models.store import RegistryError, Store

_FILES = (GRAPH_FILE, CARD_FILE, MANIFEST_FILE)  # the manifest last: a half-written version has none
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_VERSION = re.compile(r"[0-9a-f]{12}")
_REMEMBERED = 50
_STATE_OF = re.compile(STATE_OF_FILE.format(version=f"({_VERSION.pattern})"))
# Text that is no UTF-8 has an error of its own.
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError)
T = TypeVar("T")

__all__ = ["Moved", "Outcome", "Pointer", "Promotion", "Refusal", "Registry", "RegistryError", "Scores", "State"]


class Registry:
    """The registry at a URL: `/some/directory`, `file:///…`, `s3://bucket/prefix`."""

    def __init__(self, url: str) -> None:
        """Opens nothing yet.

        Raises:
            RegistryError: the URL's protocol is not known, or its package is not installed.
        """
        self._store = Store(url)
        self.url = url
        # Versions never change.
        self._manifests: dict[tuple[str, str], Manifest] = {}

    def models(self) -> list[str]:
        """Names of the models that have versions."""
        return sorted(name for name in self._store.names("") if _NAME.fullmatch(name))

    def versions(self, model: str) -> list[Manifest]:
        """Manifests of all whole versions of a model, oldest first."""
        names = [name for name in self._store.names(f"{_checked(model)}/versions") if _VERSION.fullmatch(name)]
        # One that is just being published has no manifest yet.
        manifests = [manifest for name in names if (manifest := self._manifest(model, name)) is not None]
        return sorted(manifests, key=lambda manifest: manifest.created)

    def manifest(self, model: str, version: str) -> Manifest:
        """The manifest of one version.

        Raises:
            RegistryError: there is no such version, or its manifest cannot be read.
        """
        manifest = self._manifest(model, version)
        if manifest is None:
            there = ", ".join(made.version for made in self.versions(model)) or "none"
            raise RegistryError(f"model {model}: no version {version}; there are: {there}")
        return manifest

    def pointer(self, model: str) -> Pointer | None:
        """What serves; None before the first promotion.

        Raises:
            RegistryError: the registry cannot be reached, or the pointer is not well formed.
        """
        return self._note(model, POINTER_FILE, Pointer)

    def state(self, model: str, version: str | None = None) -> State | None:
        """How the version does that the pointer names, or this one; None before anything was scored.

        Raises:
            RegistryError: the registry cannot be reached, or the state is not well formed.
        """
        found = self._note(model, STATE_FILE, State)
        if version is None or (found is not None and found.version == version):
            return found
        return self._state_of(model, version)

    def stayed(self, model: str) -> list[State]:
        """How versions do, or did, that something stays or stayed at although the pointer names another.

        Raises:
            RegistryError: the registry cannot be reached, or a state is not well formed.
        """
        names = (_STATE_OF.fullmatch(name) for name in self._store.names(_checked(model)))
        found = (self._state_of(model, name.group(1)) for name in names if name is not None)
        return [state for state in found if state is not None]

    def outcome(self, model: str) -> Outcome | None:
        """How the newest training ended; None before the first.

        Raises:
            RegistryError: the registry cannot be reached, or the note is not well formed.
        """
        return self._note(model, TRAINING_FILE, Outcome)

    def moved(self, model: str, version: str | None = None) -> Moved | None:
        """How inputs have moved, of the version that the pointer names or of this one; None before a runner looked.

        Runners that follow the pointer and such as stay at a version note it apart: the newer note counts.

        Raises:
            RegistryError: the registry cannot be reached, or the note is not well formed.
        """
        found = self._note(model, INPUTS_FILE, Moved)
        if version is None:
            return found
        own = self._note(model, INPUTS_OF_FILE.format(version=_digits(version)), Moved)
        if found is None or found.version != version:
            return own
        return own if own is not None and own.at > found.at else found

    def refusal(self, model: str, by: str) -> Refusal | None:
        """The version that runners of the consumer group `by` refused last; None when none was.

        Raises:
            RegistryError: the registry cannot be reached, or the note is not well formed.
        """
        return self._note(model, REFUSED_FILE.format(by=by), Refusal)

    def set_state(self, model: str, state: State, *, pinned: bool = False) -> None:
        """Note how the version does that the pointer names; `pinned`: another, which something stays at.

        Whoever judged before the version was promoted or let go on comes too late: what counts since is kept.

        Raises:
            RegistryError: the registry cannot be written.
        """
        mine = msgspec.json.encode(state) + b"\n"

        def change(content: bytes | None) -> bytes:
            try:
                there = msgspec.json.decode(content, type=State) if content is not None else None
            except _MALFORMED:
                there = None
            return content if content is not None and there is not None and there.since > state.since else mine

        file = STATE_OF_FILE.format(version=_digits(state.version)) if pinned else STATE_FILE
        self._store.replace(f"{_checked(model)}/{file}", change)

    def resume(self, model: str, version: str, *, at_ms: int) -> None:
        """Let a version begin with a clean sheet: one that is paused predicts again, and is judged from now on.

        Raises:
            RegistryError: there is no such version, or the registry cannot be written.
        """
        self.manifest(model, version)
        pointer = self.pointer(model)
        clean = State(version, at_ms, since=at_ms)
        self.set_state(model, clean, pinned=pointer is None or pointer.version != version)

    def set_outcome(self, model: str, outcome: Outcome) -> None:
        """Note how a training ended.

        Raises:
            RegistryError: the registry cannot be written.
        """
        self._store.write(f"{_checked(model)}/{TRAINING_FILE}", msgspec.json.encode(outcome) + b"\n")

    def set_moved(self, model: str, moved: Moved, *, pinned: bool = False) -> None:
        """Note how a version's inputs have moved; `pinned`: of one that somebody stays at.

        Raises:
            RegistryError: the registry cannot be written.
        """
        file = INPUTS_OF_FILE.format(version=_digits(moved.version)) if pinned else INPUTS_FILE
        self._store.write(f"{_checked(model)}/{file}", msgspec.json.encode(moved) + b"\n")

    def set_refusal(self, model: str, by: str, refusal: Refusal | None) -> None:
        """Note a version that runners of the consumer group `by` refuse; None: none is any longer.

        Raises:
            RegistryError: the registry cannot be written.
        """
        path = f"{_checked(model)}/{REFUSED_FILE.format(by=by)}"
        if refusal is not None:
            self._store.write(path, msgspec.json.encode(refusal) + b"\n")
        elif self._store.read(path) is not None:
            self._store.remove(path)

    def publish(self, folder: Path) -> Manifest:
        """Put an artefact's folder into the registry; it does not serve yet.

        Raises:
            RegistryError: the artefact is not whole or not of one training, or the registry cannot be written.
        """
        try:
            manifest = read_manifest(folder)
            contents = {name: (folder / name).read_bytes() for name in _FILES if (folder / name).is_file()}
        except (ModelError, OSError) as error:
            raise RegistryError(f"{folder}: {error}") from error
        if GRAPH_FILE not in contents or version_of(contents[GRAPH_FILE]) != manifest.version:
            raise RegistryError(f"{folder}: {GRAPH_FILE} is missing or not the one that {MANIFEST_FILE} speaks of")
        place = self._folder(manifest.definition.name, manifest.version)
        if self._store.read(f"{place}/{MANIFEST_FILE}") is None:
            last = contents.pop(MANIFEST_FILE)
            for name, content in contents.items():
                self._store.write(f"{place}/{name}", content)
            # Another may have published the same graph meanwhile: that is it.
            self._store.create(f"{place}/{MANIFEST_FILE}", last)
        return manifest

    def promote(self, model: str, version: str, *, at_ms: int, by: str, reason: str) -> Pointer:
        """Let a version serve, with a clean sheet: also the one that serves, which goes on if it was paused.

        Raises:
            RegistryError: there is no such version, or the registry cannot be written.
        """
        self.manifest(model, version)
        return self._begun(model, self._move(model, lambda _: Promotion(version, at_ms, by, reason)), at_ms)

    def rollback(self, model: str, *, at_ms: int, reason: str) -> Pointer:
        """Let the version serve again that served before the present one.

        Raises:
            RegistryError: nothing served before.
        """

        def back(pointer: Pointer | None) -> Promotion:
            if pointer is None:
                raise RegistryError(f"model {model}: nothing serves, so there is nothing to go back from")
            # What was rolled back is no place to go back to: walk the promotions as a stack.
            stack: list[str] = []
            for promotion in pointer.history:
                if promotion.by == "rollback" and promotion.version in stack:
                    del stack[stack.index(promotion.version) + 1 :]
                elif not stack or stack[-1] != promotion.version:
                    stack.append(promotion.version)
            if len(stack) < 2:
                raise RegistryError(f"model {model}: version {pointer.version} is the first that served")
            self.manifest(model, stack[-2])
            return Promotion(stack[-2], at_ms, "rollback", reason)

        return self._begun(model, self._move(model, back), at_ms)

    def fetch(self, model: str, version: str, into: Path) -> Path:
        """Copy a version into a folder of its own under `into`; returns the folder.

        Raises:
            RegistryError: there is no such version, or it cannot be read.
        """
        manifest = self.manifest(model, version)
        folder = into / model / manifest.version
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in _FILES:
                content = self._store.read(f"{self._folder(model, version)}/{name}")
                if content is not None:
                    (folder / name).write_bytes(content)
        except OSError as error:
            raise RegistryError(f"{folder}: {error.strerror}") from error
        return folder

    def _move(self, model: str, step: Callable[[Pointer | None], Promotion]) -> Pointer:
        """Move the pointer by what it says; of two who do, the second sees what the first did."""

        def change(content: bytes | None) -> bytes:
            before = _decoded(model, POINTER_FILE, content, Pointer)
            promotion = step(before)
            history = [*(before.history if before else []), promotion][-_REMEMBERED:]
            return msgspec.json.format(msgspec.json.encode(Pointer(promotion.version, history)), indent=1) + b"\n"

        written = self._store.replace(f"{_checked(model)}/{POINTER_FILE}", change)
        return msgspec.json.decode(written, type=Pointer)

    def _begun(self, model: str, pointer: Pointer, at_ms: int) -> Pointer:
        """What was found of the version before it was promoted is of no matter any more. One that was paused and is
        replaced stays paused for whatever stays at it."""
        try:
            before = self._note(model, STATE_FILE, State)
        except RegistryError:
            # It is not well formed: its successor's sheet replaces it.
            before = None
        if before is not None and before.paused and before.version != pointer.version:
            self.set_state(model, before, pinned=True)
        self.set_state(model, State(pointer.version, at_ms, since=at_ms))
        pinned = f"{_checked(model)}/{STATE_OF_FILE.format(version=pointer.version)}"
        if self._store.read(pinned) is not None:
            self._store.remove(pinned)
        return pointer

    def _manifest(self, model: str, version: str) -> Manifest | None:
        known = self._manifests.get((model, version))
        if known is not None:
            return known
        content = self._store.read(f"{self._folder(model, version)}/{MANIFEST_FILE}")
        found = _decoded(f"{model}, version {version}", MANIFEST_FILE, content, Manifest)
        if found is not None:
            self._manifests[model, version] = found
        return found

    def _note(self, model: str, file: str, kind: type[T]) -> T | None:
        return _decoded(model, file, self._store.read(f"{_checked(model)}/{file}"), kind)

    def _state_of(self, model: str, version: str) -> State | None:
        """The note of a version that something stays at."""
        file = STATE_OF_FILE.format(version=_digits(version))
        found = self._note(model, file, State)
        if found is not None and found.version != version:
            raise RegistryError(f"model {model}: {file}: it speaks of version {found.version!r}")
        return found

    def _folder(self, model: str, version: str) -> str:
        return f"{_checked(model)}/versions/{_digits(version)}"


def _digits(version: str) -> str:
    if not _VERSION.fullmatch(version):
        raise RegistryError(f"version {version!r}: expected 12 hexadecimal digits")
    return version


def _decoded(model: str, file: str, content: bytes | None, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(content, type=kind) if content is not None else None
    except _MALFORMED as error:
        raise RegistryError(f"model {model}: {file}: {error}") from error


def _checked(model: str) -> str:
    if not _NAME.fullmatch(model):
        raise RegistryError(f"model {model!r}: expected lower-case letters, digits and dashes")
    return model
