"""Resolves a container's environment and mount paths. Pure: ConfigMaps and Secrets are looked up by functions passed
in.

A process sees this machine's file system, not a mount: a value or argument that is a mount path, or begins with one,
is rewritten to the folder where the volume lies. Programs that have a mount path built in are not served; ours take
all paths from their settings.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_node.templates import Json

Lookup = Callable[[str, str], Json | None]
"""(kind "ConfigMap" or "Secret", name) -> the object in the pod's namespace, or None."""

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class UnresolvedError(Exception):
    """A reference leads nowhere yet; the text names it. Kubernetes calls this CreateContainerConfigError and waits."""


def contents(kind: str, value: Json) -> dict[str, bytes]:
    """Keys and values of a ConfigMap or Secret as bytes."""
    plain = {} if kind == "Secret" else {key: text.encode() for key, text in (value.get("data") or {}).items()}
    encoded = value.get("data") if kind == "Secret" else value.get("binaryData")
    return {**plain, **{key: base64.b64decode(text) for key, text in (encoded or {}).items()}}


def find(lookup: Lookup, kind: str, reference: Json) -> dict[str, bytes] | None:
    """Contents of what a reference names; None when it is optional and absent. Raises UnresolvedError."""
    name = reference.get("name") or reference.get("secretName") or ""
    found = lookup(kind, name)
    if found is not None:
        return contents(kind, found)
    if reference.get("optional"):
        return None
    raise UnresolvedError(f"{kind} {name} not found")


def _from_source(source: Json, lookup: Lookup, fields: Mapping[str, str]) -> str | None:
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if reference := source.get(field):
            values = find(lookup, kind, reference)
            if values is not None and reference["key"] in values:
                return values[reference["key"]].decode()
            if reference.get("optional"):
                return None
            raise UnresolvedError(f"{kind} {reference.get('name')} has no key {reference['key']}")
    if reference := source.get("fieldRef"):
        path = reference["fieldPath"]
        if path not in fields:
            raise UnresolvedError(f"field {path} is not known here; there are {', '.join(sorted(fields))}")
        return fields[path]
    raise UnresolvedError(f"environment source {', '.join(source)} is not supported here")


def expand(text: str, values: Mapping[str, str]) -> str:
    """Kubernetes' `$(NAME)`: replaced when NAME is known, left as it is when not; `$$` is a dollar sign."""
    return _REFERENCE.sub(lambda m: "$" if m[1] is None else values.get(m[1], m[0]), text)


def resolve(env: Sequence[Json], env_from: Sequence[Json], lookup: Lookup, fields: Mapping[str, str]) -> dict[str, str]:
    """A container's environment. `fields` holds what fieldRef may ask for, such as `metadata.name`.

    Raises:
        UnresolvedError: something referred to does not exist, or is of a kind that is not served here.
    """
    values: dict[str, str] = {}
    for source in env_from:
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if reference := source.get(field):
                for key, value in (find(lookup, kind, reference) or {}).items():
                    values[source.get("prefix", "") + key] = value.decode()
    for entry in env:
        if "valueFrom" in entry:
            found = _from_source(entry["valueFrom"], lookup, fields)
            if found is not None:
                values[entry["name"]] = found
        else:
            values[entry["name"]] = expand(entry.get("value", ""), values)
    return values


def rewrite_paths(text: str, mounts: Mapping[str, Any]) -> str:
    """Replace a leading mount path by the folder the volume lies in; the longest matching mount path wins."""
    for mount in sorted(mounts, key=len, reverse=True):
        path = mount.rstrip("/")
        if text == path or text.startswith(path + "/"):
            return f"{mounts[mount]}{text[len(path) :]}"
    return text
