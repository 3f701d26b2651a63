"""InfluxDB 2, the history. The first start sets up one organisation with a token that this stack made."""

import requests

from local_stack.component import Component
from local_stack.instance import LOOPBACK, Instance
from local_stack.probes import http
from local_stack.toolchain.catalogue import INFLUXD

ORGANISATION = "racktwin"


def token(instance: Instance) -> str:
    """The API token that may do everything in the organisation."""
    return instance.secret("influx-token", 24)


def _command(instance: Instance) -> list[str]:
    data = instance.data("influxd")
    return [
        str(INFLUXD.folder / "bin" / "influxd"),
        *("--bolt-path", str(data / "influxd.bolt")),
        *("--engine-path", str(data / "engine")),
        *("--sqlite-path", str(data / "influxd.sqlite")),
        *("--http-bind-address", f"{LOOPBACK}:{instance.port('influxd')}"),
        *("--log-level", "warn"),
        # Without it influxd reports its use to its maker over the Internet.
        "--reporting-disabled",
        # The web interface is not part of the Go module it is built from.
        "--ui-disabled",
    ]


def _set_up(instance: Instance) -> None:
    """Create user, organisation and token on an empty store; later starts find it set up."""
    url = instance.url("influxd") + "/api/v2/setup"
    with requests.Session() as session:
        session.trust_env = False
        allowed = session.get(url, timeout=5)
        allowed.raise_for_status()
        if not allowed.json()["allowed"]:
            return
        session.post(
            url,
            timeout=10,
            json={
                "username": "admin",
                "password": instance.secret("influx-password", 16),
                "org": ORGANISATION,
                # A bucket is obligatory here; sites get their own, this one stays empty.
                "bucket": "unused",
                "token": token(instance),
            },
        ).raise_for_status()


COMPONENT = Component(
    name="influxd",
    why="InfluxDB, the history",
    command=_command,
    probe=http("influxd", "/health"),
    artefacts=("influxd",),
    ports=("influxd",),
    after_ready=_set_up,
)
