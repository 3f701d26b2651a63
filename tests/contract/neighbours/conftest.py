"""A real API server with the resource definitions, and real Kafka; NetBox and a metrics server are small servers
here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from kubernetes import client
from kubernetes import config as kube_config
from tests.contract.crds.conftest import Kubectl, kubectl
from tests.unit.netbox_site import fake, hall, netbox, settings

__all__ = ["fake", "hall", "kubectl", "netbox", "settings"]


@pytest.fixture
def api(kubectl: Kubectl) -> client.ApiClient:
    """The API server as an administrator has it."""
    path = kubectl.run("config", "view", "--raw", "-o", "json").stdout
    configuration = client.Configuration()
    kube_config.load_kube_config_from_dict(json.loads(path), client_configuration=configuration)
    return client.ApiClient(configuration)


@pytest.fixture
def site(kubectl: Kubectl) -> Iterator[str]:
    """A namespace named as a site is."""
    name = f"nb-{''.join(c for c in uuid.uuid4().hex if c.isalpha())[:8] or 'x'}"
    assert kubectl.run("create", "namespace", name).returncode == 0
    yield name
    kubectl.run("delete", "namespace", name, "--wait=false")
