"""`python -m local_node`: runs Deployments and Jobs that use our image as processes of this machine."""

import threading

from kubernetes import config

from local_node.api import Api
from local_node.node import Node
from local_node.settings import NodeSettings
from racktwin.process import Context, Fatal, main


def run(settings: NodeSettings, context: Context) -> None:
    """Run Deployments and Jobs that use our image as processes of this machine, and report their status."""
    changed = threading.Event()
    try:
        api = Api(changed)
    except config.ConfigException as error:
        raise Fatal(f"no Kubernetes API: {error}; set KUBECONFIG to a kubeconfig file") from error
    Node(settings, context, api, changed).run()


if __name__ == "__main__":
    main("local_node", NodeSettings, run)
