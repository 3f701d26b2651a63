"""A pod's paths: mounts are the node's folders, what the node shares stays where it is."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_node.backoff import Backoff
from local_node.pods import Pod, Surroundings
from local_node.templates import parse


def test_a_shared_folder_below_a_mount_path_is_not_hidden_by_the_mount(tmp_path: Path) -> None:
    shared = tmp_path / "registry"
    code = "import os; print('scratch', os.environ['TMPDIR']); print('models', os.environ['REGISTRY'])"
    template = {
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "racktwin/racktwin",
                    "command": [sys.executable, "-c", code],
                    "env": [
                        {"name": "TMPDIR", "value": f"{tmp_path}/scratch"},
                        {"name": "REGISTRY", "value": f"{shared}/inlet"},
                    ],
                    "volumeMounts": [{"name": "tmp", "mountPath": str(tmp_path)}],
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }
    }
    with ThreadPoolExecutor(1) as pool:
        node = Surroundings(
            folder=tmp_path / "node",
            logs=tmp_path / "logs",
            backoff=Backoff(0.05, 1.0),
            pool=pool,
            lookup=lambda _namespace: lambda _kind, _name: None,
            shared=shared,
        )
        pod = Pod("berlin", "model", parse(template), node, restart=False)
        deadline = time.monotonic() + 30
        while not pod.finished:
            assert time.monotonic() < deadline
            pod.tick(time.monotonic())
            time.sleep(0.02)
    said = (tmp_path / "logs" / "berlin" / "model" / "main.log").read_text()
    assert f"scratch {tmp_path}/node/berlin/{pod.name}/tmp/scratch" in said
    assert f"models {shared}/inlet" in said
