"""What a reconcile of a Site makes, mends and removes; orphans; models."""

from __future__ import annotations

from tests.unit.rack_operator.conftest import RACK_ID, SITE, conditions, message, settle_rack, settle_site, site_body
from tests.unit.rack_operator.fakes import World

from rack_operator.reconcile.site import SiteReconciler
from rack_operator.reconcile.store import Key
from rack_operator.reconcile.sweep import Sweeper
from racktwin import names

MODEL = {"name": "inlet", "artifact": {"configMap": "artifact"}, "replicas": 2}


def artifact(world: World, content: str = "1") -> None:
    body = {"metadata": {"name": "artifact", "namespace": "lab"}, "data": {"model.json": content, "model.onnx": "x"}}
    world.kube.put("configmaps", body)


def run_pods(world: World, ready: int) -> None:
    body = world.kube.objects["deployments", "lab", "model-inlet"]
    body["status"] = {"observedGeneration": 1, "readyReplicas": ready, "updatedReplicas": ready}


async def sweep(world: World) -> int:
    world.watch()
    sweeper = Sweeper(world.around, world.store, None)
    return await sweeper.remove(await sweeper.read_all())


async def test_everything_is_made(ready: World) -> None:
    assert set(ready.topics.topics) == {
        *(f"hono.{what}.lab" for what in names.HONO_TOPICS),
        *(f"racktwin.{what}.lab" for what in names.OWN_TOPICS),
        "racktwin.operator.lab",
        "racktwin.operator-replies.lab",
    }
    assert set(ready.ditto.connections) == {f"racktwin-lab-{what}" for what in ("twin", "models", "events", "operator")}
    assert {"racktwin.lab:site-lab", "racktwin.lab:room-hall", "racktwin.lab:gateway-main"} <= set(ready.ditto.things)
    assert "lab" in ready.hono.tenants
    assert "via" not in ready.hono.devices["lab", "racktwin.lab:gateway-main"]
    assert {status for status, _ in conditions(ready, SITE).values()} == {"True"}


async def test_the_pipeline_may_write_features_alone(ready: World) -> None:
    entries = ready.ditto.policies["racktwin.lab:base"]["entries"]
    granted = {path for path, rights in entries["pipeline"]["resources"].items() if rights["grant"]}
    assert granted == {"thing:/features"}
    assert entries["viewer"]["resources"]["thing:/"]["grant"] == ["READ"]
    assert entries["operator"]["importable"] == "never"


USUAL = {"anomaly", "sensing", "prediction.inlet-temperature.bottom", "prediction.inlet-temperature.top"}


def of_models(world: World) -> set[str]:
    """Features that models write, and the pipeline does not."""
    entries = world.ditto.policies["racktwin.lab:base"]["entries"]
    written = entries["models"]["resources"]
    barred = {path for path, rights in entries["pipeline"]["resources"].items() if rights["revoke"] == ["WRITE"]}
    assert set(written) == barred
    assert entries["models"]["subjects"].keys() == {"integration:racktwin-lab-models"}
    assert all(rights == {"grant": ["READ", "WRITE"], "revoke": []} for rights in written.values())
    return {path.removeprefix("thing:/features/") for path in written}


async def test_what_models_say_only_they_may_write(world: World) -> None:
    world.kube.put("sites", site_body(models=[{"name": "old", "artifact": {"configMap": "c"}}]))
    for name, spec in (
        ("rack-power", {"output": {"targets": ["power"]}}),
        ("odd", {"task": "detect", "output": {"feature": "sensing"}}),
        # As an API server would not take it: nothing is taken from those who measure.
        ("greedy", {"task": "detect", "output": {"feature": "environment.top"}}),
        ("elsewhere", {"site": "other", "output": {"targets": ["far"]}}),
    ):
        world.kube.put("twinmodels", {"metadata": {"name": name, "namespace": "lab"}, "spec": {"site": "lab", **spec}})
    await settle_site(world)
    assert of_models(world) == USUAL | {"prediction.old.bottom", "prediction.old.top", "prediction.rack-power.power"}
    world.delete("twinmodels", "lab", "rack-power")
    world.kube.put("sites", site_body())
    await settle_site(world)
    assert of_models(world) == USUAL


async def test_a_foreign_tenant_is_refused_and_left_alone(world: World) -> None:
    world.hono.tenants["lab"] = {"enabled": True}
    assert not await settle_site(world)
    assert conditions(world, SITE)["Ready"] == ("False", "TenantNotOurs")
    world.delete("sites", "lab", "lab")
    assert await settle_site(world)
    assert world.hono.tenants == {"lab": {"enabled": True}}


async def test_a_name_that_ditto_would_not_take_is_said(world: World) -> None:
    body = site_body()
    body["metadata"]["name"] = "eu-central-1"
    world.kube.put("sites", body)
    world.watch()
    key = Key("Site", "lab", "eu-central-1")
    assert not await SiteReconciler(world.around, world.store).reconcile(key)
    assert conditions(world, key)["Ready"] == ("False", "SpecInvalid")
    assert "eu-central-1" in message(world, key)
    assert world.hono.tenants == {}


async def test_a_gateway_taken_out_goes_with_device_and_secret(ready: World) -> None:
    ready.edit("sites", "lab", "lab", {"gateways": []})
    assert await settle_site(ready)
    assert "racktwin.lab:gateway-main" not in ready.ditto.things
    assert ("lab", "racktwin.lab:gateway-main") not in ready.hono.devices
    assert "gateway-main-device" not in ready.kube.names("secrets")
    assert await settle_rack(ready)
    assert "via" not in ready.hono.devices["lab", RACK_ID]


async def test_a_model_waits_for_its_artifact_and_its_runners(ready: World) -> None:
    ready.edit("sites", "lab", "lab", {"models": [MODEL]})
    assert not await settle_site(ready)
    assert conditions(ready, SITE)["ModelsReady"] == ("False", "ArtifactNotFound")
    assert "artifact" in message(ready, SITE)
    artifact(ready)
    assert not await settle_site(ready)
    assert conditions(ready, SITE)["ModelsReady"] == ("False", "ModelNotRunning")
    run_pods(ready, 2)
    assert await settle_site(ready)
    spec = ready.kube.objects["deployments", "lab", "model-inlet"]["spec"]
    assert spec["replicas"] == 2
    container = spec["template"]["spec"]["containers"][0]
    assert container["command"] == ["python", "-m", "runner"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert environment["RACKTWIN_SITES"] == "lab"
    assert environment["RACKTWIN_MODEL_DIR"] == "/models"


async def test_racks_do_not_wait_for_models(world: World) -> None:
    world.edit("sites", "lab", "lab", {"models": [MODEL]})
    assert not await settle_site(world)
    assert await settle_rack(world)


async def test_a_new_artifact_rolls_the_pods_and_an_equal_one_does_not(ready: World) -> None:
    artifact(ready)
    ready.edit("sites", "lab", "lab", {"models": [MODEL]})
    await settle_site(ready)
    run_pods(ready, 2)
    assert await settle_site(ready)
    before = ready.kube.objects["deployments", "lab", "model-inlet"]["spec"]["template"]
    writes = ready.fuse.writes
    artifact(ready)
    assert await settle_site(ready)
    assert ready.fuse.writes == writes
    artifact(ready, "2")
    await settle_site(ready)
    assert ready.kube.objects["deployments", "lab", "model-inlet"]["spec"]["template"] != before


async def test_a_model_taken_out_is_removed(ready: World) -> None:
    artifact(ready)
    ready.edit("sites", "lab", "lab", {"models": [MODEL]})
    await settle_site(ready)
    ready.edit("sites", "lab", "lab", {"models": []})
    assert await settle_site(ready)
    assert ready.kube.names("deployments") == set()


async def test_a_failing_site_writes_its_status_once(ready: World) -> None:
    ready.edit("sites", "lab", "lab", {"models": [MODEL]})
    assert not await settle_site(ready)
    before = ready.fuse.writes
    assert not await settle_site(ready)
    assert ready.fuse.writes == before


async def test_delete_leaves_nothing_but_racks_of_others(ready: World) -> None:
    artifact(ready)
    ready.edit("sites", "lab", "lab", {"models": [MODEL]})
    await settle_site(ready)
    ready.delete("sites", "lab", "lab")
    assert await settle_site(ready)
    assert ready.kube.names("sites") == set()
    assert ready.kube.names("deployments") == set()
    assert ready.hono.tenants == {}
    assert ready.ditto.connections == {}
    assert ready.topics.topics == {}
    assert "racktwin.lab:base" not in ready.ditto.policies


async def test_retain_keeps_what_was_made(ready: World) -> None:
    ready.edit("sites", "lab", "lab", {"deletionPolicy": "Retain"})
    assert await settle_site(ready)
    ready.delete("sites", "lab", "lab")
    assert await settle_site(ready)
    assert "lab" in ready.hono.tenants
    assert ready.topics.topics
    assert await sweep(ready) == 0
    assert "racktwin.lab:gateway-main" in ready.ditto.things
    assert "gateway-main-device" in ready.kube.names("secrets")


async def test_orphans_are_removed_and_strangers_are_not(ready: World) -> None:
    ready.ditto.things["racktwin.lab:rack-stranger"] = {
        "thingId": "racktwin.lab:rack-stranger",
        "attributes": {"managedBy": {"operator": "somebody"}},
    }
    mark = ready.ditto.things[RACK_ID]["attributes"]["managedBy"]
    ghost = {"thingId": "racktwin.lab:rack-ghost", "attributes": {"managedBy": {**mark, "name": "ghost"}}}
    ready.ditto.things["racktwin.lab:rack-ghost"] = ghost
    assert await sweep(ready) == 1
    assert "racktwin.lab:rack-ghost" not in ready.ditto.things
    assert "racktwin.lab:rack-stranger" in ready.ditto.things
    assert RACK_ID in ready.ditto.things


async def test_a_rack_gone_without_its_finalizer_is_cleaned_up(ready: World) -> None:
    del ready.kube.objects["racks", "lab", "r1"]
    assert await sweep(ready) > 0
    assert RACK_ID not in ready.ditto.things
    assert RACK_ID not in ready.ditto.policies
    assert ("lab", RACK_ID) not in ready.hono.devices
    assert ready.kube.names("secrets") == {"gateway-main-device"}


async def test_a_second_model_gets_features_on_the_racks(ready: World) -> None:
    ready.edit("sites", "lab", "lab", {"models": [MODEL]})
    await settle_site(ready)
    assert await settle_rack(ready)
    thing = ready.ditto.things[RACK_ID]
    assert {"prediction.inlet.top", "prediction.inlet.bottom"} <= set(thing["features"])
    assert thing["definition"].endswith("?features=prediction.inlet.bottom,prediction.inlet.top,scorecard")
    ready.edit("sites", "lab", "lab", {"models": []})
    await settle_site(ready)
    assert await settle_rack(ready)
    assert "prediction.inlet.top" not in ready.ditto.things[RACK_ID]["features"]
