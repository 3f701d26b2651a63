"""The site's resources, and the Secrets of devices and of the release, from the Kubernetes API.

Without the Secrets a restored MongoDB and InfluxDB could not be opened, and devices' passwords would not match. The
file holds passwords: the volume is to be treated like them. A restore makes what is missing and changes nothing that
is there.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Protocol

from provision.failure import Failure
from racktwin.names import API_GROUP, API_VERSION

# In the order in which they are made again: what others refer to comes first.
KINDS = ("sites", "coolingunits", "racks", "twinmodels", "scenarios")
_FILE = "resources.json.gz"
# What is this cluster's and not the resource's.
_FLEETING = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "ownerReferences",
    "selfLink",
)


class Api(Protocol):
    """What is needed of a namespace."""

    def secrets(self) -> list[dict[str, Any]]:
        """All Secrets."""

    def make_secret(self, body: dict[str, Any]) -> bool:
        """False where there is one."""

    def resources(self, group: str, version: str, plural: str) -> list[dict[str, Any]]:
        """All of a kind."""

    def make_resource(self, group: str, version: str, plural: str, body: dict[str, Any]) -> bool:
        """False where there is one."""


def save(api: Api, folder: Path) -> dict[str, int]:
    """Write everything into `folder`; how many of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"secrets": [clean(body) for body in api.secrets() if is_ours(body)]}
    for plural in KINDS:
        kept[plural] = [clean(body) for body in api.resources(API_GROUP, API_VERSION, plural)]
    with gzip.open(folder / _FILE, "wt", encoding="utf-8") as file:
        json.dump(kept, file)
    return {kind: len(bodies) for kind, bodies in kept.items()}


def load(api: Api, folder: Path) -> dict[str, int]:
    """Make what is missing; how many of each kind were made.

    Raises:
        Failure: the file is not there or broken.
    """
    try:
        with gzip.open(folder / _FILE, "rt", encoding="utf-8") as file:
            kept = json.load(file)
    except (OSError, ValueError) as error:
        raise Failure(f"{folder / _FILE}: {error}", "is the backup complete? choose another") from error
    # Secrets first: the operator takes a device's password from its Secret, and makes a new one where there is none.
    made = {"secrets": sum(api.make_secret(body) for body in kept["secrets"])}
    for plural in KINDS:
        made[plural] = sum(api.make_resource(API_GROUP, API_VERSION, plural, body) for body in kept.get(plural, []))
    return made


def is_ours(secret: dict[str, Any]) -> bool:
    """Whether a Secret is to be kept: the release's and the devices', not Helm's own records and no certificates, which
    are made anew."""
    labels = secret["metadata"].get("labels") or {}
    name = secret["metadata"]["name"]
    if secret.get("type") != "Opaque" or name.endswith(("-tls", "-trust")):
        return False
    return labels.get("app.kubernetes.io/part-of") == "racktwin" or name.endswith("-device")


def clean(body: dict[str, Any]) -> dict[str, Any]:
    """A resource as it can be made again, elsewhere too."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _FLEETING}
    # A finalizer of before would keep what is being deleted.
    metadata.pop("finalizers", None)
    return {key: value for key, value in {**body, "metadata": metadata}.items() if key != "status"}
