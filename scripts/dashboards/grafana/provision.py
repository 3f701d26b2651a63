"""What the chart's Grafana finds in its container, laid out in a folder: files, secrets and environment.

Read from the rendered chart, never written by hand: each volume of the Deployment becomes a folder, each variable of
its container one of the process, and ``/etc/racktwin`` becomes that folder wherever it is named. Only the waiting times
of alerts are shortened. Next: `server`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from local_stack.instance import write_private

Document = Mapping[str, Any]
_INSIDE: Final = "/etc/racktwin"
# Grafana looks at rules every 10 s at most, and tells of a group that changed at once here; the chart waits longer.
EVALUATED: Final = "10s"
_SOONER: Final = {"group_wait": "1s", "group_interval": "5s"}


class MissingError(Exception):
    """The chart names something that is not there; the text says what."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Contents of the Secrets that the Deployment names: Secret -> key -> text."""

    contents: Mapping[str, Mapping[str, str]]

    def of(self, name: str, key: str) -> str:
        """One text. Raises MissingError."""
        try:
            return self.contents[name][key]
        except KeyError as error:
            raise MissingError(f"the chart's Grafana wants key {key} of Secret {name}") from error


def lay_out(documents: Sequence[Document], release: str, secrets: Secrets, folder: Path) -> dict[str, str]:
    """Write the container's files below ``folder``, only this user's to read; return its environment.

    Raises:
        MissingError: the chart mounts or names what it does not have.
    """
    maps = {each["metadata"]["name"]: each.get("data") or {} for each in documents if each["kind"] == "ConfigMap"}
    pod = _pod(documents, f"{release}-grafana")
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    container = pod["containers"][0]
    for mount in container["volumeMounts"]:
        if not mount["mountPath"].startswith(_INSIDE + "/"):
            continue
        place = folder / mount["mountPath"].removeprefix(_INSIDE + "/")
        for name, text in _files(volumes[mount["name"]], maps, secrets):
            write_private(place / name, sooner(name, text.replace(_INSIDE, str(folder))))
    environment = {}
    for variable in container["env"]:
        value = variable.get("value")
        if value is None:
            wanted = variable["valueFrom"]["secretKeyRef"]
            value = secrets.of(wanted["name"], wanted["key"])
        environment[variable["name"]] = value.replace(_INSIDE, str(folder))
    return environment


def _pod(documents: Sequence[Document], name: str) -> Any:
    for each in documents:
        if each["kind"] == "Deployment" and each["metadata"]["name"] == name:
            return each["spec"]["template"]["spec"]
    raise MissingError(f"the chart has no Deployment {name}")


def _files(
    volume: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]], secrets: Secrets
) -> Iterator[tuple[str, str]]:
    """(file, text) of a volume."""
    if "secret" in volume:
        yield from _secret(volume["secret"]["secretName"], volume["secret"].get("items"), secrets)
        return
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    for source in sources:
        if "secret" in source:
            yield from _secret(source["secret"]["name"], source["secret"].get("items"), secrets)
        elif "configMap" in source:
            wanted = source["configMap"]
            if wanted["name"] not in maps:
                raise MissingError(f"the chart mounts ConfigMap {wanted['name']}, which it does not have")
            data = maps[wanted["name"]]
            names = {item["key"]: item["path"] for item in wanted.get("items") or ()} or {key: key for key in data}
            for key, path in names.items():
                yield path, data[key]


def _secret(name: str, items: Sequence[Mapping[str, str]] | None, secrets: Secrets) -> Iterator[tuple[str, str]]:
    names = {item["key"]: item["path"] for item in items or ()} or {key: key for key in secrets.contents.get(name, {})}
    if not names:
        raise MissingError(f"the chart's Grafana wants Secret {name}")
    for key, path in names.items():
        yield path, secrets.of(name, key)


def sooner(name: str, text: str) -> str:
    """A file of alerting with shorter waiting times; any other as it is. Pure."""
    if name == "rules.yaml":
        return re.sub(r"^([\s-]*interval:) \S+$", rf"\1 {EVALUATED}", text, flags=re.MULTILINE)
    if name == "policies.yaml":
        body = yaml.safe_load(text)
        for policy in body["policies"]:
            policy.update(_SOONER)
        return yaml.safe_dump(body, sort_keys=False)
    return text
