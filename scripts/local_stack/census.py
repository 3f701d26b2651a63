"""Counts what is really there: asks Kubernetes, Ditto, Hono's registry and InfluxDB, each for what it alone knows.

A system that does not answer counts as zero and is named in `problems`: a report must come out of a broken stack
above all.
"""

import base64
import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from influxdb_client.client.influxdb_client import InfluxDBClient

from local_stack import cluster, config
from local_stack.components import influxdb
from local_stack.stack import Stack
from racktwin.ditto_client import DittoClient
from racktwin.names import namespace, thing_id
from racktwin.settings import DittoSettings

T = TypeVar("T")

_REGISTRY_CONNECTIONS = 16
_FOUND = 200


@dataclasses.dataclass(frozen=True)
class Census:
    """The state of the example site, as the systems themselves tell it."""

    racks: int
    """Rack resources in Kubernetes."""
    racks_ready: int
    """Those whose condition Ready is true."""
    things: int
    """Things of the site that Ditto finds."""
    devices: int
    """Devices with a Secret in Kubernetes that Hono's registry knows."""
    readings_last_minute: int
    """Readings (one per thing, feature and time) in InfluxDB observed during the last minute."""
    predictions_on_twins: int
    """Racks with a prediction that has not expired. Servers have some too, where they report what is predicted."""
    real_server_samples: int
    """Readings of this machine's own server among `readings_last_minute`."""


def rack_counts(racks: dict[str, Any]) -> tuple[int, int]:
    """(all, ready) of a list of Racks."""
    items = racks["items"]

    def ready(rack: dict[str, Any]) -> bool:
        conditions = (rack.get("status") or {}).get("conditions") or []
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    return len(items), sum(ready(rack) for rack in items)


def device_ids(secrets: dict[str, Any]) -> list[tuple[str, str]]:
    """(tenant, device id) of each device Secret in a list of Secrets."""
    found = []
    for secret in secrets["items"]:
        data = secret.get("data") or {}
        if secret["metadata"]["name"].endswith("-device") and {"tenant", "deviceId"} <= set(data):
            found.append((base64.b64decode(data["tenant"]).decode(), base64.b64decode(data["deviceId"]).decode()))
    return found


class Surveyor:
    """Takes the census of one stack."""

    def __init__(self, stack: Stack) -> None:
        """Nothing is asked yet."""
        self._stack = stack
        self._site = str(config.settings()["demo"]["site"])
        self._kubeconfig = Path(stack.endpoints()["kubeconfig"])
        self.problems: dict[str, str] = {}

    def take(self) -> Census:
        """Ask all systems at the same time."""
        self.problems = {}
        server = thing_id(self._site, "server", str(config.settings()["demo"]["server"]))
        with ThreadPoolExecutor(5) as pool:
            racks = pool.submit(self._guard, "Kubernetes", self._racks, (0, 0))
            things = pool.submit(self._guard, "Ditto", self._things, (0, 0))
            devices = pool.submit(self._guard, "Hono", self._devices, 0)
            readings = pool.submit(self._guard, "InfluxDB", self._readings, dict[str, int]())
        by_thing = readings.result()
        return Census(
            racks=racks.result()[0],
            racks_ready=racks.result()[1],
            things=things.result()[0],
            devices=devices.result(),
            readings_last_minute=sum(by_thing.values()),
            predictions_on_twins=things.result()[1],
            real_server_samples=by_thing.get(server, 0),
        )

    def _guard(self, system: str, ask: Callable[[], T], nothing: T) -> T:
        try:
            return ask()
        except Exception as error:
            self.problems[system] = str(error).strip()[:300]
            return nothing

    def _ditto(self) -> DittoClient:
        url = self._stack.endpoints()["ditto_url"]
        return DittoClient(DittoSettings(ditto_url=url, ditto_subject="nginx:operator"))

    def _racks(self) -> tuple[int, int]:
        return rack_counts(cluster.get(self._kubeconfig, "racks.racktwin.io", "-n", self._site))

    def _things(self) -> tuple[int, int]:
        client, now_ms = self._ditto(), int(time.time() * 1000)
        everything = client.count(namespaces=namespace(self._site))
        predicted = f"and({self._all_racks()},{unexpired(now_ms)})"
        return everything, client.count(predicted, namespaces=namespace(self._site))

    def predicted_since(self, since_ms: int) -> int:
        """Racks with an unexpired prediction that was made after a time (epoch ms). Raises DittoError."""
        made = f"gt(features/*/properties/issuedAt,{since_ms})"
        return self._ditto().count(
            f"and({self._all_racks()},{unexpired(int(time.time() * 1000))},{made})",
            namespaces=namespace(self._site),
        )

    def fresh_twins(self, since_ms: int) -> int:
        """Racks whose twin holds an observation made after a time (epoch ms). Raises DittoError."""
        return self._ditto().count(
            f"and({self._all_racks()},gt(features/*/properties/observedAt,{since_ms}))",
            namespaces=namespace(self._site),
        )

    def _all_racks(self) -> str:
        """RQL for the site's racks."""
        return f'like(thingId,"{namespace(self._site)}:rack-*")'

    def _devices(self) -> int:
        secrets = cluster.get(self._kubeconfig, "secrets", "-n", self._site)
        url = self._stack.endpoints()["hono_registry_url"]

        def registered(device: tuple[str, str]) -> bool:
            tenant, identifier = device
            answer = requests.get(
                f"{url}/devices/{tenant}/{quote(identifier, safe='')}", timeout=5, proxies={"http": "", "https": ""}
            )
            return answer.status_code == _FOUND

        with ThreadPoolExecutor(_REGISTRY_CONNECTIONS) as pool:
            return sum(pool.map(registered, device_ids(secrets)))

    def _readings(self) -> dict[str, int]:
        """Readings of the last minute by thing."""
        # Each field of a reading is a series of its own; the longest of a feature's series counts its readings.
        query = f"""
            from(bucket: "{self._site}")
              |> range(start: -1m)
              |> filter(fn: (r) => r._measurement != "prediction")
              |> count()
              |> toInt()
              |> group(columns: ["thing", "feature"])
              |> max()
              |> group(columns: ["thing"])
              |> sum()
        """
        endpoints = self._stack.endpoints()
        token = influxdb.token(self._stack.instance)
        with InfluxDBClient(endpoints["influx_url"], token=token, org=influxdb.ORGANISATION, timeout=10_000) as client:
            tables = client.query_api().query(query)
        return {record["thing"]: int(record["_value"]) for table in tables for record in table.records}


def unexpired(now_ms: int) -> str:
    """RQL for things with a prediction that is valid at a time (epoch ms)."""
    return f"gt(features/*/properties/expiresAt,{now_ms})"
