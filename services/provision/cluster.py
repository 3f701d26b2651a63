"""The few calls to the Kubernetes API that the commands need. Needs a pod's service account or KUBECONFIG."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any, Protocol

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from provision.failure import Failure

_TIMEOUT_S = 15
ANNOTATION = "racktwin.io/certificates"


class Secrets(Protocol):
    """Secrets of one namespace."""

    def read(self, name: str) -> dict[str, bytes] | None:
        """Its data, or None where there is none."""

    def write(self, name: str, data: Mapping[str, bytes]) -> None:
        """Make it, or replace these keys."""

    def annotations(self, name: str) -> dict[str, str]:
        """Of the Secret; none where there is none."""

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        """Put these on the Secret, which is there."""


class Cluster:
    """One namespace of the cluster that the service account or KUBECONFIG leads to."""

    def __init__(self, namespace: str) -> None:
        """Connect lazily.

        Raises:
            Failure: neither a service account nor a usable KUBECONFIG.
        """
        try:
            if path := os.environ.get("KUBECONFIG"):
                config.load_kube_config(config_file=path)
            else:
                config.load_incluster_config()
        except (config.ConfigException, OSError) as error:
            raise Failure(
                f"Kubernetes: {error}", "run it in a pod with a service account, or set KUBECONFIG"
            ) from error
        self.namespace = namespace
        self._core, self._apps, self._custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()

    def read(self, name: str) -> dict[str, bytes] | None:
        """A Secret's data, decoded, or None. Raises ApiException."""
        try:
            found = self._core.read_namespaced_secret(name, self.namespace, _request_timeout=_TIMEOUT_S)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return {key: base64.b64decode(value) for key, value in (found.data or {}).items()}

    def write(self, name: str, data: Mapping[str, bytes]) -> None:
        """Make a Secret or replace these of its keys. Raises ApiException."""
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        labels = {"app.kubernetes.io/part-of": "racktwin", "app.kubernetes.io/managed-by": "racktwin-provision"}
        body = {"metadata": {"name": name, "labels": labels}, "data": encoded}
        try:
            self._core.patch_namespaced_secret(name, self.namespace, body, _request_timeout=_TIMEOUT_S)
        except ApiException as error:
            if error.status != 404:
                raise
            self._core.create_namespaced_secret(self.namespace, body, _request_timeout=_TIMEOUT_S)

    def annotations(self, name: str) -> dict[str, str]:
        """A Secret's annotations; none where there is no such Secret. Raises ApiException."""
        try:
            found = self._core.read_namespaced_secret(name, self.namespace, _request_timeout=_TIMEOUT_S)
        except ApiException as error:
            if error.status == 404:
                return {}
            raise
        return dict(found.metadata.annotations or {})

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        """Put annotations on a Secret. Raises ApiException."""
        body = {"metadata": {"annotations": dict(annotations)}}
        self._core.patch_namespaced_secret(name, self.namespace, body, _request_timeout=_TIMEOUT_S)

    def roll(self, workload: str, mark: str) -> None:
        """Start a rollout of `Deployment/name` or `StatefulSet/name`; one that is not there is left. Raises
        ApiException."""
        kind, _, name = workload.partition("/")
        body = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: mark}}}}}
        patch = {
            "Deployment": self._apps.patch_namespaced_deployment,
            "StatefulSet": self._apps.patch_namespaced_stateful_set,
        }[kind]
        try:
            patch(name, self.namespace, body, _request_timeout=_TIMEOUT_S)
        except ApiException as error:
            if error.status != 404:
                raise

    def secrets(self) -> list[dict[str, Any]]:
        """All Secrets as the API writes them. Raises ApiException."""
        found = self._core.list_namespaced_secret(self.namespace, _request_timeout=_TIMEOUT_S)
        serialise = client.ApiClient().sanitize_for_serialization
        return [serialise(item) for item in found.items]

    def make_secret(self, body: dict[str, Any]) -> bool:
        """Make a Secret; False where there is one of its name. Raises ApiException."""
        return _made(lambda: self._core.create_namespaced_secret(self.namespace, body, _request_timeout=_TIMEOUT_S))

    def resources(self, group: str, version: str, plural: str) -> list[dict[str, Any]]:
        """All resources of a kind; none where the cluster does not know it. Raises ApiException."""
        try:
            found = self._custom.list_namespaced_custom_object(
                group, version, self.namespace, plural, _request_timeout=_TIMEOUT_S
            )
        except ApiException as error:
            if error.status == 404:
                return []
            raise
        items: list[dict[str, Any]] = found["items"]
        return items

    def make_resource(self, group: str, version: str, plural: str, body: dict[str, Any]) -> bool:
        """Make a resource; False where there is one of its name. Raises ApiException."""
        return _made(
            lambda: self._custom.create_namespaced_custom_object(
                group, version, self.namespace, plural, body, _request_timeout=_TIMEOUT_S
            )
        )


def _made(call: Any) -> bool:
    try:
        call()
    except ApiException as error:
        if error.status == 409:
            return False
        raise
    return True
