"""Lines -> InfluxDB: writes them, makes the bucket, finds the lines it will never take.

Synchronous, through influxdb-client; how long a bucket keeps its lines is set by `historian.upkeep`. Tells two kinds of
failure apart: `Unavailable` passes by itself or by an operator's hand (refused connection, 5xx, 429, a wrong token) and
the same lines are to be written again; a line that InfluxDB refuses for what it is (4xx: a field of another type, a
time outside the retention) will never be taken, so the batch is halved until that line stands alone, and the others are
written. Writing lines again that a refused batch had partly written changes nothing. Who waits, and where refused lines
go, is `historian.work`'s affair.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from historian.retention import MADE_BY_US
from racktwin.settings import InfluxSettings

_TIMEOUT_MS: Final = 10_000
_MS: Final = cast(WritePrecision, "ms")
# What the lines themselves are to blame for: bad request, too large, unprocessable.
_BLAMES_LINES: Final = frozenset({400, 413, 422})
_REASONS: Final = (
    ("field type conflict", "field_type_conflict"),
    ("retention policy", "time_too_old"),
)


class Unavailable(Exception):
    """InfluxDB cannot take anything at present; `retry_after_s` is what it asked for, 0 if nothing."""

    def __init__(self, detail: str, retry_after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


@dataclasses.dataclass(frozen=True, slots=True)
class Refused:
    """A line that InfluxDB will never take: its place in the batch, the reject's code, and what InfluxDB said."""

    index: int
    reason: str
    detail: str


class InfluxSink:
    """Writes to one InfluxDB. Not thread safe."""

    def __init__(
        self,
        settings: InfluxSettings,
        client: InfluxDBClient | None = None,
    ) -> None:
        """`client`: given by tests; otherwise made from the settings."""
        self._org = settings.influx_org
        self._client = client or InfluxDBClient(
            url=settings.influx_url,
            token=settings.influx_token.get_secret_value(),
            org=settings.influx_org,
            timeout=_TIMEOUT_MS,
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._buckets: set[str] = set()

    def write(self, bucket: str, lines: Sequence[str], between: Callable[[], None] = lambda: None) -> list[Refused]:
        """Write all lines (times in ms) but those that are returned as refused; `between` is called between requests.

        Raises:
            Unavailable: some or all were not written; write the same lines again later.
        """
        refused: list[Refused] = []
        todo = [(0, len(lines))] if lines else []
        while todo:
            start, end = todo.pop()
            error = self._post(bucket, lines[start:end])
            between()
            if error is None:
                continue
            if end - start == 1:
                refused.append(Refused(start, _reason(error), error))
            else:
                middle = (start + end) // 2
                # The first half is taken first, so that lines are written in their order.
                todo += [(middle, end), (start, middle)]
        return refused

    def ensure_bucket(self, bucket: str) -> None:
        """Make the bucket, and its organisation, if they are not there.

        Raises:
            Unavailable: InfluxDB cannot be asked, or the token may not.
        """
        if bucket in self._buckets:
            return
        org_id = self._org_id()
        buckets = self._client.buckets_api()
        # influxdb-client has no types for this call.
        find: Callable[..., Any] = buckets.find_buckets
        found = _found(lambda: find(name=bucket, org_id=org_id).buckets)
        if not found:
            try:
                _calling(lambda: buckets.create_bucket(bucket_name=bucket, org_id=org_id, description=MADE_BY_US))
            except _Answered as answer:
                raise Unavailable(f"bucket {bucket!r} cannot be made: {answer.detail}") from answer
        self._buckets.add(bucket)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _org_id(self) -> str:
        organizations = self._client.organizations_api()
        find: Callable[..., Any] = organizations.find_organizations
        found = _found(lambda: find(org=self._org))
        if not found:
            try:
                found = [_calling(lambda: organizations.create_organization(name=self._org))]
            except _Answered as answer:
                raise Unavailable(f"organisation {self._org!r} cannot be made: {answer.detail}") from answer
        return str(found[0].id)

    def _post(self, bucket: str, lines: Sequence[str]) -> str | None:
        """Write in one request; what InfluxDB said if it blames the lines.

        Raises:
            Unavailable: it is not the lines' fault.
        """
        body = "\n".join(lines).encode()
        for attempt in (1, 2):
            self.ensure_bucket(bucket)
            try:
                _calling(lambda: self._writer.write(bucket=bucket, org=self._org, record=body, write_precision=_MS))
            except _Answered as answer:
                if answer.status in _BLAMES_LINES:
                    return answer.detail
                if answer.status == 404 and attempt == 1:
                    # Deleted behind our back: make it again.
                    self._buckets.discard(bucket)
                    continue
                raise Unavailable(f"InfluxDB {answer.status}: {answer.detail}") from answer
            return None
        raise AssertionError("unreachable")


class _Answered(Exception):
    """InfluxDB answered with a client error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def _found(search: Callable[[], Any]) -> list[Any]:
    """What a search found; InfluxDB answers 404 to one without hits.

    Raises:
        Unavailable: InfluxDB cannot be asked, or it does not let us.
    """
    try:
        return list(_calling(search) or ())
    except _Answered as answer:
        if answer.status != 404:
            raise Unavailable(f"InfluxDB {answer.status}: {answer.detail}") from answer
        return []


def _calling(call: Callable[[], Any]) -> Any:
    """Call influxdb-client, with its many exceptions brought down to two.

    Raises:
        Unavailable: no answer, 5xx, 429, or 401 and 403, which an operator's hand can mend.
        _Answered: any other error status.
    """
    try:
        return call()
    except ApiException as error:
        status = int(error.status or 0)
        detail = _said(error)
        if status >= 500 or status in (401, 403, 408, 429):
            raise Unavailable(f"InfluxDB {status}: {detail}", _retry_after(error)) from error
        raise _Answered(status, detail) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f"InfluxDB cannot be reached: {error}") from error


def _said(error: ApiException) -> str:
    """The message in the error's JSON body, else its reason phrase."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason or error.body or "no message")


def _retry_after(error: ApiException) -> float:
    headers: Mapping[str, str] = error.headers or {}
    value = headers.get("Retry-After", "")
    return min(float(value), 60.0) if value.isdigit() else 0.0


def _reason(detail: str) -> str:
    return next((code for words, code in _REASONS if words in detail), "refused_by_influxdb")
