"""What is installed: values that fit the images, and one clear word where a cluster cannot be."""

import re
from pathlib import Path

import pytest
import yaml

import cluster
from cluster import charts, kind
from cluster.images.python import ENVIRONMENT, version
from cluster.place import Place
from cluster.plan import Plan
from cluster.prerequisites import explain_privilege
from local_stack import paths
from local_stack.toolchain.catalogue import HONO, INFLUXD, KAFKA
from local_stack.toolchain.node_programs import COREDNS

FOLDER = Path(cluster.__file__).parent
DIGESTS = {
    f"racktwin/racktwin:{version()}": "sha256:a",
    f"racktwin/kafka:{KAFKA.version}": "sha256:b",
    f"racktwin/influxdb:{INFLUXD.version.removeprefix('v')}": "sha256:c",
    f"racktwin/hono:{HONO.version}": "sha256:d",
}


def test_values_name_the_images_that_are_built() -> None:
    images = yaml.safe_load((FOLDER / "values.yaml").read_text())["global"]["images"]
    named = {f"{image['repository']}:{image['tag']}" for image in images.values()}
    assert named <= set(DIGESTS)
    defaults = yaml.safe_load((FOLDER / "stand-ins" / "values.yaml").read_text())
    assert set(defaults["images"].values()) <= set(DIGESTS)
    assert f"coredns:{COREDNS.version}" in (FOLDER / "manifests" / "base.yaml").read_text()


def test_generated_values_pin_images_by_content_and_lead_devices_to_the_first_node() -> None:
    place = Place("trial", 0, Plan(4))
    values = charts.generated_values(place, DIGESTS)["global"]
    assert {name: image["digest"] for name, image in values["images"].items()} == {
        "racktwin": "sha256:a",
        "kafka": "sha256:b",
        "influxdb": "sha256:c",
    }
    assert values["external"]["hono"]["mqttHost"] == "10.200.4.11"
    assert charts.stand_in_values(DIGESTS)["images"]["hono"].endswith("@sha256:d")


def test_the_authorities_and_addresses_in_the_manifests_are_the_plans() -> None:
    text = (FOLDER / "manifests" / "base.yaml").read_text()
    kinds = [document["kind"] for document in yaml.safe_load_all(text)]
    assert {"StorageClass", "Deployment", "Service"} <= set(kinds)
    assert "clusterIP: 10.96.0.10" in text


@pytest.mark.parametrize(
    ("uid", "platform", "word"), [(1000, "linux", "needs root"), (0, "darwin", "needs Linux"), (0, "linux", None)]
)
def test_who_cannot_have_a_cluster_is_told_why_and_what_to_do(uid: int, platform: str, word: str | None) -> None:
    problem = explain_privilege(uid, platform)
    if word is None:
        assert problem is None
    else:
        assert problem is not None
        assert word in problem
        assert "CLUSTER=kind" in problem


def test_kind_gets_a_control_plane_and_workers() -> None:
    nodes = kind.configuration(2)["nodes"]
    assert nodes == [{"role": "control-plane"}, {"role": "worker"}, {"role": "worker"}]


def test_processes_find_the_same_in_our_image_as_in_the_published_one() -> None:
    dockerfile = (paths.repository() / "charts" / "images" / "Dockerfile").read_text()
    published = dict(re.findall(r"(RACKTWIN_[A-Z_]+)=(\S+)", dockerfile))
    assert published
    assert published == {name: value for name, value in ENVIRONMENT.items() if name.startswith("RACKTWIN_")}
