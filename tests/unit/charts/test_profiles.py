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
