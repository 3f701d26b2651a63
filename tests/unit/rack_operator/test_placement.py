"""Promise: the operator's pods run where an installation's own do, are as hardened, and survive a drain of nodes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.rack_operator.conftest import settle_site
from tests.unit.rack_operator.fakes import World
from tests.unit.rack_operator.test_scenarios import WHAT_IF
from tests.unit.rack_operator.test_scenarios import Bench as ScenarioBench
from tests.unit.rack_operator.test_site_reconcile import MODEL, artifact
from tests.unit.rack_operator.twin_models import Bench

import rack_operator
from check_charts import hardening
from rack_operator.assembly import placement
from rack_operator.desired.placement import Placement
from rack_operator.settings import OperatorSettings
from racktwin.process import Fatal, load

GPU = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
PLACEMENT = Placement(
    pull_secrets=("registry-login",),
    pull_policy="Always",
    node_selector=(("disk", "fast"), ("zone", "a")),
    tolerations=(GPU,),
    priority_class="site",
)


def place(world: World, placement: Placement) -> None:
    world.around = replace(world.around, pods=replace(world.around.pods, placement=placement))


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


async def workloads(placement: Placement) -> list[dict[str, Any]]:
    """Runners, a training and a scenario."""
    models = Bench(training={}, replicas={"min": 1, "max": 3})
    models.registry.serves()
    place(models.world, placement)
    models.world.annotate("twinmodels", "warm", {"racktwin.io/train": "now"})
    await models.reconcile()
    scenario = ScenarioBench(WHAT_IF)
    place(scenario.world, placement)
    await scenario.reconcile()
    return [models.deployment(), *models.jobs(), scenario.get("jobs")]


async def test_every_pod_takes_what_the_installation_asks_of_all() -> None:
    made = await workloads(PLACEMENT)
    assert [body["kind"] for body in made] == ["Deployment", "Job", "Job"]
    for spec in map(pod, made):
        assert spec["imagePullSecrets"] == [{"name": "registry-login"}]
        assert spec["nodeSelector"] == {"disk": "fast", "zone": "a"}
        assert spec["tolerations"] == [GPU]
        assert spec["priorityClassName"] == "site"
        assert spec["containers"][0]["imagePullPolicy"] == "Always"


async def test_every_pod_is_as_hardened_as_the_charts_own() -> None:
    # What the chart makes beside them, and what one Job's pod has no use for.
    beside = ("no network policy of its own beside the default", "no disruption budget", "no anti-affinity")
    found = hardening.findings(await workloads(Placement()))
    assert [line for line in found if not line.endswith(beside)] == []


async def test_what_is_no_longer_asked_for_goes_from_runners_that_are_there() -> None:
    bench = Bench()
    bench.registry.serves()
    place(bench.world, PLACEMENT)
    await bench.served()
    place(bench.world, Placement(node_selector=(("disk", "fast"),)))
    await bench.reconcile(restarted=True)
    spec = pod(bench.deployment())
    assert spec["nodeSelector"] == {"disk": "fast"}
    place(bench.world, Placement())
    await bench.reconcile(restarted=True)
    spec = pod(bench.deployment())
    assert not spec.keys() & {"imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName"}
    bench.run_pods()
    await bench.reconcile(restarted=True)
    before = bench.world.fuse.writes
    await bench.reconcile(restarted=True)
    assert bench.world.fuse.writes == before


@pytest.mark.parametrize(("asked", "unsatisfied"), [("preferred", "ScheduleAnyway"), ("required", "DoNotSchedule")])
async def test_runners_that_may_be_several_are_spread_and_drained_one_at_a_time(asked: str, unsatisfied: str) -> None:
    bench = Bench(replicas={"min": 1, "max": 3})
    bench.registry.serves()
    place(bench.world, Placement(spread=asked))
    await bench.served()
    labels = bench.deployment()["spec"]["template"]["metadata"]["labels"]
    hosts, zones = pod(bench.deployment())["topologySpreadConstraints"]
    assert (hosts["topologyKey"], hosts["whenUnsatisfiable"]) == ("kubernetes.io/hostname", unsatisfied)
    assert zones["whenUnsatisfiable"] == "ScheduleAnyway"
    budget = bench.world.kube.objects["poddisruptionbudgets", "lab", "model-warm"]
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["metadata"]["ownerReferences"][0]["kind"] == "TwinModel"
    for selector in (hosts["labelSelector"], zones["labelSelector"], budget["spec"]["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
    # Somebody changed it.
    budget["spec"]["maxUnavailable"] = 3
    bench.world.kube.put("poddisruptionbudgets", budget)
    await bench.reconcile()
    assert bench.world.kube.objects["poddisruptionbudgets", "lab", "model-warm"]["spec"]["maxUnavailable"] == 1
    # One runner needs neither: a budget would only keep a node from being drained.
    bench.world.kube.objects["twinmodels", "lab", "warm"]["spec"]["replicas"] = {"min": 1, "max": 1}
    await bench.reconcile()
    assert not bench.world.kube.names("poddisruptionbudgets")
    assert "topologySpreadConstraints" not in pod(bench.deployment())


async def test_a_budget_goes_with_its_model() -> None:
    bench = Bench(replicas={"min": 1, "max": 3})
    bench.registry.serves()
    await bench.served()
    bench.world.delete("twinmodels", "lab", "warm")
    assert await bench.reconcile()
    assert not bench.world.kube.names("deployments") | bench.world.kube.names("poddisruptionbudgets")


async def test_a_budget_of_someone_else_is_left_and_said() -> None:
    bench = Bench(replicas={"min": 1, "max": 3})
    bench.registry.serves()
    theirs = {"metadata": {"name": "model-warm", "namespace": "lab"}, "spec": {"minAvailable": 1}}
    bench.world.kube.put("poddisruptionbudgets", theirs)
    await bench.reconcile()
    assert bench.condition("Serving")[:2] == ("False", "PodDisruptionBudgetNotOurs")
    bench.world.delete("twinmodels", "lab", "warm")
    await bench.reconcile()
    assert bench.world.kube.names("poddisruptionbudgets") == {"model-warm"}


async def test_a_sites_own_model_is_spread_too(ready: World) -> None:
    artifact(ready)
    ready.edit("sites", "lab", "lab", {"models": [MODEL]})
    await settle_site(ready)
    assert ready.kube.names("poddisruptionbudgets") == {"model-inlet"}
    assert "topologySpreadConstraints" in pod(ready.kube.objects["deployments", "lab", "model-inlet"])
    ready.edit("sites", "lab", "lab", {"models": []})
    await settle_site(ready)
    assert not ready.kube.names("poddisruptionbudgets")


def test_the_settings_are_kubernetes_own_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKTWIN_PODS_PULL_SECRETS", "one, two")
    monkeypatch.setenv("RACKTWIN_PODS_NODE_SELECTOR", '{"disk": "fast"}')
    monkeypatch.setenv("RACKTWIN_PODS_TOLERATIONS", json.dumps([GPU, {"key": "a", "value": "b"}]))
    monkeypatch.setenv("RACKTWIN_PODS_SPREAD", "required")
    assert placement(load(OperatorSettings)) == Placement(
        pull_secrets=("one", "two"),
        node_selector=(("disk", "fast"),),
        tolerations=(GPU, {"key": "a", "operator": "Equal", "value": "b"}),
        spread="required",
    )
    monkeypatch.setenv("RACKTWIN_PODS_TOLERATIONS", '[{"keys": "a"}]')
    with pytest.raises(Fatal, match="RACKTWIN_PODS_TOLERATIONS"):
        load(OperatorSettings)


def test_the_operator_may_do_what_budgets_need_and_no_more() -> None:
    documents = list(yaml.safe_load_all((Path(rack_operator.__file__).parent / "rbac.yaml").read_text()))
    rules = [rule for body in documents if body["kind"] == "ClusterRole" for rule in body["rules"]]
    (policy,) = [rule for rule in rules if rule["apiGroups"] == ["policy"]]
    assert policy == {
        "apiGroups": ["policy"],
        "resources": ["poddisruptionbudgets"],
        "verbs": ["create", "delete", "get", "patch"],
    }
