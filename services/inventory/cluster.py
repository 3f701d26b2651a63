"""Resources of a site in Kubernetes: read, make, change, remove. Next: the operator, which acts on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import urllib3
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException

from inventory.plan import Change
from inventory.wanted import Document
from racktwin.names import API_GROUP, API_VERSION

PLURALS: Final = {"Site": "sites", "Rack": "racks", "CoolingUnit": "coolingunits"}
_MANAGER: Final = "racktwin-inventory"
_PAGE: Final = 500
_TIMEOUT_S: Final = 30


class ClusterError(Exception):
    """The API server refused, or does not answer; the text names the resource and its words."""


class Resources:
    """Sites, Racks and CoolingUnits of a namespace, which has the site's name."""

    def __init__(self, api: CustomObjectsApi) -> None:
        self._api = api

    def read(self, site: str) -> list[Document]:
        """All of a site's resources.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        found: list[Document] = []
        for kind, plural in PLURALS.items():
            following = ""
            while True:
                page = self._ask(
                    f"{plural} in {site}",
                    self._api.list_namespaced_custom_object,
                    API_GROUP, API_VERSION, site, plural, limit=_PAGE, _continue=following,
                )  # fmt: skip
                # Items of a list do not say what they are.
                found += [{"apiVersion": f"{API_GROUP}/{API_VERSION}", "kind": kind, **item} for item in page["items"]]
                following = page["metadata"].get("continue") or ""
                if not following:
                    break
        return [doc for doc in found if doc["kind"] != "Site" or doc["metadata"]["name"] == site]

    def carry_out(self, change: Change) -> None:
        """Make one change. A resource that somebody changed in the meantime is refused, for the plan was made without
        it.

        Raises:
            ClusterError: the API server refuses or does not answer.
        """
        doc = change.document
        plural, name, site = PLURALS[doc["kind"]], doc["metadata"]["name"], doc["metadata"]["namespace"]
        at = (API_GROUP, API_VERSION, site, plural)
        if change.action == "create":
            self._ask(change.name, self._api.create_namespaced_custom_object, *at, doc, field_manager=_MANAGER)
        elif change.action == "update":
            self._ask(
                change.name, self._api.replace_namespaced_custom_object, *at, name, doc,
                field_manager=_MANAGER,
            )  # fmt: skip
        elif change.action == "remove":
            self._ask(change.name, self._api.delete_namespaced_custom_object, *at, name)

    def _ask(self, what: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options, _request_timeout=_TIMEOUT_S)
        except ApiException as error:
            hint = (
                "; the namespace of the site must be there" if error.status == 404 and "create" in call.__name__ else ""
            )
            raise ClusterError(f"{what}: {error.status}: {_said(error)}{hint}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"{what}: Kubernetes: {' '.join(str(error).split())[:200]}") from error


def _said(error: ApiException) -> str:
    try:
        return " ".join(str(json.loads(error.body)["message"]).split())[:400]
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
