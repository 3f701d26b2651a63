"""What is read from Kubernetes: racks, device logins, nodes, and nodes' usage from either source.

Next: `nodes.following`, `nodes.main`.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from nodes.following import Node
from nodes.quantities import Usage, quantity, resource_metrics
from racktwin.device_credentials import Credentials, CredentialsMissing
from racktwin.names import API_GROUP, API_VERSION

_TIMEOUT_S: Final = 10
_PAGE: Final = 500

Source = Literal["metrics", "kubelet"]


class ClusterError(Exception):
    """The API server refused, or does not answer; the text says what was asked for and how to mend it."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Racks:
    """Racks of a site and the logins of their servers."""

    def __init__(self, api: client.ApiClient, site: str) -> None:
        self._custom, self._core, self._site = client.CustomObjectsApi(api), client.CoreV1Api(api), site

    def read_all(self) -> list[dict[str, Any]]:
        """All racks.

        Raises:
            ClusterError: they cannot be read.
        """
        found: list[dict[str, Any]] = []
        following = ""
        while True:
            page = _ask(
                f"racks in {self._site}",
                functools.partial(
                    self._custom.list_namespaced_custom_object,
                    API_GROUP,
                    API_VERSION,
                    self._site,
                    "racks",
                    limit=_PAGE,
                    _continue=following,
                    _request_timeout=_TIMEOUT_S,
                ),
            )
            found += page["items"]
            following = page["metadata"].get("continue") or ""
            if not following:
                return found

    def read(self, name: str) -> Credentials:
        """The login in a Secret.

        Raises:
            CredentialsMissing: it is not there, incomplete or not readable.
        """
        try:
            secret = self._core.read_namespaced_secret(name, self._site, _request_timeout=_TIMEOUT_S)
        except ApiException as error:
            hint = "the operator makes it once the Rack is reconciled" if error.status == 404 else error.reason
            raise CredentialsMissing(f"Secret {self._site}/{name}: {error.status}; {hint}") from error
        except (HTTPError, OSError) as error:
            raise CredentialsMissing(f"Secret {self._site}/{name}: Kubernetes API: {error}") from error
        data: Mapping[str, str] = secret.data or {}
        return Credentials.of(name, {key: base64.b64decode(value).decode() for key, value in data.items()})


class Nodes:
    """Nodes of the cluster that is followed."""

    def __init__(self, api: client.ApiClient) -> None:
        # A kubelet's path goes through the API server as it is.
        api.configuration.safe_chars_for_path_param = "/"
        self._core, self._custom = client.CoreV1Api(api), client.CustomObjectsApi(api)

    def read_all(self) -> dict[str, Node]:
        """Nodes by name; one that states no size is left out.

        Raises:
            ClusterError: they cannot be read.
        """
        found: dict[str, Node] = {}
        for node in _ask("nodes", lambda: self._core.list_node(_request_timeout=_TIMEOUT_S)).items:
            capacity = (node.status.capacity if node.status is not None else None) or {}
            try:
                found[node.metadata.name] = Node(quantity(str(capacity["cpu"])), quantity(str(capacity["memory"])))
            except (KeyError, ValueError):
                continue
        return found

    def usage(self, source: Source, names: Iterable[str], now_ms: int) -> tuple[dict[str, Usage], list[str]]:
        """Usage by node, and why some have none.

        Raises:
            ClusterError: the source is not there at all.
        """
        return self._from_metrics(names) if source == "metrics" else self._from_kubelets(names, now_ms)

    def _from_metrics(self, names: Iterable[str]) -> tuple[dict[str, Usage], list[str]]:
        body = _ask(
            "the metrics API (metrics.k8s.io)",
            lambda: self._custom.list_cluster_custom_object(
                "metrics.k8s.io", "v1beta1", "nodes", _request_timeout=_TIMEOUT_S
            ),
        )
        items = {item["metadata"]["name"]: item for item in body.get("items") or ()}
        found: dict[str, Usage] = {}
        problems = []
        for name in names:
            item = items.get(name)
            if item is None:
                problems.append(f"node {name}: the metrics API has nothing of it")
                continue
            try:
                at = datetime.fromisoformat(str(item["timestamp"]).replace("Z", "+00:00"))
                found[name] = Usage(
                    at=round(at.timestamp() * 1000),
                    cpu_cores=quantity(str(item["usage"]["cpu"])),
                    memory_bytes=quantity(str(item["usage"]["memory"])),
                )
            except (KeyError, ValueError) as error:
                problems.append(f"node {name}: the metrics API: {error}")
        return found, problems

    def _from_kubelets(self, names: Iterable[str], now_ms: int) -> tuple[dict[str, Usage], list[str]]:
        found: dict[str, Usage] = {}
        problems = []
        for name in names:
            try:
                text = _ask(
                    f"kubelet of {name}",
                    functools.partial(
                        self._core.connect_get_node_proxy_with_path,
                        name,
                        "metrics/resource",
                        _request_timeout=_TIMEOUT_S,
                    ),
                )
                found[name] = resource_metrics(str(text), now_ms)
            except ClusterError as error:
                if error.status in {401, 403}:
                    # The right is one for all nodes.
                    raise
                problems.append(str(error))
            except ValueError as error:
                problems.append(f"kubelet of {name}: {error}")
        return found, problems


def _ask(what: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ApiException as error:
        hints = {
            401: "the token is not taken",
            403: "this account may not read it: see the ClusterRole in the chart",
            404: "there is none: is a metrics server installed?" if "metrics API" in what else "there is none",
            503: "it is not available",
        }
        raise ClusterError(f"{what}: {error.status}: {hints.get(error.status, error.reason)}", error.status) from error
    except (HTTPError, OSError, ValueError) as error:
        raise ClusterError(f"{what}: {' '.join(str(error).split())[:200]}") from error
