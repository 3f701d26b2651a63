"""Resources as YAML files, and back: a file per kind, in the order in which they are to be applied."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from inventory.wanted import Document

KINDS: Final = ("Site", "Rack", "CoolingUnit")
_FILES: Final = {"Site": "10-site.yaml", "Rack": "20-racks.yaml", "CoolingUnit": "30-cooling-units.yaml"}


def render(documents: Iterable[Document]) -> str:
    """One YAML stream; the site's namespace comes before the Site."""
    return yaml.safe_dump_all(
        [_clean(doc) for doc in _with_namespace(documents)], sort_keys=False, allow_unicode=True, width=120
    )


def write(folder: Path, documents: Iterable[Document]) -> list[Path]:
    """Write a folder for `kubectl apply -f`; the files.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    docs = list(documents)
    written = []
    for kind in KINDS:
        chosen = [doc for doc in docs if doc["kind"] == kind]
        if chosen:
            path = folder / _FILES[kind]
            path.write_text(render(chosen), encoding="utf-8")
            written.append(path)
    return written


def read(folder: Path) -> list[Document]:
    """Sites, Racks and CoolingUnits in the YAML files of a folder (or one file).

    Raises:
        OSError: it cannot be read.
        ValueError: a file is no YAML, or holds something that is no resource.
    """
    paths = [folder] if folder.is_file() else sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    found: list[Document] = []
    for path in paths:
        try:
            documents: list[Any] = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        except yaml.YAMLError as error:
            raise ValueError(f"{path.name}: not YAML: {' '.join(str(error).split())}") from error
        for doc in documents:
            if doc is None:
                continue
            if not isinstance(doc, dict) or "kind" not in doc or "metadata" not in doc:
                raise ValueError(f"{path.name}: expected Kubernetes resources with kind and metadata")
            if doc["kind"] in KINDS:
                found.append(doc)
    return found


def _with_namespace(documents: Iterable[Document]) -> Iterable[Document]:
    for doc in documents:
        if doc["kind"] == "Site":
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": doc["metadata"]["namespace"]}}
        yield doc


def _clean(doc: Document) -> Document:
    """Without what the API server added."""
    metadata = {key: doc["metadata"][key] for key in ("name", "namespace", "labels") if key in doc["metadata"]}
    cleaned = {"apiVersion": doc["apiVersion"], "kind": doc["kind"], "metadata": metadata}
    return {**cleaned, "spec": doc["spec"]} if "spec" in doc else cleaned
