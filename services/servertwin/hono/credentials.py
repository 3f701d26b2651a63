"""The server's connection data, from the Secret that the operator made: files, one file, or the Kubernetes API.

Read anew before each connection, so that a renewed password is taken up. Next: :mod:`servertwin.hono.live`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from racktwin.device_credentials import Credentials, CredentialsMissing
from servertwin.failures import Failure, one_line

_NAMED: Final = re.compile(r"(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+)")
_NEXT: Final = "kubectl get secret server-NAME-device -n SITE -o json > FILE makes one, readable by you alone"


def read(where: str) -> Credentials:
    """Credentials from a folder, a file, or a Secret named ``namespace/name``.

    Raises:
        Failure: not there, incomplete, or not a server's.
    """
    path = Path(where)
    try:
        if path.is_dir():
            data = {p.name: p.read_text().strip() for p in path.iterdir() if p.is_file() and not p.name.startswith(".")}
        elif path.is_file():
            data = _document(path)
        elif (named := _NAMED.fullmatch(where)) is not None:
            data = _from_cluster(named["namespace"], named["name"])
        else:
            raise Failure(f"secret {where}: neither a folder nor a file nor namespace/name", _NEXT)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise Failure(f"secret {where}: {one_line(error)}", _NEXT) from error
    try:
        found = Credentials.of(where, data)
    except CredentialsMissing as error:
        raise Failure(one_line(error), _NEXT) from error
    if ":server-" not in found.device_id:
        raise Failure(f"secret {where}: it is of {found.device_id}, which is no server", "name the Secret of a server")
    return found


def _document(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    document: Any
    try:
        document = json.loads(text)
    except ValueError:
        import yaml  # noqa: PLC0415 - seldom needed

        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise Failure(f"secret {path}: neither JSON nor YAML", _NEXT) from error
    if not isinstance(document, dict):
        raise Failure(f"secret {path}: expected an object", _NEXT)
    if document.get("kind") == "Secret":
        return {**_decoded(document.get("data") or {}), **(document.get("stringData") or {})}
    return {str(key): str(value) for key, value in document.items()}


def _decoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def _from_cluster(namespace: str, name: str) -> dict[str, str]:
    # In a process of its own: the Kubernetes client takes more memory and time than all the rest of a logger.
    command = [sys.executable, "-m", "servertwin.hono.cluster", namespace, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise Failure(f"secret {namespace}/{name}: {one_line(done.stderr)}", _NEXT)
    return _decoded(json.loads(done.stdout))
