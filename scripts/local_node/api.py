"""The Kubernetes API as local_node uses it: cached lists kept current by watches, look-ups, status writes.

Answers are taken as plain JSON: the client's model classes are slow and drop what they do not know. A watch that
breaks goes on from where it was; one that the server calls too old (410), and every reconnection that fails, lists
anew. Nothing here starts processes.
"""

import json
import threading
from collections.abc import Callable
from typing import Any

import structlog
import urllib3
from kubernetes import client, config

from local_node.backoff import Backoff
from local_node.environment import Lookup
from local_node.templates import Json

_WATCH_S = 240
"""The server ends a watch after this time; a dead connection is noticed a little later."""
_TIMEOUT = (5, 30)
_RETRY = Backoff(0.2, 5.0)
_GONE = 410
_NOT_FOUND = 404

log = structlog.get_logger("local_node")


class WatchEndedError(Exception):
    """The server ended the watch with an error; a new list is needed."""


class Collection(threading.Thread):
    """All objects of one kind, as last seen."""

    def __init__(self, kind: str, request: Callable[..., Any], changed: threading.Event) -> None:
        """`request` is a list method of the client; `changed` is set at each change."""
        super().__init__(name=f"watch-{kind}", daemon=True)
        self.kind = kind
        self.synced = threading.Event()
        self._request = request
        self._changed = changed
        self._lock = threading.Lock()
        self._objects: dict[str, Json] = {}
        self._version = ""

    def objects(self) -> dict[str, Json]:
        """Objects by uid."""
        with self._lock:
            return dict(self._objects)

    def run(self) -> None:
        """List and watch for ever."""
        failures = 0
        while True:
            try:
                if not self._version:
                    self._list()
                    failures = 0
                self._watch()
                failures = 0
            except Exception as error:  # the API server may be away for any reason, and comes back
                self._version = ""
                failures += 1
                log.warning("watch broke", kind=self.kind, error=str(error)[:200], failures=failures)
                threading.Event().wait(_RETRY.pause_s(failures))

    def _list(self) -> None:
        answer = json.loads(self._request(_preload_content=False, _request_timeout=_TIMEOUT).data)
        with self._lock:
            self._objects = {item["metadata"]["uid"]: item for item in answer["items"]}
            self._version = answer["metadata"]["resourceVersion"]
        self.synced.set()
        self._changed.set()

    def _watch(self) -> None:
        response = self._request(
            watch=True,
            resource_version=self._version,
            allow_watch_bookmarks=True,
            timeout_seconds=_WATCH_S,
            _preload_content=False,
            _request_timeout=(5, _WATCH_S + 15),
        )
        try:
            buffer = b""
            for chunk in response.stream(65536, decode_content=True):
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        self._apply(json.loads(line))
        finally:
            response.close()
            response.release_conn()

    def _apply(self, event: Json) -> None:
        item = event["object"]
        if event["type"] == "ERROR":
            raise WatchEndedError(f"{item.get('code')} {item.get('reason')}")
        self._version = item["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return
        with self._lock:
            if event["type"] == "DELETED":
                self._objects.pop(item["metadata"]["uid"], None)
            else:
                self._objects[item["metadata"]["uid"]] = item
        self._changed.set()


class Api:
    """The calls that local_node makes."""

    def __init__(self, changed: threading.Event) -> None:
        """Connect by KUBECONFIG, or as a pod. Raises kubernetes.config.ConfigException."""
        try:
            config.load_incluster_config()
        except config.ConfigException:
            config.load_kube_config()
        self._core, self._apps, self._batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()
        self.deployments = Collection("deployments", self._apps.list_deployment_for_all_namespaces, changed)
        self.jobs = Collection("jobs", self._batch.list_job_for_all_namespaces, changed)

    def start(self) -> None:
        """Begin to watch."""
        self.deployments.start()
        self.jobs.start()

    def lookup(self, namespace: str) -> Lookup:
        """Look-up of ConfigMaps and Secrets in a namespace."""
        readers = {"ConfigMap": self._core.read_namespaced_config_map, "Secret": self._core.read_namespaced_secret}

        def find(kind: str, name: str) -> Json | None:
            try:
                answer = readers[kind](name, namespace, _preload_content=False, _request_timeout=_TIMEOUT)
            except client.ApiException as error:
                if error.status == _NOT_FOUND:
                    return None
                raise
            found: Json = json.loads(answer.data)
            return found

        return find

    def write_status(self, kind: str, item: Json, status: Json) -> bool:
        """Write a Deployment's or Job's status; whether it was taken. A refusal is logged."""
        patch = {
            "Deployment": self._apps.patch_namespaced_deployment_status,
            "Job": self._batch.patch_namespaced_job_status,
        }[kind]
        metadata = item["metadata"]
        # The version makes the server refuse a status for an object that was replaced or changed in the meantime.
        body = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": status}
        try:
            patch(metadata["name"], metadata["namespace"], body, _preload_content=False, _request_timeout=_TIMEOUT)
        except client.ApiException as error:
            if error.status not in (_NOT_FOUND, 409):
                log.warning("status refused", kind=kind, name=metadata["name"], error=str(error.body)[:500])
            return False
        except urllib3.exceptions.HTTPError as error:
            log.warning("status not written", kind=kind, name=metadata["name"], error=str(error)[:200])
            return False
        return True
