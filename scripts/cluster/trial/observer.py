"""Looks at a site from inside the cluster, where names resolve and certificates are trusted: `python -m
cluster.trial.observer` in a pod of our image, one command per question. Each prints one JSON line.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from typing import Any

import requests
from influxdb_client.client.influxdb_client import InfluxDBClient

from bench.mainjob_figures import Numbers, account, measure, stored_numbers

SITE = "berlin"
_MODEL = "inlet-temperature"


def _stored(start_ms: int, stop_ms: int) -> Numbers:
    environment = os.environ
    return stored_numbers(
        environment["RACKTWIN_INFLUX_URL"],
        environment["RACKTWIN_INFLUX_TOKEN"],
        environment["RACKTWIN_INFLUX_ORG"],
        start_ms,
        stop_ms,
    )


def _watch(arguments: argparse.Namespace) -> dict[str, Any]:
    """The main job's figures over some time."""

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    figures, problems = measure(os.environ["RACKTWIN_DITTO_URL"], _stored, arguments.seconds, say)
    return {**figures, "problems": problems[:10]}


def _count(arguments: argparse.Namespace) -> dict[str, Any]:
    """For each thing and feature: how many readings were sent since a time, and how many InfluxDB has."""
    numbers = _stored(arguments.since, arguments.until or time.time_ns() // 1_000_000)
    return {f"{thing} {feature}": dataclasses.asdict(found) for (thing, feature), found in account(numbers).items()}


def _newest(arguments: argparse.Namespace) -> dict[str, Any]:
    """The time in ms of the newest reading of each rack that InfluxDB has of the last minute."""
    client = InfluxDBClient(
        url=os.environ["RACKTWIN_INFLUX_URL"],
        token=os.environ["RACKTWIN_INFLUX_TOKEN"],
        org=os.environ["RACKTWIN_INFLUX_ORG"],
        timeout=10_000,
    )
    flux = (
        f'from(bucket: "{SITE}") |> range(start: -{arguments.seconds}s) '
        '|> filter(fn: (r) => r.kind == "rack" and r._field == "seq") '
        '|> group(columns: ["thing"]) |> last()'
    )
    newest = {
        record["thing"]: round(record["_time"].timestamp() * 1000) for record in client.query_api().query_stream(flux)
    }
    client.close()  # type: ignore[no-untyped-call]
    return newest


def _predictions(_arguments: argparse.Namespace) -> dict[str, Any]:
    """Twins that show a prediction."""
    answer = requests.get(
        f"{os.environ['RACKTWIN_DITTO_URL']}/api/2/search/things/count",
        params={
            "namespaces": f"racktwin.{SITE}",
            "filter": f"exists(features/prediction.{_MODEL}.top/properties/issuedAt)",
        },
        headers={"x-ditto-pre-authenticated": "nginx:viewer"},
        timeout=20,
    )
    answer.raise_for_status()
    return {"predictions_on_twins": int(answer.json())}


def main() -> int:
    """Answer one question."""
    parser = argparse.ArgumentParser(prog="python -m cluster.trial.observer", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, function in (("watch", _watch), ("count", _count), ("newest", _newest), ("predictions", _predictions)):
        command = commands.add_parser(name, help=function.__doc__)
        command.set_defaults(function=function)
        command.add_argument("--seconds", type=int, default=60, help="how long to watch, or to look back")
        command.add_argument("--since", type=int, default=0, help="from this time on (ms)")
        command.add_argument("--until", type=int, default=0, help="up to this time (ms); now when left out")
    arguments = parser.parse_args()
    print(json.dumps(arguments.function(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
