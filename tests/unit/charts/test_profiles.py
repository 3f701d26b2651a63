"""Every profile: linted, rendered, hardened, as large as its load asks for, and without a secret that anybody knows.

Installing them is `make check-charts`.
"""

import pytest

from check_charts import hardening, known_secrets, rendering, schema, tools
from check_charts.__main__ import static

# helm may have to be built first.
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("profile", tools.profiles())
def test_a_profile_holds(profile):
    documents, wrong, known = static(profile)
    assert wrong == []
    assert known == []
    assert len(documents) > 30


def test_everything_switched_on_holds():
    documents = rendering.render(None, rendering.EVERYTHING)
    assert hardening.findings(documents) == []
    assert known_secrets.weak(documents) == []


@pytest.mark.parametrize("profile", [*tools.profiles(), None])
def test_what_keeps_data_keeps_it_on_a_volume_that_outlives_the_release(profile):
    documents = rendering.render(profile, [] if profile else rendering.EVERYTHING)
    # Names of what keeps data: servers, the simulating gateway, the collector, backups, the model registry.
    kept = {"data", "state", "store", "backup", "registry"}
    lost = [
        f"{name}: {volume['name']}"
        for name, spec in rendering.pod_specs(documents)
        for volume in spec.get("volumes", [])
        if volume["name"] in kept and "persistentVolumeClaim" not in volume
    ]
    assert lost == []
    claims = [d["metadata"] for d in documents if d["kind"] == "PersistentVolumeClaim"]
    assert {claim["annotations"]["helm.sh/resource-policy"] for claim in claims} <= {"keep"}


@pytest.mark.parametrize(("profile", "racks"), [("laptop", 40), ("lab-1k", 1_000), ("site-10k", 10_000)])
def test_the_scorecard_has_memory_for_what_waits_twice_over(profile, racks):
    ours = [
        container["resources"]["limits"]["memory"]
        for _, spec in rendering.pod_specs(rendering.render(profile))
        for container in spec["containers"]
        if "scorecard" in container.get("command", [])
    ]
    assert ours
    number, unit = int(ours[0][:-2]), ours[0][-2:]
    assert number * {"Mi": 1, "Gi": 1024}[unit] >= 2 * (50 + 70 * racks / 1000)


def test_no_file_of_the_chart_holds_a_secret():
    assert known_secrets.in_files(tools.CHART) == []


def test_the_schema_is_made_from_the_values():
    assert not schema.is_stale(), "python -m check_charts.schema --write"


def test_the_charts_own_unit_tests_pass():
    rendering.unit_tests()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("kafka.replica=3", "replica"),
        ("kafka.replicas=many", "kafka"),
        ("global.tls.mode=none", "mode"),
        ("hono.mqtt.serviceType=Ingress", "serviceType"),
    ],
)
def test_a_value_that_does_not_fit_is_named(setting, said):
    with pytest.raises(tools.CheckError, match=said):
        rendering.render(None, [setting])


def test_two_releases_share_no_name_but_the_definitions():
    def names(release):
        return {(d["kind"], d["metadata"]["name"]) for d in rendering.render("laptop", release=release)}

    shared = names("north") & names("south")
    assert {kind for kind, _ in shared} == {"CustomResourceDefinition"}


def test_a_registry_in_a_bucket_is_told_with_its_secret_to_all_who_use_it():
    bucket = ["enabled=true", "url=s3://models/berlin", "secret=bucket"]
    documents = rendering.render(None, [*rendering.EVERYTHING, *(f"global.registry.{value}" for value in bucket)])
    told = {}
    for name, spec in rendering.pod_specs(documents):
        for container in spec["containers"]:
            variables = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
            # Backups leave a bucket to its own versioning.
            if "RACKTWIN_REGISTRY_URL" in variables and container["name"] != "backup":
                told[name] = (variables, container)
        assert not [volume for volume in spec.get("volumes", []) if volume["name"] == "registry"]
    assert {"Deployment/berlin-operator", "Deployment/berlin-scorecard"} <= set(told)
    for variables, container in told.values():
        assert variables["RACKTWIN_REGISTRY_URL"] == "s3://models/berlin"
        assert container["envFrom"] == [{"secretRef": {"name": "bucket"}}]
    # Runners and trainings have it of the operator.
    variables = told["Deployment/berlin-operator"][0]
    assert variables["RACKTWIN_PODS_REGISTRY_SECRET"] == "bucket"
    assert "RACKTWIN_PODS_REGISTRY_CLAIM" not in variables


def test_every_process_of_the_chart_is_a_package_of_ours():
    """What the chart starts must exist: `python -m <package>`."""
    documents = rendering.render(None, rendering.EVERYTHING)
    modules = {
        command[2]
        for _, spec in rendering.pod_specs(documents)
        for container in spec["containers"]
        if (command := container.get("command", [])) and command[:2] == ["python", "-m"]
    }
    roots = [tools.paths.repository() / root for root in ("services", "operators", "ml-models", "scripts")]
    missing = {
        module
        for module in modules
        if not any(
            (root / module.replace(".", "/") / "__main__.py").exists()
            or (root / (module.replace(".", "/") + ".py")).exists()
            for root in roots
        )
    }
    assert {"ingest", "rack_operator", "provision.influx_probe"} <= modules
    assert missing == set()
