"""What a model's pod is told of InfluxDB: nothing, unless the operator was told where a token is. And of a registry
in a bucket: where, and the Secret that opens it."""

from __future__ import annotations

from dataclasses import replace

from rack_operator.api.site import Artifact, Model
from rack_operator.api.twin_model import TwinModelSpec
from rack_operator.desired.deployment import PodSettings, model_deployment, runner_deployment
from rack_operator.desired.model import runner, training_job
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


def test_runners_and_trainings_open_a_bucket_with_its_secret():
    pods = PodSettings(
        "racktwin/racktwin:1", "kafka:9092", registry_url="s3://models/berlin", registry_secret="bucket-login"
    )
    spec = TwinModelSpec.model_validate(
        {
            "site": "berlin",
            "selector": {"kinds": ["rack"]},
            "output": {"feature": "prediction.inlet-temperature"},
            "training": {},
        }
    )
    owner = Owner("TwinModel", "inlet-temperature", "berlin", "uid")
    for workload in (
        runner_deployment(runner(spec, owner, 1, ""), owner, pods),
        training_job(spec, owner, pods, "train-1", seed=1),
    ):
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        told = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert told["RACKTWIN_REGISTRY_URL"] == "s3://models/berlin"
        assert container["envFrom"] == [{"secretRef": {"name": "bucket-login"}}]
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
