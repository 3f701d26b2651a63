"""`python -m dashboards.check`: runs every query of every dashboard against an InfluxDB and says which have data.

Variables are filled in as Grafana would: their own queries are run, the first value is chosen (or all, where a page
says so). The last line on standard output is JSON. Exit code 1 when a query fails.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from dashboards.frame import build
from dashboards.pages import PAGES
from local_stack import Stack

_PLACE: Final = re.compile(r"\$\{(\w+)(?::(regex|queryparam))?\}")
_SCREEN: Final = ("-1h", "now()", "10s")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query gave."""

    page: str
    panel: str
    rows: int
    problem: str = ""


def interpolate(flux: str, values: Mapping[str, str]) -> str:
    """The query as Grafana sends it: variables and the screen's time filled in.

    Raises:
        KeyError: it uses a variable that the page does not have.
    """
    start, stop, step = _SCREEN
    flux = flux.replace("v.timeRangeStart", start).replace("v.timeRangeStop", stop).replace("v.windowPeriod", step)
    return _PLACE.sub(lambda match: values[match[1]], flux)


class Checker:
    """Runs queries of pages against one InfluxDB."""

    def __init__(self, client: InfluxDBClient, site: str) -> None:
        self._api = client.query_api()
        self._site = site

    def variables(self, board: Any) -> dict[str, str]:
        """Variable -> value, each by its own query with those before it filled in."""
        values: dict[str, str] = {}
        for variable in board.templating.list_val:
            found = [
                str(record["_value"])
                for each in self._api.query(interpolate(variable.query, values))
                for record in each.records
            ]
            if variable.name in ("site", "history"):
                values[variable.name] = self._site
                if self._site not in found:
                    raise click.ClickException(f"variable {variable.name}: {self._site} is not among {found}")
            else:
                values[variable.name] = ".*" if variable.include_all else (sorted(found) or [""])[0]
        return values

    def answers(self) -> Iterator[Answer]:
        """One for each query of a panel or annotation."""
        for page in PAGES:
            board: Any = build(page)
            values = self.variables(board)
            for panel in board.panels or ():
                for target in getattr(panel, "targets", None) or ():
                    yield self._ask(page.title, panel.title, interpolate(target.flux, values))
            for annotation in board.annotations.list_val:
                yield self._ask(page.title, f"annotation {annotation.name}", interpolate(annotation.expr, values))

    def _ask(self, page: str, panel: str, flux: str) -> Answer:
        try:
            return Answer(page, panel, sum(len(each.records) for each in self._api.query(flux)))
        except ApiException as error:
            return Answer(page, panel, 0, str(json.loads(error.body).get("message", error.body)))


@click.command()
@click.option("--stack", default="demo", show_default=True, help="The local stack whose InfluxDB is asked.")
@click.option("--site", default="berlin", show_default=True)
def main(stack: str, site: str) -> None:
    """Run every query of every dashboard."""
    places = Stack(stack).endpoints()
    with open(places["influx_token_file"], encoding="utf-8") as file:  # noqa: PTH123
        token = file.read().strip()
    with InfluxDBClient(url=places["influx_url"], token=token, org=places["influx_org"], timeout=60_000) as client:
        answers = list(Checker(client, site).answers())
    for each in answers:
        state = f"error: {each.problem}" if each.problem else f"{each.rows} rows" if each.rows else "NO DATA"
        print(f"{each.page:<16} {each.panel:<36} {state}", file=sys.stderr)
    panels = [each for each in answers if not each.panel.startswith("annotation ")]
    print(
        json.dumps(
            {
                "dashboards": len(PAGES),
                "panels": len(panels),
                "panels_with_data": sum(1 for each in panels if each.rows),
                "errors": sum(1 for each in answers if each.problem),
            }
        )
    )
    if any(each.problem for each in answers):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
