"""Promise: Deployments and Jobs of our image run on the local stack as they would in a cluster."""

from __future__ import annotations

import base64
from typing import Any

from tests.e2e.conftest import SITE
from tests.e2e.harness import Harness, eventually

IMAGE = "racktwin/racktwin:0.1.0"


def job(name: str, script: str, **container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": SITE},
        "spec": {
            "backoffLimit": 1,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": IMAGE, "command": ["python", "-c", script], **container}],
                    "volumes": [{"name": "notes", "configMap": {"name": "node-notes"}}],
                }
            },
        },
    }


def ended(site: Harness, name: str, condition: str) -> dict[str, Any] | None:
    resource = site.get("job", name)
    assert resource is not None
    status: dict[str, Any] = resource.get("status", {})
    return (
        status if any(c["type"] == condition and c["status"] == "True" for c in status.get("conditions", [])) else None
    )


def test_a_job_gets_its_secret_and_files_and_completes(site: Harness) -> None:
    site.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "node-word", "namespace": SITE},
            "data": {"word": base64.b64encode(b"open sesame").decode()},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "node-notes", "namespace": SITE},
            "data": {"note.txt": "forty thieves"},
        },
        job(
            "reads",
            "import os, pathlib; assert os.environ['WORD'] == 'open sesame'; "
            "assert pathlib.Path(os.environ['NOTES'], 'note.txt').read_text() == 'forty thieves'",
            env=[
                {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "node-word", "key": "word"}}},
                {"name": "NOTES", "value": "/notes"},
            ],
            volumeMounts=[{"name": "notes", "mountPath": "/notes"}],
        ),
    )
    status = eventually(lambda: ended(site, "reads", "Complete"), "the Job complete", 120)
    assert status["succeeded"] == 1
    assert status["completionTime"]


def test_a_job_that_fails_is_tried_again_and_then_failed(site: Harness) -> None:
    site.apply(job("fails", "raise SystemExit(3)"))
    status = eventually(lambda: ended(site, "fails", "Failed"), "the Job failed", 150)
    assert status["failed"] == 2


def test_the_model_runner_is_a_deployment_with_an_honest_status(site: Harness) -> None:
    def available(replicas: int) -> int:
        """The generation at which the Deployment has these replicas, asked for and available; 0 while it has not."""
        deployment = site.get("deployment", "model-inlet-temperature")
        assert deployment is not None
        generation: int = deployment["metadata"]["generation"]
        status = deployment.get("status", {})
        settled = status.get("observedGeneration") == generation and status.get("availableReplicas") == replicas
        return generation if settled and deployment["spec"]["replicas"] == replicas else 0

    before = eventually(lambda: available(1), "the runner available", 120)
    site.kubectl("scale", "deployment", "model-inlet-temperature", "-n", SITE, "--replicas=2")
    # The operator owns the number of replicas: its sweep puts it back.
    eventually(lambda: available(1) > before, "one replica again", 180)
