"""A device's connection data, from the Secret that the operator made, by the Kubernetes API."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from racktwin.device_credentials import Credentials, CredentialsMissing


class SecretsOfCluster:
    """Secrets of a namespace through the Kubernetes API."""

    def __init__(self, api: CoreV1Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace

    def read(self, name: str) -> Credentials:
        try:
            secret = self._api.read_namespaced_secret(name, self._namespace, _request_timeout=5)
        except ApiException as error:
            hint = "the operator makes it once the Site or Rack is reconciled" if error.status == 404 else error.reason
            raise CredentialsMissing(f"Secret {self._namespace}/{name}: {error.status}; {hint}") from error
        except (HTTPError, OSError) as error:
            raise CredentialsMissing(f"Secret {self._namespace}/{name}: Kubernetes API: {error}") from error
        data: Mapping[str, str] = secret.data or {}
        return Credentials.of(name, {key: base64.b64decode(value).decode() for key, value in data.items()})
