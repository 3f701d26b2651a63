"""Which claims get a volume, and which volumes go."""

from pathlib import Path
from typing import Any

from cluster.volumes import CLASS, PROVISIONER, released, volume, waiting_claims


def claim(name: str = "data", *, kind: str | None = CLASS, bound: bool = False, going: bool = False) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "berlin",
            "name": name,
            "uid": f"uid-{name}",
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {}),
        },
        "spec": {
            "storageClassName": kind,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            **({"volumeName": "pv"} if bound else {}),
        },
    }


def test_only_our_unbound_claims_wait() -> None:
    ours, made = claim("ours"), claim("made")
    claims = [ours, made, claim("other", kind="fast"), claim("none", kind=None), claim("b", bound=True)]
    volumes = [volume(made, Path("/volumes"))]
    assert waiting_claims([*claims, claim("going", going=True)], volumes) == [ours]


def test_a_volume_belongs_to_its_claim_and_fits_every_node() -> None:
    made = volume(claim(), Path("/volumes"))
    assert made["spec"]["claimRef"]["uid"] == "uid-data"
    assert made["spec"]["local"]["path"] == "/volumes/pvc-uid-data"
    assert made["spec"]["capacity"] == {"storage": "1Gi"}
    [term] = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]


def test_only_our_released_volumes_go() -> None:
    def found(name: str, by: str, phase: str) -> dict[str, Any]:
        annotations = {"pv.kubernetes.io/provisioned-by": by}
        return {"metadata": {"name": name, "annotations": annotations}, "status": {"phase": phase}}

    volumes = [found("a", PROVISIONER, "Released"), found("b", PROVISIONER, "Bound"), found("c", "other", "Released")]
    assert released([*volumes, {"metadata": {"name": "d"}, "status": {"phase": "Released"}}]) == ["a"]
