"""Stands beside InfluxDB and writes to it: `python -m provision.influx_probe`.

After a failed write of its log InfluxDB 2.7 answers every write with 500 until it is restarted, while its own /health
says that all is well. This process's /healthz is what the kubelet asks about InfluxDB: alive as long as writes
succeed.
"""

from __future__ import annotations

from pathlib import Path

import requests

from provision.influx import HEALTH_BUCKET
from provision.settings import ProbeSettings
from racktwin.process import Context, main

_TIMEOUT_S = 10.0
# Answers that say something about the token or the request, and nothing about InfluxDB.
_OURS = range(400, 500)


def write(settings: ProbeSettings, token: str) -> int:
    """Write one point; the status, or 0 where there was no connection.

    Raises:
        requests.Timeout: InfluxDB took the connection and does not answer.
    """
    try:
        answer = requests.post(
            f"{settings.influx_url.rstrip('/')}/api/v2/write",
            params={"org": settings.influx_org, "bucket": HEALTH_BUCKET, "precision": "s"},
            headers={"Authorization": f"Token {token}"},
            data="probe value=1i",
            timeout=_TIMEOUT_S,
        )
    except requests.ConnectTimeout:
        return 0
    except requests.ConnectionError:
        return 0
    return answer.status_code


def look(settings: ProbeSettings, context: Context) -> bool:
    """One round; whether InfluxDB counts as well."""
    token = _token(settings.probe_token_file)
    if token is None:
        # It is not set up yet; nobody writes to it either.
        return True
    try:
        status = write(settings, token)
    except requests.RequestException as error:
        context.log.warning("no answer", error=str(error))
        return False
    # No connection: it is starting, which is the startup probe's business, or gone, which the kubelet sees.
    well = status in (0, 204) or status in _OURS
    if status not in (0, 204):
        context.log.warning("write refused", status=status)
    return well


def _token(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def run(settings: ProbeSettings, context: Context) -> None:
    """Write to InfluxDB now and then, and tell over /healthz whether it takes it."""
    context.health.set_ready(True)
    # Failing is told after this time from the start on, too.
    context.health.heartbeat("write", settings.probe_failing_s)
    while not context.stop.is_set():
        if look(settings, context):
            context.health.heartbeat("write", settings.probe_failing_s)
        context.stop.wait(settings.probe_interval_s)


if __name__ == "__main__":
    main("provision.influx_probe", ProbeSettings, run)
