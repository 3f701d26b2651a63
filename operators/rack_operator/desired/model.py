"""What a TwinModel asks for: runners, and a training Job when one is due. Pure.

What the model must read and say travels to both as a contract, in JSON: a runner refuses an artifact that does not keep
it, and says so.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from rack_operator.api.twin_model import TwinModelSpec
from rack_operator.desired.deployment import (
    PodSettings,
    Runner,
    container_security,
    influx_variables,
    mount_registry,
    plain_variables,
    pod_security,
    process_variables,
)
from rack_operator.desired.ownership import LABEL_MANAGED_BY, OPERATOR, Owner
from rack_operator.desired.schedule import due_since

JsonObject = dict[str, Any]
LABEL_TWIN_MODEL: Final = "racktwin.io/twin-model"
# Begins fingerprints; those that were made otherwise cannot be compared, and say nothing.
_FINGERPRINT: Final = "2-"
# A training that failed is tried again after this long, unless something asks for it sooner.
RETRY_MS: Final = 600_000


def model_name(spec: TwinModelSpec, name: str) -> str:
    """The model's name in the registry."""
    return spec.model or name


def consumer_group(site: str, name: str) -> str:
    """Kafka's consumer group of a TwinModel's runners."""
    return f"racktwin-model-{site}-{name}"


def contract(spec: TwinModelSpec) -> JsonObject:
    """What an artifact must be: what the spec leaves out, it does not ask for."""
    asked: JsonObject = {
        "task": spec.task,
        "kinds": sorted(spec.selector.kinds),
        "channels": [channel.model_dump(by_alias=True, exclude_defaults=True) for channel in spec.inputs.channels],
        "windowS": spec.inputs.window_s,
        "resolutionS": spec.inputs.resolution_s,
        "feature": spec.output.feature,
        "targets": list(spec.output.targets),
        "horizonsS": sorted(spec.output.horizons_s),
        "unit": spec.output.unit,
        "sha256": spec.artifact.sha256,
    }
    return {key: value for key, value in asked.items() if value not in (None, "", [])}


def runner(spec: TwinModelSpec, owner: Owner, replicas: int, checksum: str) -> Runner:
    """The model's runners. `checksum`: of the ConfigMap they take it from; empty when that is the registry."""
    variables = {
        "RACKTWIN_MODEL": model_name(spec, owner.name),
        "RACKTWIN_MODEL_CONTRACT": json.dumps(contract(spec), sort_keys=True, separators=(",", ":")),
        "RACKTWIN_CONSUMER_GROUP": consumer_group(spec.site, owner.name),
    }
    if not checksum:
        variables["RACKTWIN_MODEL_VERSION"] = spec.artifact.version
    for name, chosen in (
        ("ROOMS", spec.selector.rooms),
        ("ROWS", spec.selector.rows),
        ("NAMES", spec.selector.names),
    ):
        if chosen:
            variables[f"RACKTWIN_SELECT_{name}"] = ",".join(sorted(chosen))
    if spec.interval_s is not None:
        variables["RACKTWIN_PREDICTION_INTERVAL_S"] = f"{spec.interval_s:g}"
    if spec.expiry_s is not None:
        variables["RACKTWIN_EXPIRY_S"] = str(spec.expiry_s)
    return Runner(
        owner.name,
        spec.site,
        0 if spec.suspend else replicas,
        spec.artifact.config_map if checksum else None,
        checksum,
        tuple(sorted(variables.items())),
        spec.replicas.max,
    )


def fingerprint(spec: TwinModelSpec) -> str:
    """Of what decides what is trained: another one asks for another training. What the artifact must read and say is
    none of it: trainings go by the model's own definition, and runners refuse what does not fit."""
    parts = spec.model_dump(mode="json", by_alias=True, include={"site", "model"})
    if spec.training is not None:
        parts["history"] = [spec.training.history, spec.training.history_hours]
    return _FINGERPRINT + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def training_due(
    spec: TwinModelSpec, last: JsonObject, *, asked: str, trained: bool, drifting: bool, last_ms: int, now_ms: int
) -> str:
    """Why a training is due: asked, first, changed, drift or schedule; empty when none is.

    `last`: the newest training, as in the status. `last_ms`: when it was begun, or the newest version or the resource
    was made (epoch ms). `asked`: the
    annotation's value. `trained`: whether there is any version.
    """
    training = spec.training
    if training is None or spec.suspend:
        return ""
    if asked and asked != last.get("asked", ""):
        return "asked"
    if last.get("result") == "Failed" and now_ms - last_ms < RETRY_MS:
        return ""
    if not trained:
        return "first"
    known = str(last.get("fingerprint") or "")
    if known.startswith(_FINGERPRINT) and known != fingerprint(spec):
        return "changed"
    if drifting and training.on_drift and now_ms - last_ms >= training.least_interval_s * 1000:
        return "drift"
    if training.schedule and last_ms and due_since(training.schedule, last_ms, now_ms):
        return "schedule"
    return ""


def job_name(owner: Owner, started_ms: int) -> str:
    """Name of the Job of a training that began then."""
    return f"train-{owner.name}-{started_ms // 1000:x}"


def seed_of(reason: str, started_ms: int) -> int:
    """Of a training that began then for this reason: what is simulated again must be other than what serves was trained
    on, or the same version comes out. A first one is the same everywhere."""
    return 0 if reason == "first" else started_ms // 1000 % 1_000_000


def training_job(spec: TwinModelSpec, owner: Owner, pods: PodSettings, name: str, seed: int) -> JsonObject:
    """The Job of one training."""
    training = spec.training
    assert training is not None
    gate = spec.promotion
    variables = {
        "RACKTWIN_SITES": spec.site,
        "RACKTWIN_REGISTRY_URL": pods.registry_url or "",
        "RACKTWIN_MODELS_DIR": "/tmp/models",  # noqa: S108
        "RACKTWIN_GATE_PROMOTE": "auto" if gate.automatic else "never",
        "RACKTWIN_GATE_LEAST_SKILL": f"{gate.least_skill:g}",
        "RACKTWIN_GATE_COVERAGE_TOLERANCE": f"{gate.coverage_tolerance:g}",
        "RACKTWIN_GATE_MARGIN": f"{gate.margin:g}",
        **process_variables(pods),
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = ["python", "-m", "training", "--model", model_name(spec, owner.name), "--history", training.history]
    command += ["--hours", f"{training.history_hours:g}", "--seed", str(seed)]
    labels = {
        "app.kubernetes.io/name": "racktwin-training",
        "app.kubernetes.io/part-of": "racktwin",
        LABEL_MANAGED_BY: OPERATOR,
        LABEL_TWIN_MODEL: owner.name,
    }
    template: JsonObject = {
        "metadata": {"labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": pod_security(),
            "containers": [
                {
                    "name": "training",
                    "image": pods.image,
                    "command": command,
                    "env": plain_variables(variables) + influx_variables(pods),
                    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "3Gi"}},
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "securityContext": container_security(),
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
        },
    }
    mount_registry(template, pods)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {**owner.labels(), LABEL_TWIN_MODEL: owner.name},
            "ownerReferences": [owner.reference()],
        },
        # One try more, for what another try may mend.
        "spec": {"backoffLimit": 1, "activeDeadlineSeconds": training.time_limit_s, "template": template},
    }
