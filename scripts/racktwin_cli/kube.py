"""What the commands read from Kubernetes: Sites, Racks, device Secrets, runners. Read only; needs the kubeconfig.

Next: `racktwin_cli.doctor.examination`.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from racktwin.names import API_GROUP, API_VERSION
from racktwin_cli.failures import Failure, one_line

_TIMEOUT_S = 10


class Cluster:
    """The cluster that the kubeconfig (or the pod this runs in) leads to."""

    def __init__(self) -> None:
        """Nothing is asked yet.

        Raises:
            Failure: there is no usable kubeconfig.
        """
        try:
            # The library looks at KUBECONFIG when it is imported, which may be before --stack sets it.
            path = os.environ.get("KUBECONFIG")
            if path or Path(config.KUBE_CONFIG_DEFAULT_LOCATION).expanduser().exists():
                config.load_kube_config(config_file=path)
            else:
                config.load_incluster_config()
        except (ConfigException, OSError) as error:
            raise Failure(
                f"Kubernetes: {one_line(error)}", "set KUBECONFIG, or name a local stack with --stack"
            ) from error
        api = client.ApiClient()
        api.configuration.retries = urllib3.Retry(total=1, connect=1, read=0)
        api = client.ApiClient(api.configuration)
        self._custom, self._core, self._apps = (
            client.CustomObjectsApi(api),
            client.CoreV1Api(api),
            client.AppsV1Api(api),
        )

    def resources(self) -> client.CustomObjectsApi:
        """The API of custom resources, for libraries that write them."""
        return self._custom

    def sites(self) -> list[str]:
        """Names of all Sites. Raises Failure."""
        found = self._ask("Sites", self._custom.list_cluster_custom_object, API_GROUP, API_VERSION, "sites")
        return sorted(item["metadata"]["name"] for item in found["items"])

    def site(self, site: str) -> dict[str, Any] | None:
        """A Site, or None. Raises Failure."""
        get = self._custom.get_namespaced_custom_object
        found: dict[str, Any] | None = self._ask(f"Site {site}", get, API_GROUP, API_VERSION, site, "sites", site)
        return found

    def racks(self, site: str) -> list[dict[str, Any]]:
        """The Racks of a site by name. Raises Failure."""
        found = self._ask("Racks", self._custom.list_namespaced_custom_object, API_GROUP, API_VERSION, site, "racks")
        return sorted(found["items"], key=lambda item: str(item["metadata"]["name"]))

    def twin_models(self, site: str) -> list[dict[str, Any]]:
        """The TwinModels of a site by name. Raises Failure."""
        listed = self._custom.list_namespaced_custom_object
        found = self._ask("TwinModels", listed, API_GROUP, API_VERSION, site, "twinmodels") or {"items": []}
        return sorted(found["items"], key=lambda item: str(item["metadata"]["name"]))

    def scenario(self, site: str, name: str) -> dict[str, Any] | None:
        """A Scenario, or None. Raises Failure."""
        get = self._custom.get_namespaced_custom_object
        found: dict[str, Any] | None = self._ask(
            f"Scenario {name}", get, API_GROUP, API_VERSION, site, "scenarios", name
        )
        return found

    def create_scenario(self, site: str, body: dict[str, Any]) -> None:
        """Make a Scenario.

        Raises:
            Failure: there is one of its name, the API server refuses it (its words say why), or does not answer.
        """
        name = body["metadata"]["name"]
        try:
            self._custom.create_namespaced_custom_object(
                API_GROUP, API_VERSION, site, "scenarios", body, _request_timeout=_TIMEOUT_S
            )
        except ApiException as error:
            if error.status == 409:
                raise Failure(f"Scenario {name} is there already", "give another --name") from error
            raise Failure(f"Scenario {name}: {_said(error)}", "mend what is named and ask again") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Failure(f"Kubernetes: {one_line(error)}", "is the API server running?") from error

    def delete_scenario(self, site: str, name: str) -> None:
        """Delete a Scenario. Raises Failure."""
        delete = self._custom.delete_namespaced_custom_object
        self._ask(f"Scenario {name}", delete, API_GROUP, API_VERSION, site, "scenarios", name)

    def secret(self, name: str, namespace: str) -> dict[str, str] | None:
        """A Secret's data, decoded, or None when there is none. Raises Failure."""
        found = self._ask(f"Secret {name}", self._core.read_namespaced_secret, name, namespace)
        if found is None:
            return None
        return {key: base64.b64decode(value).decode() for key, value in (found.data or {}).items()}

    def model(self, config_map: str, namespace: str) -> dict[str, Any] | None:
        """The definition in a model's ConfigMap, or None where it is not there or not readable. Raises Failure."""
        found = self._ask(f"ConfigMap {config_map}", self._core.read_namespaced_config_map, config_map, namespace)
        text = ((found.data if found is not None else None) or {}).get("model.json")
        if text is None:
            return None
        try:
            definition: dict[str, Any] = json.loads(text)["definition"]
        except (ValueError, KeyError, TypeError):
            return None
        return definition

    def ready_replicas(self, deployment: str, namespace: str) -> int | None:
        """Ready replicas of a Deployment, None when there is none. Raises Failure."""
        found = self._ask(f"Deployment {deployment}", self._apps.read_namespaced_deployment, deployment, namespace)
        return None if found is None else int(found.status.ready_replicas or 0)

    def _ask(self, what: str, call: Callable[..., Any], *arguments: str) -> Any:
        """The answer, or None for 404.

        Raises:
            Failure: any other answer, or none.
        """
        try:
            return call(*arguments, _request_timeout=_TIMEOUT_S)
        except ApiException as error:
            if error.status == 404:
                return None
            raise Failure(
                f"Kubernetes: {what}: {error.status} {error.reason}", "does this kubeconfig's user have the right?"
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Failure(
                f"Kubernetes: {what}: {one_line(error)}", "is the API server running, and KUBECONFIG the right one?"
            ) from error


def _said(error: ApiException) -> str:
    """What the API server said: the message of its answer."""
    try:
        return one_line(json.loads(error.body)["message"], 600)
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"
