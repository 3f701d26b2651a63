"""Looks for secrets that anybody may know: published ones, short ones, the same in two installations, keys in files."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

Document = dict[str, Any]

# Defaults of the components and of the charts that people come from.
PUBLISHED: Final = frozenset(
    (
        *("admin", "password", "passw0rd", "changeit", "changeme", "secret", "verysecret", "foobar", "status", "ditto"),
        *("hono-secret", "mqtt-secret", "http-secret", "amqp-secret", "cmd-router-secret", "registry-secret"),
        *("prom-operator", "grafana", "influxdb", "mongo", "root", "guest", "test", "demo", "example", "racktwin"),
        *("user-password", "admin-secret", "my-super-secret-auth-token", "mytoken", "sw2YcwTIb9zpOOhoPsMm", "devops"),
    )
)
_LEAST = 20
_SECRET_KEY = re.compile(r"(password|token|secret|signing|key|htpasswd|encryption|broker)", re.IGNORECASE)
_VARIABLE = re.compile(r"(PASSWORD|TOKEN|SECRET|PRIVATE_KEY|CREDENTIAL)")
# Variables that name a file or a Secret, or say that there is one.
_NAMES = re.compile(r"(_FILE|_SECRET|_SECRETS|_DIR|_URL|_ENABLED|_REQUIRED|__FILE)$")
_PRIVATE_KEY = re.compile(r"-----BEGIN (RSA |EC |ENCRYPTED )?PRIVATE KEY-----")


def secret_values(documents: Iterable[Document]) -> dict[str, str]:
    """`Secret/key` -> value of everything in Secrets that is meant to be secret."""
    found: dict[str, str] = {}
    for document in documents:
        if document["kind"] != "Secret":
            continue
        name = document["metadata"]["name"]
        values = dict(document.get("stringData") or {})
        values |= {
            key: base64.b64decode(value).decode("latin-1") for key, value in (document.get("data") or {}).items()
        }
        found |= {f"{name}/{key}": str(value) for key, value in values.items() if _SECRET_KEY.search(key)}
    return found


def weak(documents: Sequence[Document]) -> list[str]:
    """What is wrong with the secrets of one rendering, a line each."""
    wrong = []
    for place, value in secret_values(documents).items():
        word = value.strip().rpartition("}")[2]
        if word.lower() in PUBLISHED or value.strip().lower() in PUBLISHED:
            wrong.append(f"{place}: a published secret")
        elif len(word) < _LEAST:
            wrong.append(f"{place}: only {len(word)} characters")
    return wrong + [f"{place}: a secret in plain sight" for place in _plain(documents)]


def repeated(one: Sequence[Document], other: Sequence[Document]) -> list[str]:
    """Secrets that two independent installations share, and so anybody could know."""
    first, second = secret_values(one), secret_values(other)
    return [
        f"{place}: the same in two installations"
        for place in sorted(first.keys() & second.keys())
        if first[place] == second[place]
    ]


def in_files(folder: Path) -> list[str]:
    """Private keys, and published passwords as values, in a chart's files."""
    wrong = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if _PRIVATE_KEY.search(text):
            wrong.append(f"{path.relative_to(folder)}: a private key")
        for number, line in enumerate(text.splitlines(), 1):
            match = re.match(r"^\s*[\w.-]*(?:password|token|secretKey)\s*:\s*['\"]?([\w!@#$%-]+)['\"]?\s*$", line, re.I)
            if match and match[1].lower() in PUBLISHED and path.suffix in (".yaml", ".yml", ".json"):
                wrong.append(f"{path.relative_to(folder)}:{number}: a published secret")
    return wrong


def _plain(documents: Iterable[Document]) -> Iterator[str]:
    """Secrets as values of environment variables, arguments or ConfigMaps."""
    for document in documents:
        name = f"{document['kind']}/{document['metadata']['name']}"
        if document["kind"] == "ConfigMap":
            for key, text in (document.get("data") or {}).items():
                if _PRIVATE_KEY.search(text) or re.search(r"://[^:/\s$]+:[^@/\s$]+@", text):
                    yield f"{name}/{key}"
        yield from (f"{name}: {variable}" for variable in _variables(document))


def _variables(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        variable, value = node.get("name"), node.get("value")
        if (
            isinstance(variable, str)
            and isinstance(value, str)
            and value
            and _VARIABLE.search(variable)
            and not _NAMES.search(variable)
        ):
            yield variable
        for child in node.values():
            yield from _variables(child)
    elif isinstance(node, list):
        for child in node:
            yield from _variables(child)
