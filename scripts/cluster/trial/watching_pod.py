"""The pod in which `observer` answers, and the calls to it."""

import json
from typing import Any

from cluster.charts import SITE
from cluster.place import Place
from local_stack import cluster as kube

NAME = "trial-observer"
_SECRET = f"{SITE}-influxdb-reader"


def manifest(image: str, node: str) -> dict[str, Any]:
    """The pod: nothing but a place to run commands in, on a node that stays."""
    trust = "/etc/racktwin/trust/bundle.crt"
    environment = {
        "HOME": "/tmp",
        "SSL_CERT_FILE": trust,
        "REQUESTS_CA_BUNDLE": trust,
        "RACKTWIN_DITTO_URL": f"http://ditto-lite.{SITE}.svc:8080",
        "RACKTWIN_INFLUX_URL": f"https://{SITE}-influxdb.{SITE}.svc:8086",
        "RACKTWIN_INFLUX_ORG": "racktwin",
    }
    token = {"name": "RACKTWIN_INFLUX_TOKEN", "valueFrom": {"secretKeyRef": {"name": _SECRET, "key": "token"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": SITE, "labels": {"app.kubernetes.io/name": NAME}},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "observer",
                    "image": image,
                    "command": ["sleep", "86400"],
                    "env": [*({"name": key, "value": value} for key, value in environment.items()), token],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "trust", "mountPath": "/etc/racktwin/trust", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "trust", "secret": {"secretName": f"{SITE}-trust", "defaultMode": 0o440}}],
        },
    }


class Observer:
    """Asks the pod."""

    def __init__(self, place: Place) -> None:
        """The pod is not there yet."""
        self._kubeconfig = place.kubeconfig

    def start(self, image: str, node: str) -> None:
        """Make the pod and wait for it. Raises KubectlError."""
        kube.apply(self._kubeconfig, [manifest(image, node)])
        kube.kubectl(
            self._kubeconfig,
            *("wait", "-n", SITE, f"pod/{NAME}", "--for=condition=Ready", "--timeout=90s"),
            timeout_s=100,
        )

    def stop(self) -> None:
        """Remove the pod."""
        kube.kubectl(self._kubeconfig, "delete", "pod", "-n", SITE, NAME, "--ignore-not-found", "--wait=false")

    def ask(self, *question: str, timeout_s: float = 60) -> Any:
        """The answer to one question. Raises KubectlError."""
        command = ("python", "-m", "cluster.trial.observer", *question)
        output = kube.kubectl(self._kubeconfig, "exec", "-n", SITE, NAME, "--", *command, timeout_s=timeout_s)
        return json.loads(output.splitlines()[-1])
