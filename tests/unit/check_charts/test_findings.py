"""The checks find what they look for."""

import copy

import pytest

from check_charts import hardening, known_secrets, schema, sizes

GOOD_POD = {
    "enableServiceLinks": False,
    "automountServiceAccountToken": False,
    "affinity": {"podAntiAffinity": {}},
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "x",
            "image": "x:1.0",
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "ports": [{"containerPort": 1}],
            "livenessProbe": {},
            "readinessProbe": {},
        }
    ],
}
LABELS = {"app": "x"}


def deployment(change=lambda pod: None):
    pod = copy.deepcopy(GOOD_POD)
    change(pod)
    return {
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"template": {"metadata": {"labels": LABELS}, "spec": pod}},
    }


BESIDE = [
    {"kind": "PodDisruptionBudget", "metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": LABELS}}},
    *(
        {"kind": "NetworkPolicy", "metadata": {"name": n}, "spec": {"podSelector": {"matchLabels": LABELS}}}
        for n in "ab"
    ),
]


def test_a_good_one_has_no_findings():
    assert hardening.findings([deployment(), *BESIDE]) == []


def container(key, value):
    return lambda pod: pod["containers"][0].__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda pod: pod["securityContext"].pop("runAsUser"), "runs as root"),
        (lambda pod: pod["securityContext"].pop("seccompProfile"), "seccomp"),
        (lambda pod: pod.pop("enableServiceLinks"), "service links"),
        (lambda pod: pod.pop("automountServiceAccountToken"), "token"),
        (lambda pod: pod.pop("affinity"), "anti-affinity"),
        (lambda pod: pod.__setitem__("volumes", [{"name": "v"}]), "not used"),
        (container("securityContext", {}), "capabilities"),
        (container("resources", {}), "no requests"),
        (container("image", "x:latest"), "pinned"),
        (container("image", "x"), "pinned"),
        (lambda pod: pod["containers"][0].pop("livenessProbe"), "liveness"),
    ],
)
def test_what_a_pod_lacks_is_found(change, found):
    assert any(found in line for line in hardening.findings([deployment(change), *BESIDE]))


def test_what_stands_beside_is_missed():
    lines = hardening.findings([deployment(), {"kind": "ClusterRole", "metadata": {"name": "wide"}}])
    assert any("disruption budget" in line for line in lines)
    assert any("network policy" in line for line in lines)
    assert any("beyond the namespace" in line for line in lines)


def secret(**values):
    return {"kind": "Secret", "metadata": {"name": "s"}, "stringData": values}


RANDOM = "k3vXo8Qm2LrT5wYz7NbP4cHd6JfG9sAe1uKi0RtV"


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (secret(password="verysecret"), "published"),
        (secret(password="Foobar"), "published"),
        (secret(password="short-but-unknown"), "characters"),
        (secret(htpasswd="operator:{PLAIN}ditto"), "published"),
        ({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"x": "mongodb://u:pw@host"}}, "plain sight"),
        (deployment(container("env", [{"name": "DB_PASSWORD", "value": RANDOM}])), "plain sight"),
    ],
)
def test_known_secrets_are_found(document, found):
    assert any(found in line for line in known_secrets.weak([document]))


def test_generated_secrets_and_names_of_files_are_not():
    good = deployment(container("env", [{"name": "DB_PASSWORD_FILE", "value": "/run/x"}]))
    assert known_secrets.weak([secret(password=RANDOM), good]) == []


def test_what_two_installations_share_is_known():
    assert known_secrets.repeated([secret(password=RANDOM)], [secret(password=RANDOM)])
    assert not known_secrets.repeated([secret(password=RANDOM)], [secret(password=RANDOM[::-1])])


def test_a_private_key_in_a_file_is_found(tmp_path):
    (tmp_path / "a.yaml").write_text("key: |\n  -----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "values.yaml").write_text("password: admin\n")
    assert len(known_secrets.in_files(tmp_path)) == 2


def test_a_schema_follows_the_comments():
    text = (
        "# How many.\nreplicas: 1\n# @enum a,b\nmode: a\n# @type integer|null\nport: null\n"
        "# @free\nany: {x: 1}\n# @items string\nnames: []\n"
    )
    made = schema.generate(text, [])
    assert made["properties"] == {
        "replicas": {"description": "How many.", "type": "integer"},
        "mode": {"enum": ["a", "b"]},
        "port": {"type": ["integer", "null"]},
        "any": {"type": "object"},
        "names": {"type": "array", "items": {"type": "string"}},
    }
    with pytest.raises(ValueError, match="names"):
        schema.generate("names: []\n", [])
    with pytest.raises(ValueError, match="port"):
        schema.generate("port: null\n", [])


@pytest.mark.parametrize(("text", "value"), [("512Mi", 0.5), ("2Gi", 2.0), ("1Ti", 1024.0)])
def test_quantities(text, value):
    assert sizes.gib(text) == value
    assert sizes.cores("250m") == 0.25
    assert sizes.cores("2") == 2.0


def test_rights_on_nodes_are_for_reading_alone():
    def role(*rules, name="nodes"):
        metadata = {"name": "r", "labels": {"app.kubernetes.io/name": name}}
        return hardening.findings([{"kind": "ClusterRole", "metadata": metadata, "rules": list(rules)}])

    reading = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}
    assert role(reading) == []
    assert role(reading, {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}) != []
    assert role({**reading, "verbs": ["get", "delete"]}) != []
    assert role(reading, name="other") != []
