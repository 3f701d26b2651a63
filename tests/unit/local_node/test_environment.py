"""A container's environment is resolved as a kubelet would."""

import base64
from typing import Any

import pytest

from local_node.environment import UnresolvedError, contents, expand, resolve, rewrite_paths

OBJECTS: dict[tuple[str, str], dict[str, Any]] = {
    ("Secret", "s"): {"data": {"password": base64.b64encode(b"geheim").decode()}},
    ("ConfigMap", "c"): {"data": {"level": "info"}, "binaryData": {"blob": base64.b64encode(b"\x00\x01").decode()}},
}
FIELDS = {"metadata.name": "pod-1", "metadata.namespace": "berlin"}


def lookup(kind: str, name: str) -> dict[str, Any] | None:
    return OBJECTS.get((kind, name))


def env(*entries: dict[str, Any], env_from: list[dict[str, Any]] | None = None) -> dict[str, str]:
    return resolve(entries, env_from or [], lookup, FIELDS)


def source(name: str, **value_from: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": value_from}


def test_values_and_references() -> None:
    assert env(
        {"name": "PLAIN", "value": "1"},
        {"name": "EMPTY"},
        source("PASSWORD", secretKeyRef={"name": "s", "key": "password"}),
        source("LEVEL", configMapKeyRef={"name": "c", "key": "level"}),
        source("POD", fieldRef={"fieldPath": "metadata.name"}),
        source("NAMESPACE", fieldRef={"fieldPath": "metadata.namespace"}),
    ) == {
        "PLAIN": "1",
        "EMPTY": "",
        "PASSWORD": "geheim",
        "LEVEL": "info",
        "POD": "pod-1",
        "NAMESPACE": "berlin",
    }


def test_whole_objects_with_prefix_and_single_values_winning() -> None:
    from_sources: list[dict[str, Any]] = [
        {"prefix": "X_", "secretRef": {"name": "s"}},
        {"configMapRef": {"name": "gone", "optional": True}},
    ]
    assert env({"name": "X_password", "value": "own"}, env_from=from_sources) == {"X_password": "own"}


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        (source("A", secretKeyRef={"name": "gone", "key": "k"}), "Secret gone"),
        (source("A", configMapKeyRef={"name": "c", "key": "gone"}), "no key gone"),
        (source("A", fieldRef={"fieldPath": "spec.nodeName"}), "spec.nodeName"),
        (source("A", resourceFieldRef={"resource": "limits.cpu"}), "resourceFieldRef"),
    ],
)
def test_what_leads_nowhere_is_named(entry: dict[str, Any], named: str) -> None:
    with pytest.raises(UnresolvedError, match=named):
        env(entry)


@pytest.mark.parametrize("reference", [{"name": "gone", "key": "k"}, {"name": "c", "key": "gone"}])
def test_optional_references_may_lead_nowhere(reference: dict[str, str]) -> None:
    assert env(source("A", configMapKeyRef={**reference, "optional": True})) == {}


def test_earlier_variables_are_expanded_and_dollars_kept() -> None:
    assert env({"name": "A", "value": "x"}, {"name": "B", "value": "$(A)/$(C)/$$(A)"})["B"] == "x/$(C)/$(A)"
    assert expand("$$", {}) == "$"


def test_binary_and_text_of_a_config_map() -> None:
    assert contents("ConfigMap", OBJECTS["ConfigMap", "c"]) == {"level": b"info", "blob": b"\x00\x01"}


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/models", "/real/a"),
        ("/models/model.onnx", "/real/a/model.onnx"),
        ("/models/deep/x", "/real/b/x"),
        ("/modelsish", "/modelsish"),
        ("--dir=/models", "--dir=/models"),
        ("models", "models"),
    ],
)
def test_only_whole_leading_mount_paths_are_rewritten(text: str, rewritten: str) -> None:
    assert rewrite_paths(text, {"/models": "/real/a", "/models/deep/": "/real/b"}) == rewritten
