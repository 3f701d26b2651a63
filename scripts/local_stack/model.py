"""The example site's model: trained once per version of its sources, published as a ConfigMap."""

import base64
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from local_stack import paths

_SOURCES = ("ml-models/models", "ml-models/training", "ml-models/physics")
_FILES = ("model.onnx", "model.json", "CARD.md")


class TrainingError(Exception):
    """The model could not be trained; the text ends with what the training said."""


def source_digest(root: Path) -> str:
    """12 hexadecimal digits over the sources that decide what is trained."""
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def folder(name: str) -> Path:
    """Where the model trained from the present sources lies, once it is trained."""
    return paths.models_dir() / f"{name}-{source_digest(paths.repository())}"


def is_trained(name: str) -> bool:
    """Whether the model of the present sources is there."""
    return all((folder(name) / file).is_file() for file in _FILES)


def ensure_trained(name: str) -> Path:
    """Train the model on simulated history if it is not there; return its folder.

    Raises:
        TrainingError: the training failed.
    """
    place = folder(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_trained(name):
            return place
        temporary = place.with_name(f".{place.name}.partial")
        shutil.rmtree(temporary, ignore_errors=True)
        # Simulated whatever the stack holds: a first start must not depend on how much history there happens to be.
        training = ["-m", "training", "--model", name, "--history", "simulated", "--quick", "--out", str(temporary)]
        # Tied to this process, so that an interrupted training does not write beside the next one.
        command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, *training]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise TrainingError(f"training {name} failed: {(result.stderr or result.stdout).strip()[-800:]}")
        missing = [file for file in _FILES if not (temporary / file).is_file()]
        if missing:
            raise TrainingError(f"training {name} did not write {', '.join(missing)}")
        shutil.rmtree(place, ignore_errors=True)
        temporary.rename(place)
    return place


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


def publish(registry: Path, name: str) -> None:
    """Let the model trained from the present sources serve in the registry, unless it was put there before.

    Raises:
        TrainingError: it could not be trained, or the registry refuses it.
    """
    artefact = ensure_trained(name)
    version = str(json.loads((artefact / "model.json").read_text(encoding="utf-8"))["version"])
    if (registry / name / "versions" / version / "model.json").is_file():
        return
    for step in (("publish", str(artefact)), ("promote", name, version, "--reason", "first model of the stack")):
        command = [sys.executable, "-m", "racktwin_cli", "models", "--registry", str(registry), *step]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise TrainingError(f"models {step[0]} failed: {(result.stderr or result.stdout).strip()[-800:]}")
