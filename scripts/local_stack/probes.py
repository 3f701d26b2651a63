"""Readiness probes over HTTP and TCP. Each raises NotReadyError or OSError; the stack repeats it until it returns."""

import socket
from collections.abc import Callable
from pathlib import Path

import requests

from local_stack.component import NotReadyError
from local_stack.instance import LOOPBACK, Instance

_TIMEOUT_S = 3.0


def http_ok(url: str, *, ca: Path | None = None, certificate: tuple[Path, Path] | None = None) -> None:
    """A GET answers with 2xx. `certificate` is (certificate, key).

    Raises:
        NotReadyError: another status.
        OSError: nothing answers (requests' own errors are OSErrors).
    """
    with requests.Session() as session:
        # A proxy of the user's must not come between the stack and its own loopback.
        session.trust_env = False
        answer = session.get(
            url,
            timeout=_TIMEOUT_S,
            verify=str(ca) if ca else True,
            cert=(str(certificate[0]), str(certificate[1])) if certificate else None,
        )
    if not answer.ok:
        raise NotReadyError(f"{url} answers {answer.status_code}: {answer.text[:200].strip()}")


def http(port: str, path: str, host: str = LOOPBACK) -> Callable[[Instance], None]:
    """A probe of a named port by HTTP."""

    def probe(instance: Instance) -> None:
        http_ok(f"http://{host}:{instance.port(port)}{path}")

    return probe


def tcp(port: str) -> Callable[[Instance], None]:
    """A probe that connects to a named port."""

    def probe(instance: Instance) -> None:
        with socket.create_connection((LOOPBACK, instance.port(port)), timeout=_TIMEOUT_S):
            return

    return probe
