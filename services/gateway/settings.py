"""Settings of the gateway."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from racktwin.names import check_site
from racktwin.settings import ProcessSettings


class GatewaySettings(ProcessSettings):
    """Who the gateway is, where racks and credentials come from, how fast it samples."""

    gateway_site: str = Field("berlin", description="Site of the gateway: Hono tenant and Kubernetes namespace.")
    gateway_name: str = Field(
        "main", description="Name of the gateway, one of the Site's; empty for no fleet of simulated racks."
    )
    gateway_racks_file: str = Field(
        "",
        description="JSON file with the racks, a list of {id, room, row, position, powerCapacityW}, or with rooms, "
        "{rooms: [layout]}; empty for the Rack and CoolingUnit resources of the site.",
    )
    gateway_secrets_dir: str = Field(
        "", description="Directory with <secret name>/<key> files, as mounted into a pod; empty for the Kubernetes API."
    )
    gateway_state_dir: str = Field(
        "",
        description="Directory that keeps sequence numbers and unacknowledged readings over a restart; "
        "empty for none: what was not acknowledged is then lost with the process.",
    )
    gateway_interval_s: float = Field(1.0, ge=0.05, description="Time between two samples of a rack (s).")
    gateway_disks_interval_s: float = Field(
        300.0,
        ge=1,
        description="Time between two readings of a disk (s): of simulated servers, which are those with the role "
        "storage, and of this machine.",
    )
    gateway_seed: int = Field(1, description="Seed of the simulated plant.")
    gateway_faults_file: str = Field(
        "",
        description="JSON file with faults of the simulated plant, a list of {kind, target, magnitude, ...}, read when "
        "it changes; empty for faults.json in the state directory.",
    )
    gateway_in_flight: int = Field(200, ge=1, description="Messages that may wait for the adapter's acknowledgement.")
    gateway_backlog: int = Field(
        200_000, ge=1, description="Messages kept while the adapter is away; beyond, the oldest are lost and counted."
    )
    gateway_refresh_s: float = Field(2.0, gt=0, description="How often the list of racks is read (s).")
    gateway_mqtt_tls: bool = Field(
        False, description="Speak MQTT over TLS, also where the device's Secret does not ask for it."
    )
    gateway_server: str = Field(
        "this-machine", description="Name of the server that this machine is; empty to report nothing of it."
    )
    gateway_server_protocol: Literal["http", "mqtt"] = Field("http", description="How this machine reports.")
    gateway_server_interval_s: float = Field(1.0, ge=0.2, description="Time between two samples of this machine (s).")
    gateway_server_disk: str = Field("/", description="File system whose use this machine reports.")
    gateway_server_smartctl: str = Field(
        "smartctl",
        description="Command that tells of this machine's disks, with what goes before it (sudo -n smartctl); empty "
        "for none.",
    )

    @field_validator("gateway_site")
    @classmethod
    def _site(cls, value: str) -> str:
        return check_site(value)
