"""Gives claims of the class `shared-folder` their volumes: a folder of the host for each, removed with its claim.

The nodes of a cluster share the host's disk, so the volume fits every node, and a pod that moves finds its data; a
killed node can write no longer, so there is never a second writer. Runs on the host beside the control plane:
`python -m cluster.volumes API CA CERTIFICATE KEY FOLDER`.
"""

import logging
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import requests

CLASS = "shared-folder"
PROVISIONER = "racktwin.io/shared-folder"
_POLL_S = 0.5
_TIMEOUT_S = 10
Json = dict[str, Any]
log = logging.getLogger("volumes")


def waiting_claims(claims: Iterable[Json], volumes: Iterable[Json]) -> list[Json]:
    """Claims of our class that have no volume yet and for which none was made."""
    made = {volume["metadata"]["name"] for volume in volumes}
    return [
        claim
        for claim in claims
        if claim["spec"].get("storageClassName") == CLASS
        and not claim["spec"].get("volumeName")
        and not claim["metadata"].get("deletionTimestamp")
        and volume_name(claim) not in made
    ]


def released(volumes: Iterable[Json]) -> list[str]:
    """Names of our volumes whose claim is gone."""
    return [
        volume["metadata"]["name"]
        for volume in volumes
        if (volume["metadata"].get("annotations") or {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        and (volume.get("status") or {}).get("phase") == "Released"
    ]


def volume_name(claim: Json) -> str:
    """The volume of a claim."""
    return f"pvc-{claim['metadata']['uid']}"


def volume(claim: Json, folder: Path) -> Json:
    """The PersistentVolume for a claim: of type `local`, because only there kubelet gives the folder to the pod's
    group."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = volume_name(claim)
    here = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                **{key: metadata[key] for key in ("namespace", "name", "uid")},
            },
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "local": {"path": str(folder / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def provision(session: requests.Session, api: str, folder: Path) -> None:
    """One round: make what is claimed, remove what was released. Raises requests' errors."""

    def listed(kind: str) -> list[Json]:
        answer = session.get(f"{api}/api/v1/{kind}", timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return list(answer.json()["items"])

    volumes = listed("persistentvolumes")
    for claim in waiting_claims(listed("persistentvolumeclaims"), volumes):
        document = volume(claim, folder)
        place = folder / document["metadata"]["name"]
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o770)
        session.post(f"{api}/api/v1/persistentvolumes", json=document, timeout=_TIMEOUT_S).raise_for_status()
        log.info("made %s for %s/%s", place.name, claim["metadata"]["namespace"], claim["metadata"]["name"])
    for name in released(volumes):
        shutil.rmtree(folder / name, ignore_errors=True)
        session.delete(f"{api}/api/v1/persistentvolumes/{name}", timeout=_TIMEOUT_S).raise_for_status()
        log.info("removed %s", name)


def main() -> None:
    """Go round until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    api, ca, certificate, key, folder = sys.argv[1:]
    with requests.Session() as session:
        session.trust_env = False
        session.verify, session.cert = ca, (certificate, key)
        while True:
            try:
                provision(session, api, Path(folder))
            except requests.RequestException as error:
                log.warning("%s", error)
            time.sleep(_POLL_S)


if __name__ == "__main__":
    main()
