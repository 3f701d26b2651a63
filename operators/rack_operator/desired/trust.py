"""TLS for the pods that the operator makes: authorities that they trust, and a certificate for their health port. Pure.

Both are Secrets of the site's namespace that the installation names; without them a pod template is left as it is.
"""

from __future__ import annotations

import copy
from typing import Any

from rack_operator.desired.deployment import PodSettings

JsonObject = dict[str, Any]
_TRUST_DIR = "/etc/racktwin/trust"
_TLS_DIR = "/etc/racktwin/tls"
_BUNDLE = f"{_TRUST_DIR}/bundle.crt"


def with_trust(workload: JsonObject, pods: PodSettings) -> JsonObject:
    """A Deployment or Job whose containers trust the installation's authorities and answer probes over TLS."""
    if pods.trust_secret is None:
        return workload
    changed = copy.deepcopy(workload)
    spec = changed["spec"]["template"]["spec"]
    _mount(spec, "trust", pods.trust_secret, _TRUST_DIR)
    variables = {"SSL_CERT_FILE": _BUNDLE, "REQUESTS_CA_BUNDLE": _BUNDLE}
    if pods.kafka_security_protocol.endswith("SSL"):
        variables["RACKTWIN_KAFKA_CA_FILE"] = _BUNDLE
    if pods.tls_secret is not None:
        _mount(spec, "tls", pods.tls_secret, _TLS_DIR)
        variables["RACKTWIN_HEALTH_TLS_CERT"] = f"{_TLS_DIR}/tls.crt"
        variables["RACKTWIN_HEALTH_TLS_KEY"] = f"{_TLS_DIR}/tls.key"
        for container in spec["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if "httpGet" in container.get(probe, {}):
                    container[probe]["httpGet"]["scheme"] = "HTTPS"
    for container in spec["containers"]:
        container.setdefault("env", []).extend({"name": key, "value": value} for key, value in variables.items())
    return changed


def _mount(spec: JsonObject, name: str, secret: str, path: str) -> None:
    spec.setdefault("volumes", []).append({"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}})
    for container in spec["containers"]:
        container.setdefault("volumeMounts", []).append({"name": name, "mountPath": path, "readOnly": True})
