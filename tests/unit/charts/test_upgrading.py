"""What an upgrade may change: a Job whose pods change is another Job, since Kubernetes lets nobody change one."""

import pytest

from check_charts import rendering

# helm may have to be built first.
pytestmark = pytest.mark.timeout(600)

CHANGES = [
    ("global.tls.certificateDays=120",),
    ("global.tls.mode=cert-manager",),
    ("global.spread=required",),
    ("global.nodeSelector.disk=ssd", "global.priorityClassName=important", "global.images.pullSecrets[0]=mirror"),
    ("global.tolerations[0].key=dedicated", "global.tolerations[0].operator=Exists"),
    ("global.images.racktwin.tag=0.2.0",),
]


def jobs(settings=()):
    documents = rendering.render("laptop", settings)
    return {d["metadata"]["name"]: d["spec"]["template"] for d in documents if d["kind"] == "Job"}


@pytest.fixture(scope="module")
def before():
    return jobs()


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_a_job_whose_pods_change_is_another(before, change):
    after = jobs(change)
    assert {name for name in before.keys() & after.keys() if before[name] != after[name]} == set()
    assert after.keys() != before.keys()


def test_a_job_that_stays_as_it_is_keeps_its_name(before):
    assert jobs(["global.logLevel=debug", "pipeline.ingest.replicas=2"]) == before
    assert sorted(name.rsplit("-", 1)[0] for name in before) == [
        "berlin-certificates",
        "berlin-influxdb-setup",
        "berlin-kafka-access",
    ]
