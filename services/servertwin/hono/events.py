"""Single messages to the twin over Hono's HTTP adapter: experiments, which are few. Next: Hono."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from racktwin.device_credentials import Credentials
from racktwin.senml import CONTENT_TYPE
from servertwin.failures import Failure, one_line
from servertwin.hono.packs import pack

_NEXT = "is Hono's HTTP adapter reached from here? racktwin doctor names the hop that is broken"


class Post:
    """Posts values of one moment, at least once."""

    def __init__(self, read: Callable[[], Credentials], timeout_s: float = 10.0) -> None:
        """``read`` gives the credentials, anew for each message."""
        self._read, self._timeout_s = read, timeout_s

    def send(self, time_ms: int, values: Mapping[str, float | str]) -> None:
        """Give the values to the adapter.

        Raises:
            Failure: it did not take them.
        """
        payload = pack(time_ms, None, values)
        if payload is None:
            return
        who = self._read()
        headers = {"Content-Type": CONTENT_TYPE, "QoS-Level": "1"}
        url = f"{who.http_url}/telemetry"
        try:
            with tempfile.TemporaryDirectory() as folder:
                verify: bool | str = True
                if who.authority:
                    authority = Path(folder) / "ca.pem"
                    authority.write_text(who.authority)
                    verify = str(authority)
                answer = requests.post(
                    url, data=payload, headers=headers, auth=(who.username, who.password), timeout=self._timeout_s,
                    verify=verify,
                )  # fmt: skip
        except requests.RequestException as error:
            raise Failure(f"{url}: {one_line(error)}", _NEXT) from error
        if answer.status_code >= 300:
            raise Failure(f"{url}: {answer.status_code} {one_line(answer.text)}", _NEXT)
