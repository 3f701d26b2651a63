"""Settings of local_node."""

from pathlib import Path

from pydantic import Field

from racktwin.settings import ProcessSettings


class NodeSettings(ProcessSettings):
    """Which pods are run, and where their files and logs go. The Kubernetes API is found by KUBECONFIG."""

    image: str = Field(
        "racktwin/racktwin",
        description="Image whose containers are run as processes; a tag is ignored, because the code is this checkout.",
    )
    node_dir: Path = Field(Path("local-node"), description="Folder for the volumes of pods; private, emptied at start.")
    node_log_dir: Path = Field(Path("local-node-logs"), description="Folder for the logs of containers.")
    node_shared_dir: Path | None = Field(
        None,
        description="Folder of this machine that pods use under its own path, as the local stack's registry of models.",
    )
    node_restart_s: float = Field(
        1.0, gt=0, description="Pause in seconds before a container is started again; doubles with each failure."
    )
    node_restart_max_s: float = Field(60.0, gt=0, description="Longest such pause in seconds.")
