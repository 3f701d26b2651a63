"""`python -m servertwin.hono.cluster NAMESPACE NAME`: a Secret's data as JSON on standard output, by the kubeconfig.

A process of its own, so that the Kubernetes client's memory is gone with it. Next: :mod:`servertwin.hono.credentials`.
"""

from __future__ import annotations

import json
import sys

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError


def main() -> None:
    """One line on standard error and exit code 1 where it cannot be read."""
    namespace, name = sys.argv[1:]
    try:
        config.load_config()
        secret = client.CoreV1Api().read_namespaced_secret(name, namespace, _request_timeout=10)
    except ApiException as error:
        hint = "the operator makes it once the Rack is reconciled" if error.status == 404 else error.reason
        sys.exit(f"{error.status}; {hint}")
    except (HTTPError, OSError, config.ConfigException) as error:
        sys.exit(f"Kubernetes API: {error}")
    print(json.dumps(secret.data or {}))


if __name__ == "__main__":
    main()
