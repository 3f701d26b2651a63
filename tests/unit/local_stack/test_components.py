"""The table of components: dependencies, ports, generated configuration, secrets off the command line."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from local_stack import cluster, config
from local_stack.components import COMPONENTS, hono, with_dependencies
from local_stack.instance import Instance
from local_stack.toolchain.catalogue import ARTEFACTS


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setenv("RACKTWIN_HOME", str(tmp_path))
    monkeypatch.setattr("local_stack.components.java.find_jdk", lambda: Path("/jdk"))
    return Instance.load("t", 30000)


def test_dependencies_come_first_and_once() -> None:
    ordered = with_dependencies(["gateway", "operator"])
    assert len(ordered) == len(set(ordered))
    for name in ordered:
        assert all(ordered.index(before) < ordered.index(name) for before in COMPONENTS[name].after)
    assert "influxd" not in ordered


def test_an_unknown_component_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"no component 'kafkaa'.*kafka"):
        with_dependencies(["kafkaa"])


def test_everything_a_component_names_exists() -> None:
    for component in COMPONENTS.values():
        assert set(component.after) <= set(COMPONENTS)
        assert set(component.artefacts) <= set(ARTEFACTS)
        assert set(component.ports) <= set(config.settings()["ports"])


def test_no_port_belongs_to_two_components() -> None:
    ports = [port for component in COMPONENTS.values() for port in component.ports]
    assert sorted(ports) == sorted(set(ports)) == sorted(config.settings()["ports"])


def test_no_secret_is_on_a_command_line(instance: Instance) -> None:
    for component in COMPONENTS.values():
        component.files(instance)
        component.environment(instance)
    secrets = [file.read_text() for file in (instance.folder / "secrets").iterdir()]
    assert len(secrets) >= 5
    for component in COMPONENTS.values():
        line = " ".join(component.command(instance))
        assert not any(secret in line for secret in secrets), component.name


def test_only_processes_that_read_or_write_history_hold_the_influx_token(instance: Instance) -> None:
    holders = {name for name, c in COMPONENTS.items() if "RACKTWIN_INFLUX_TOKEN" in c.environment(instance)}
    # The operator hands it to Scenarios' Jobs and models' runners.
    assert holders <= {"historian", "operator", "fidelity"}
    for reader in ("console", "alerting"):
        environment = COMPONENTS[reader].environment(instance)
        assert environment["RACKTWIN_INFLUX_TOKEN_FILE"].endswith("influx-reader-token")


def test_generated_files_parse(instance: Instance) -> None:
    for component in COMPONENTS.values():
        for path, text in component.files(instance).items():
            assert instance.folder in path.parents
            if path.suffix == ".xml":
                ElementTree.fromstring(text)
            if path.name in {"application.yml", "permissions.json"}:
                json.loads(text)


def test_kafka_makes_no_topic_by_accident(instance: Instance) -> None:
    files = {path.name: text for path, text in COMPONENTS["kafka"].files(instance).items()}
    assert "auto.create.topics.enable=false\n" in files["server.properties"]
    assert "listeners=PLAINTEXT://127.0.0.1:30003," in files["server.properties"]


def test_adapters_may_use_the_registry_and_send_downstream(instance: Instance) -> None:
    document: dict[str, Any] = json.loads(hono.permissions(instance))
    assert set(document["users"]) == {"mqtt-adapter@HONO", "http-adapter@HONO"}
    passwords = {user["password"] for user in document["users"].values()}
    assert len(passwords) == 2
    rules = document["roles"]["protocol-adapter"]
    assert {"resource": "telemetry/*", "activities": ["WRITE"]} in rules
    assert {"operation": "credentials/*:*", "activities": ["EXECUTE"]} in rules


def test_accounts_may_not_do_more_than_they_need() -> None:
    roles = {o["metadata"]["name"]: o for o in cluster.base_objects() if o["kind"] == "ClusterRole"}
    node = [rule for rule in roles["racktwin-local-node"]["rules"] if "secrets" in rule["resources"]]
    assert node == [{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get"]}]
    for role in roles.values():
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"]
