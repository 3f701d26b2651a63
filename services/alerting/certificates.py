"""When certificates end: those in files, and those that listeners show. Looks once an hour, in a thread of its own.

What it finds stands on the site's twin (feature ``certificates``), where the rule of that name sees it, and in the
history. A place that does not answer is left out: that something is down is not said here. Nothing is verified: an
expired certificate must be readable too. Next: `alerting.rules`.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cryptography import x509

from racktwin import site_verdicts
from racktwin.messages import Value

FEATURE: Final = "certificates"
_TIMEOUT_S: Final = 5.0
_DAY_MS: Final = 86_400_000
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def in_file(path: Path) -> int:
    """The first end (epoch ms) of the certificates in a PEM file.

    Raises:
        OSError: it cannot be read.
        ValueError: there is no certificate in it.
    """
    found = _PEM.findall(path.read_bytes())
    if not found:
        raise ValueError(f"{path}: no certificate in it")
    return min(_end(x509.load_pem_x509_certificate(each)) for each in found)


def at_listener(host: str, port: int) -> int:
    """The end (epoch ms) of the certificate that a TLS listener shows.

    Raises:
        OSError: nothing answers, or it does not speak TLS.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=_TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=host) as secured,
    ):
        shown = secured.getpeercert(binary_form=True)
    if not shown:
        raise OSError(f"{host}:{port} shows no certificate")
    return _end(x509.load_der_x509_certificate(shown))


def ends(places: list[str], say: Callable[[str, str], object]) -> dict[str, int]:
    """Place (a file, or host:port) -> end (epoch ms). ``say(place, problem)`` is told of those that cannot be seen."""
    found = {}
    for place in places:
        host, _, port = place.rpartition(":")
        try:
            found[place] = at_listener(host, int(port)) if port.isdigit() and "/" not in place else in_file(Path(place))
        except (OSError, ValueError) as error:
            say(place, str(error))
    return found


def records(site: str, found: Mapping[str, int], now: int) -> Iterator[tuple[str, str, bytes]]:
    """(topic, key, value) of what goes onto the site's twin and into its history."""
    first = min(found, key=lambda place: (found[place], place))
    values: dict[str, Value] = {"daysLeft": round((found[first] - now) / _DAY_MS, 3), "first": first}
    yield from site_verdicts.records(site, FEATURE, values, now, by="alerting", only_on_twin={"ends": dict(found)})


def _end(certificate: x509.Certificate) -> int:
    return round(certificate.not_valid_after_utc.timestamp() * 1000)
