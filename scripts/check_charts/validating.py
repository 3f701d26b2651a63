"""Rendered documents against the live API server: kubeconform with its own schemas, and a dry run on the server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from check_charts.cluster import Cluster
from check_charts.rendering import Document
from check_charts.tools import KUBECONFORM, CheckError, run

Schema = dict[str, Any]
_DROPPED = ("default", "description")
_FORMATS = ("int32", "int64", "double", "byte", "date-time")


def write_schemas(cluster: Cluster, folder: Path) -> int:
    """JSON schemas of every kind that the server knows, strict about unknown fields; how many. Raises CheckError."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for path, entry in json.loads(cluster.kubectl("get", "--raw", "/openapi/v3"))["paths"].items():
        # Documents of one group and version, not the lists of groups.
        if not path.startswith(("api/v", "apis/")) or path.count("/") < (1 if path.startswith("api/v") else 2):
            continue
        found = json.loads(cluster.kubectl("get", "--raw", entry["serverRelativeURL"]))
        components = found.get("components", {}).get("schemas", {})
        for name, schema in components.items():
            kinds = schema.get("x-kubernetes-group-version-kind", [])
            # Kinds that exist in every group (DeleteOptions) are of none.
            if len(kinds) != 1:
                continue
            group, version, kind = kinds[0]["group"], kinds[0]["version"], kinds[0]["kind"]
            stem = "-".join(part for part in (kind.lower(), group.split(".")[0], version) if part)
            strict = _strict(schema, components, (name,))
            (folder / f"{stem}.json").write_text(json.dumps(strict), encoding="utf-8")
            count += 1
    return count


def _strict(schema: Any, components: dict[str, Schema], seen: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_strict(item, components, seen) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = _reference(schema)
    if reference is not None:
        # A schema that contains itself (that of schemas): anything goes from there on.
        return {} if reference in seen else _strict(components[reference], components, (*seen, reference))
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["string", "integer", "null"]}
    made: Schema = {}
    for key, value in schema.items():
        if key in _DROPPED or key.startswith("x-kubernetes-") or (key == "format" and value in _FORMATS):
            continue
        if key == "properties":
            made[key] = {name: _strict(item, components, seen) for name, item in value.items()}
        else:
            made[key] = _strict(value, components, seen)
    if made.get("type") == "object":
        if "properties" in made and not schema.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    elif isinstance(made.get("type"), str):
        # The server takes null for what is left out.
        made["type"] = [made["type"], "null"]
    return made


def _reference(schema: Schema) -> str | None:
    wrapped = schema.get("allOf", [])
    target = schema.get("$ref") or (wrapped[0].get("$ref") if len(wrapped) == 1 else None)
    return str(target).rpartition("/")[2] if target else None


def schema_errors(documents: Sequence[Document], schemas: Path) -> list[str]:
    """What kubeconform says is wrong, a line each."""
    text = "\n---\n".join(json.dumps(document) for document in documents)
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    try:
        answer = run([KUBECONFORM, "-output", "json", "-strict", "-schema-location", location], stdin=text)
    except CheckError as error:
        # It ends with 1 and writes the same document.
        answer = str(error).partition(": ")[2]
    return list(_complaints(json.loads(answer)))


def _complaints(answer: dict[str, Any]) -> Iterator[str]:
    for resource in answer.get("resources", []):
        if resource["status"] not in ("statusValid", "statusSkipped"):
            yield f"{resource['kind']}/{resource['name']}: {resource['msg']}"


def dry_run(cluster: Cluster, documents: Sequence[Document], namespace: str) -> list[str]:
    """What the server would refuse, a line each; admission and defaults included."""
    wrong = []
    # A pod is refused without its account, and a dry run makes none.
    cluster.apply([document for document in documents if document["kind"] == "ServiceAccount"])
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
    try:
        cluster.kubectl("-n", namespace, "apply", "--server-side", "--dry-run=server", "-f", "-", stdin=text)
    except CheckError as error:
        wrong += [line for line in str(error).splitlines() if line.strip()]
    return wrong
