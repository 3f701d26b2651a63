"""Settings of the process that follows Kubernetes nodes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from racktwin.names import check_site
from racktwin.settings import ProcessSettings


class NodesSettings(ProcessSettings):
    """Which site's servers follow nodes, of which cluster, how often."""

    nodes_site: str = Field("berlin", description="Site whose servers follow nodes; its namespace.")
    nodes_kubeconfig: str = Field(
        "", description="Kubeconfig of the cluster whose nodes are followed; the one with the Racks when left out."
    )
    nodes_source: Literal["auto", "metrics", "kubelet"] = Field(
        "auto",
        description="metrics: the metrics API; kubelet: /metrics/resource of each node through the API server (right "
        "nodes/proxy); auto: the metrics API where it answers, else kubelets.",
    )
    nodes_interval_s: float = Field(15.0, ge=1, description="Time between two looks at the metrics (s).")
    nodes_refresh_s: float = Field(30.0, ge=1, description="Racks and nodes are read this often (s).")
    nodes_backlog: int = Field(
        5000, ge=1, description="Messages kept while Hono is away; beyond, the oldest are dropped and counted."
    )

    @field_validator("nodes_site")
    @classmethod
    def _site(cls, value: str) -> str:
        return check_site(value)
