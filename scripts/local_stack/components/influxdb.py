"""InfluxDB 2, the history. The first start sets up one organisation with a token that this stack made."""

from pathlib import Path

import requests

from local_stack.component import Component
from local_stack.instance import LOOPBACK, Instance, write_private
from local_stack.probes import http
from local_stack.toolchain.catalogue import INFLUXD

ORGANISATION = "racktwin"


def token(instance: Instance) -> str:
    """The API token that may do everything in the organisation."""
    return instance.secret("influx-token", 24)


def reader_token_file(instance: Instance) -> Path:
    """File of the token that may read buckets and do nothing else. InfluxDB chooses tokens, so it is there only once
    InfluxDB has started."""
    return instance.folder / "secrets" / "influx-reader-token"


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
    """Create user, organisation and tokens on an empty store; later starts find them."""
    with requests.Session() as session:
        session.trust_env = False
        _ensure_organisation(instance, session)
        _ensure_reader(instance, session)


def _ensure_organisation(instance: Instance, session: requests.Session) -> None:
    url = instance.url("influxd") + "/api/v2/setup"
    allowed = session.get(url, timeout=5)
    allowed.raise_for_status()
    if allowed.json()["allowed"]:
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


def _ensure_reader(instance: Instance, session: requests.Session) -> None:
    api = instance.url("influxd") + "/api/v2"
    file = reader_token_file(instance)
    if file.exists():
        theirs = {"Authorization": f"Token {file.read_text(encoding='utf-8')}"}
        if session.get(f"{api}/buckets", headers=theirs, params={"limit": "1"}, timeout=5).ok:
            return
    ours = {"Authorization": f"Token {token(instance)}"}
    found = session.get(f"{api}/orgs", headers=ours, params={"org": ORGANISATION}, timeout=5)
    found.raise_for_status()
    org = found.json()["orgs"][0]["id"]
    made = session.post(
        f"{api}/authorizations",
        headers=ours,
        timeout=10,
        json={
            "orgID": org,
            "description": "reads buckets",
            "permissions": [{"action": "read", "resource": {"type": "buckets", "orgID": org}}],
        },
    )
    made.raise_for_status()
    write_private(file, made.json()["token"])


COMPONENT = Component(
    name="influxd",
    why="InfluxDB, the history",
    command=_command,
    probe=http("influxd", "/health"),
    artefacts=("influxd",),
    ports=("influxd",),
    after_ready=_set_up,
)
