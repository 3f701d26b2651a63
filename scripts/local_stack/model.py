"""The example site's models: trained once per version of their sources, published as ConfigMaps and in the registry of
a stack."""

import base64
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_stack import config, paths

_SOURCES = ("ml-models/models", "ml-models/training", "ml-models/physics")
_KINDS = (".py", ".yaml", ".md")
_FILES = ("model.onnx", "model.json", "CARD.md")


class TrainingError(Exception):
    """A model could not be trained; the text ends with what the training said."""


def source_digest(root: Path) -> str:
    """12 hexadecimal digits over the sources that decide what is trained."""
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for file in sorted(found for found in (root / folder).rglob("*") if found.suffix in _KINDS):
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def names() -> list[str]:
    """The models that serve in the demo."""
    return [str(name) for name in config.settings()["demo"]["models"]]


def folder(name: str) -> Path:
    """Where the model trained from the present sources lies, once it is trained."""
    return _folders([name])[name]


def _folders(names: Sequence[str]) -> dict[str, Path]:
    digest = source_digest(paths.repository())
    return {name: paths.models_dir() / f"{name}-{digest}" for name in names}


def is_trained(place: Path) -> bool:
    """Whether a model's folder holds all that a model has."""
    return all((place / file).is_file() for file in _FILES)


def ensure_trained(name: str) -> Path:
    """Train the model on simulated history if it is not there; return its folder.

    Raises:
        TrainingError: the training failed.
    """
    return ensure_all_trained([name])[name]


def ensure_all_trained(names: Sequence[str]) -> dict[str, Path]:
    """Train those of these models that are not there, on the same simulated history; return each one's folder.

    Raises:
        TrainingError: the training failed.
    """
    # Once: sources that change during the training must not file its result as their own.
    places = _folders(names)
    if all(map(is_trained, places.values())):
        return places
    models = paths.models_dir()
    models.mkdir(parents=True, exist_ok=True)
    with (models / ".training.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = {name: place for name, place in places.items() if not is_trained(place)}
        if missing:
            _train(missing, models / f".{next(iter(missing.values())).name}.partial")
    return places


def _train(places: Mapping[str, Path], temporary: Path) -> None:
    """Train these and put each into its place, whole."""
    names = list(places)
    shutil.rmtree(temporary, ignore_errors=True)
    # Simulated whatever the stack holds: a first start must not depend on how much history there happens to be.
    training = ["-m", "training", "first", "--models", ",".join(names), "--models-dir", str(temporary)]
    # Tied to this process, so that an interrupted training does not write beside the next one.
    command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, *training]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise TrainingError(f"training {', '.join(names)} failed: {(result.stderr or result.stdout).strip()[-800:]}")
    for name, place in places.items():
        missing = [file for file in _FILES if not (temporary / name / file).is_file()]
        if missing:
            raise TrainingError(f"training {name} did not write {', '.join(missing)}")
        shutil.rmtree(place, ignore_errors=True)
        (temporary / name).rename(place)
    shutil.rmtree(temporary, ignore_errors=True)


def config_map(name: str, namespace: str, artefact: Path) -> dict[str, Any]:
    """The ConfigMap that a model's Deployment mounts."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"model-{name}",
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "racktwin"},
        },
        "data": {file: (artefact / file).read_text(encoding="utf-8") for file in ("model.json", "CARD.md")},
        "binaryData": {"model.onnx": base64.b64encode((artefact / "model.onnx").read_bytes()).decode()},
    }


def influx_secret(name: str, namespace: str, token: str) -> dict[str, Any]:
    """The Secret by which runners and trainings of a site read its history."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": {"token": base64.b64encode(token.encode()).decode()},
    }


def publish(registry: Path, names: Sequence[str]) -> None:
    """Let the models trained from the present sources serve in the registry, but those that were put there before.

    Raises:
        TrainingError: one could not be trained, or the registry refuses it.
    """
    folders = ensure_all_trained(names)
    new = [folder for name, folder in folders.items() if not _is_published(registry, name, folder)]
    if not new:
        return
    command = [sys.executable, "-m", "racktwin_cli", "models", "--registry", str(registry), "publish"]
    command += ["--promote", "--reason", "first model of the stack", *map(str, new)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise TrainingError(f"models publish failed: {(result.stderr or result.stdout).strip()[-800:]}")


def _is_published(registry: Path, name: str, folder: Path) -> bool:
    version = str(json.loads((folder / "model.json").read_text(encoding="utf-8"))["version"])
    return (registry / name / "versions" / version / "model.json").is_file()
