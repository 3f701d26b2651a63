"""``python -m definitions``: serves the Thing Models over HTTP, for Ditto and for people."""

from __future__ import annotations

import threading

from prometheus_client import Counter

from definitions.responses import Definitions
from definitions.server import create, load_models
from definitions.settings import DefinitionsSettings
from racktwin.process import Context, Fatal, main
from racktwin.tls import certificate_of

REQUESTS = Counter("racktwin_definitions_requests_total", "Answered requests", ["method", "status"])
HEARTBEAT_S = 5.0


def run(settings: DefinitionsSettings, context: Context) -> None:
    """Serve the Thing Models over HTTP as application/tm+json; GET / lists them."""
    try:
        models = load_models(settings.definitions_dir)
    except (OSError, ValueError) as error:
        raise Fatal(f"models: {error}; set RACKTWIN_DEFINITIONS_DIR to the folder of the Thing Models") from error

    def served(path: str, method: str, status: int) -> None:
        REQUESTS.labels(method, str(status)).inc()
        context.log.debug("served", path=path, method=method, status=status)

    address = (settings.definitions_host, settings.definitions_port)
    try:
        certificate = certificate_of(settings.definitions_tls_cert, settings.definitions_tls_key)
    except (OSError, ValueError) as error:
        raise Fatal(f"RACKTWIN_DEFINITIONS_TLS_CERT, RACKTWIN_DEFINITIONS_TLS_KEY: {error}") from error
    try:
        server = create(Definitions(models, settings.definitions_url), *address, served, certificate)
    except OSError as error:
        raise Fatal(
            f"{address[0]}:{address[1]}: {error.strerror}; set RACKTWIN_DEFINITIONS_PORT to a free port"
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="definitions", daemon=True)
    thread.start()
    context.log.info("serving", host=address[0], port=server.server_address[1], models=len(models))
    context.health.set_ready(True)
    try:
        while not context.stop.is_set() and thread.is_alive():
            context.health.heartbeat("serve", 4 * HEARTBEAT_S)
            context.stop.wait(HEARTBEAT_S)
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main("definitions", DefinitionsSettings, run)
