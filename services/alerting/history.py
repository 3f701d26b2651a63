"""What is open in history: asked of InfluxDB, in a thread of its own, so that judging never waits for it.

Of the things of open alerts that are not known Ditto is asked itself: a search may not have all of them yet. Next:
`leftovers` makes ends of it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from alerting.leftovers import Found, Left
from models.influx import InfluxError, InfluxReader, Row
from racktwin import names
from racktwin.ditto_client import DittoClient, DittoError
from racktwin.history import log_bucket
from racktwin.settings import DittoSettings, InfluxSettings

_PREFIX: Final = "alert."


class Reader(Protocol):
    """Asks InfluxDB."""

    def query(self, flux: str) -> Iterator[Row]:
        """Rows of a query."""


def open_alerts(reader: Reader, site: str) -> list[Left]:
    """Series of the site's alerts whose last begin has no end.

    Raises:
        InfluxError: InfluxDB cannot be reached or refuses.
    """
    flux = (
        f'from(bucket: "{log_bucket(names.check_site(site))}") |> range(start: 0)'
        ' |> filter(fn: (r) => r._measurement == "alert" and r._field == "firing")'
        " |> last() |> filter(fn: (r) => r._value > 0.5)"
        ' |> keep(columns: ["_time", "_value", "thing", "room", "row", "feature"])'
    )
    try:
        return sorted(_left(reader.query(flux), site))
    except InfluxError as error:
        if error.status == 404:
            # The historian makes the bucket with the first point: nothing happened yet.
            return []
        raise


def _left(rows: Iterable[Row], site: str) -> Iterator[Left]:
    for row in rows:
        try:
            known = names.ThingId.parse(row.thing).site == site
        except ValueError:
            continue
        if known and row.feature.startswith(_PREFIX):
            yield Left(row.thing, row.feature.removeprefix(_PREFIX), row.room, row.row, row.at_ms)


class HistoryThread:
    """Looks at histories one after the other, as it is asked to."""

    def __init__(
        self,
        influx: InfluxSettings,
        ditto: DittoSettings,
        *,
        found: Callable[[str, Found], object],
        failed: Callable[[str, str], object],
    ) -> None:
        """``found(site, what)`` and ``failed(site, problem)`` are called in this thread. Nothing starts yet."""
        self._influx = influx
        self._ditto = DittoClient(ditto)
        self._found = found
        self._failed = failed
        self._asked: queue.SimpleQueue[tuple[str, frozenset[str]]] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin; it ends with the process."""
        threading.Thread(target=self._run, name="history", daemon=True).start()

    def ask(self, site: str, things: frozenset[str]) -> None:
        """Look at a site's history; ``things`` are those of the site that are known."""
        self._asked.put((site, things))

    def _run(self) -> None:
        while True:
            site, things = self._asked.get()
            try:
                with InfluxReader(self._influx) as reader:
                    found = look(reader, self._ditto, site, things)
            except (InfluxError, DittoError, ValueError) as error:
                self._failed(site, str(error))
            else:
                self._found(site, found)


def look(reader: Reader, ditto: DittoClient, site: str, things: frozenset[str]) -> Found:
    """What is open in the site's history, and which of its things are neither known nor in Ditto.

    Raises:
        InfluxError: InfluxDB cannot be reached or refuses.
        DittoError: Ditto cannot be reached or refuses.
    """
    left = tuple(open_alerts(reader, site))
    unknown = {each.thing for each in left} - things
    return Found(left, frozenset(name for name in sorted(unknown) if ditto.get_thing(name, "thingId") is None))
