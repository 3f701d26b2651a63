"""Scenarios as Kubernetes resources: list, make, delete. The operator runs them; their report is in InfluxDB."""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError

from racktwin.names import API_GROUP, API_VERSION

_PLURAL: Final = "scenarios"
ASKED_BY: Final = f"{API_GROUP}/asked-by"
_TIMEOUT_S: Final = 10


class ScenarioRefused(Exception):
    """The API server refused; ``status`` and the text are its own."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Scenarios(Protocol):
    """Where scenarios are kept."""

    def list(self, site: str) -> list[dict[str, Any]]:
        """All of a site. Raises ScenarioRefused."""

    def create(self, site: str, name: str, spec: dict[str, Any], who: str) -> dict[str, Any]:
        """Make one. Raises ScenarioRefused."""

    def delete(self, site: str, name: str) -> None:
        """Delete one, with its results. Raises ScenarioRefused."""


class ClusterScenarios:
    """Scenarios of the cluster that the process runs in, or of its kubeconfig's. A site's namespace has its name."""

    def __init__(self) -> None:
        """
        Raises:
            ConfigException: there is no cluster to be found.
        """
        try:
            config.load_incluster_config()
        except ConfigException:
            config.load_kube_config()
        self._api = client.CustomObjectsApi()

    def list(self, site: str) -> list[dict[str, Any]]:
        """All of a site."""
        return list(self._ask(self._api.list_namespaced_custom_object, site)["items"])

    def create(self, site: str, name: str, spec: dict[str, Any], who: str) -> dict[str, Any]:
        """Make one."""
        body = manifest(site, name, spec, who)
        return self._ask(self._api.create_namespaced_custom_object, site, body)

    def delete(self, site: str, name: str) -> None:
        """Delete one."""
        self._ask(self._api.delete_namespaced_custom_object, site, name)

    def _ask(self, call: Any, site: str, *rest: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = call(API_GROUP, API_VERSION, site, _PLURAL, *rest, _request_timeout=_TIMEOUT_S)
            return answer
        except ApiException as error:
            try:
                text = str(json.loads(error.body)["message"])
            except (TypeError, ValueError, KeyError):
                text = str(error.reason)
            raise ScenarioRefused(int(error.status or 502), text) from error
        except HTTPError as error:
            raise ScenarioRefused(503, f"Kubernetes API: {error}") from error


def manifest(site: str, name: str, spec: dict[str, Any], who: str) -> dict[str, Any]:
    """The resource, which is also what a person could apply."""
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": "Scenario",
        "metadata": {"name": name, "namespace": site, "annotations": {ASKED_BY: who}},
        "spec": {"site": site, **spec},
    }
