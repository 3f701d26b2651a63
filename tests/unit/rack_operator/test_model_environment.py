"""What a model's pod is told of InfluxDB: nothing, unless the operator was told where a token is."""

from __future__ import annotations

from dataclasses import replace

from rack_operator.api.site import Artifact, Model
from rack_operator.desired.deployment import PodSettings, model_deployment
from rack_operator.desired.ownership import Owner

OWNER = Owner("Site", "berlin", "berlin", "uid")
MODEL = Model(name="inlet-temperature", artifact=Artifact(config_map="model"))


def environment(pods: PodSettings) -> dict[str, object]:
    spec = model_deployment(MODEL, OWNER, "sum", pods)["spec"]["template"]["spec"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in spec["containers"][0]["env"]}


def test_without_a_secret_windows_come_from_kafka():
    pods = PodSettings("racktwin/racktwin:1", "kafka:9092", influx_url="http://influx:8086")
    assert not [name for name in environment(pods) if "INFLUX" in name]


def test_with_a_secret_the_runner_can_restore_and_may_start_without_it():
    pods = PodSettings("racktwin/racktwin:1", "kafka:9092", influx_url="http://influx:8086")
    told = environment(replace(pods, influx_secret="history"))
    assert told["RACKTWIN_INFLUX_URL"] == "http://influx:8086"
    assert told["RACKTWIN_INFLUX_TOKEN"] == {"secretKeyRef": {"name": "history", "key": "token", "optional": True}}
