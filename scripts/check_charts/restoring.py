"""A backup that is restored: real MongoDB and InfluxDB, the program of the chart's Jobs, and a comparison.

Two servers of each: one is filled and backed up, the other is empty and gets the backup. They run outside Kubernetes;
the program and the calls are those of the Jobs. What the API server holds is `recovering`'s.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import requests
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from check_charts.tools import CheckError, build, run
from local_stack.toolchain import chart_tools
from local_stack.toolchain.catalogue import INFLUXD
from racktwin.ports import free_port

_START_S: Final = 30.0
_POINTS: Final = 3000
_DOCUMENTS: Final = 2500


@contextlib.contextmanager
def _server(command: list[str], answers: Callable[[], object], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                answers()
                break
            except (requests.RequestException, PyMongoError, OSError) as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise CheckError(f"{Path(command[0]).name} did not start: {error}") from error
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def _mongod(folder: Path) -> Iterator[str]:
    folder.mkdir()
    port = free_port()
    program = chart_tools.MONGOD.folder / "bin" / "mongod"
    command = [str(program), f"--dbpath={folder}", f"--port={port}", "--bind_ip=127.0.0.1", "--nounixsocket"]
    uri = f"mongodb://127.0.0.1:{port}"

    def answers() -> None:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=500) as client:
            client.admin.command("ping")

    with _server(command, answers, folder.with_suffix(".log")):
        yield uri


@contextlib.contextmanager
def _influxd(folder: Path) -> Iterator[str]:
    folder.mkdir()
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        str(INFLUXD.folder / "bin" / "influxd"),
        f"--bolt-path={folder}/influxd.bolt",
        f"--sqlite-path={folder}/influxd.sqlite",
        f"--engine-path={folder}/engine",
        f"--http-bind-address={url.removeprefix('http://')}",
        "--reporting-disabled",
        "--ui-disabled",
        "--log-level=error",
    ]
    with _server(command, lambda: requests.get(f"{url}/health", timeout=1), folder.with_suffix(".log")):
        yield url


def restored(say: Callable[[str], None]) -> list[str]:
    """Back up, restore, compare; what differs, a line each. Raises CheckError where something does not run."""
    build([INFLUXD])
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="racktwin-restore-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        old_mongo, new_mongo = (stack.enter_context(_mongod(folder / f"mongo-{which}")) for which in ("old", "new"))
        old_influx, new_influx = (stack.enter_context(_influxd(folder / f"influx-{which}")) for which in ("old", "new"))
        token, reader = secrets.token_hex(24), ""
        for url in (old_influx, new_influx):
            _set_up(url, token)
        reader = _fill_influx(old_influx, token)
        _fill_mongo(old_mongo)
        shared = {"RACKTWIN_BACKUP_DIR": str(folder / "backup"), "RACKTWIN_INFLUX_TOKEN": token}
        manifest = provision(
            ["backup"], {**shared, "RACKTWIN_BACKUP_MONGODB_URI": old_mongo, "RACKTWIN_INFLUX_URL": old_influx}
        )
        provision(
            ["restore", manifest["name"]],
            {**shared, "RACKTWIN_BACKUP_MONGODB_URI": new_mongo, "RACKTWIN_INFLUX_URL": new_influx},
        )
        wrong += _compare_mongo(old_mongo, new_mongo)
        # The token was made before the backup, so that it works shows that tokens came back too.
        points = _count(new_influx, reader)
        if points != _POINTS:
            wrong.append(f"restore: {points} of {_POINTS} points in InfluxDB")
        say(f"restored: {_DOCUMENTS + 1} documents with their indexes, {points} points with their token")
    return wrong


def provision(arguments: list[str], settings: dict[str, str]) -> dict[str, Any]:
    """What the Jobs' program answers; without a cluster where none is named. Raises CheckError."""
    environment = {"RACKTWIN_PROVISION_NAMESPACE": "", **settings}
    text = run([sys.executable, "-m", "provision", *arguments, "--json"], environment=environment)
    answer: dict[str, Any] = json.loads(text)
    return answer


def _call(method: str, url: str, token: str, **arguments: Any) -> requests.Response:
    answer = requests.request(method, url, headers={"Authorization": f"Token {token}"}, timeout=30, **arguments)
    if not answer.ok:
        raise CheckError(f"InfluxDB {method} {url}: {answer.status_code} {answer.text[:200]}")
    return answer


def _set_up(url: str, token: str) -> None:
    body = {
        "username": "admin",
        "password": secrets.token_hex(16),
        "org": "racktwin",
        "bucket": "unused",
        "token": token,
    }
    _call("POST", f"{url}/api/v2/setup", "", json=body)


def _fill_influx(url: str, token: str) -> str:
    """Fill it; a token that may read it."""
    organisation = _call("GET", f"{url}/api/v2/orgs", token).json()["orgs"][0]["id"]
    _call("POST", f"{url}/api/v2/buckets", token, json={"orgID": organisation, "name": "berlin", "retentionRules": []})
    now = int(time.time())
    lines = "\n".join(f"power,thing=r{number % 40} watts={number}.5 {now - number}" for number in range(_POINTS))
    _call("POST", f"{url}/api/v2/write?org=racktwin&bucket=berlin&precision=s", token, data=lines)
    permission = {"action": "read", "resource": {"type": "buckets", "orgID": organisation}}
    body = {"orgID": organisation, "permissions": [permission]}
    return str(_call("POST", f"{url}/api/v2/authorizations", token, json=body).json()["token"])


def _count(url: str, token: str) -> int:
    flux = 'from(bucket: "berlin") |> range(start: -2h) |> group() |> count() |> keep(columns: ["_value"])'
    answer = _call(
        "POST",
        f"{url}/api/v2/query?org=racktwin",
        token,
        json={"query": flux, "dialect": {"header": False, "annotations": []}},
    )
    numbers = [line.rpartition(",")[2].strip() for line in answer.text.splitlines() if line.strip()]
    return int(numbers[0]) if numbers else 0


def _fill_mongo(uri: str) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        journal = client["ditto"]["things_journal"]
        when = dt.datetime.now(dt.UTC)
        journal.insert_many(
            {"pid": f"thing:{n}", "sn": n, "at": when, "events": [{"n": n / 3}]} for n in range(_DOCUMENTS)
        )
        journal.create_index([("pid", 1), ("sn", 1)], unique=True, name="pid_sn")
        devices = client["hono"]["devices"]
        devices.insert_one({"device-id": "racktwin.berlin:rack-a", "tenant-id": "berlin"})
        devices.create_index("device-id", partialFilterExpression={"tenant-id": {"$exists": True}})


def _compare_mongo(old: str, new: str) -> list[str]:
    wrong = []
    with MongoClient[dict[str, Any]](old) as before, MongoClient[dict[str, Any]](new) as after:
        for database, collection in (("ditto", "things_journal"), ("hono", "devices")):
            one, other = before[database][collection], after[database][collection]
            if list(one.find().sort("_id")) != list(other.find().sort("_id")):
                wrong.append(f"restore: documents of {database}.{collection} differ")
            if one.index_information() != other.index_information():
                wrong.append(f"restore: indexes of {database}.{collection} differ")
    return wrong
