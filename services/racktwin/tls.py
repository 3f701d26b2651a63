"""TLS for our own listeners: a certificate from files, taken up again when the files change.

In a pod the files are a mounted Secret, which is replaced when the certificate is renewed; new connections get the
new one and nothing must be restarted. Authorities that clients trust are not here: SSL_CERT_FILE and
REQUESTS_CA_BUNDLE name them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Certificate:
    """A certificate and its key in PEM files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the files.

        Raises:
            OSError: a file is missing, or does not hold what it should.
        """
        self._certificate, self._key = certificate, key
        self._seen = self._stamp()
        self._context = self._load()

    def context(self) -> ssl.SSLContext:
        """For a new connection; files that cannot be read at the moment leave the last good ones in use."""
        try:
            if (stamp := self._stamp()) != self._seen:
                self._context = self._load()
                self._seen = stamp
        except OSError:
            # The kubelet is replacing them: the next connection looks again.
            return self._context
        return self._context

    def _stamp(self) -> tuple[int, int]:
        return self._certificate.stat().st_mtime_ns, self._key.stat().st_mtime_ns

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context


def certificate_of(certificate: Path | None, key: Path | None) -> Certificate | None:
    """The certificate that two settings name, or None where neither does.

    Raises:
        OSError: a file is missing, or does not hold what it should.
        ValueError: only one of the two is set.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ValueError("certificate and key: expected both or neither")
    return Certificate(certificate, key)


class HttpServer(ThreadingHTTPServer):
    """HTTP in threads, over TLS where there is a certificate; a handshake keeps nobody else waiting."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        handler: Callable[..., BaseHTTPRequestHandler],
        certificate: Certificate | None = None,
    ) -> None:
        """Bind to an address. Raises OSError where it is taken or not ours."""
        super().__init__(address, handler)
        self._certificate = certificate

    def get_request(self) -> tuple[socket.socket, object]:
        """A connection; its handshake happens in the thread that serves it."""
        connection, client = super().get_request()
        if self._certificate is not None:
            connection = self._certificate.context().wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, client

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that speak something else, or leave, are not worth a traceback."""
