"""`python -m dcim`: rounds upon webhooks and at an interval."""

from __future__ import annotations

import threading
import time

import uvicorn
from kubernetes import client as kube
from kubernetes import config as kube_config

from dcim import metrics, receiver
from dcim.keeper import Keeper
from dcim.settings import DcimSettings
from inventory.cluster import ClusterError, Resources
from inventory.netbox.reading import NetBox, NetBoxError
from racktwin import process
from racktwin.ditto_client import DittoClient
from racktwin.process import Context, Fatal
from racktwin.tls import certificate_of
from racktwin.twin_power import measured_power


def run(settings: DcimSettings, context: Context) -> None:
    """Keep a site's resources in step with NetBox, upon its webhooks and by polling."""
    wake = threading.Event()
    try:
        kube_config.load_config()
        secret = settings.webhook_secret()
        certificate_of(settings.dcim_tls_cert, settings.dcim_tls_key)
    except kube_config.ConfigException as error:
        raise Fatal(f"Kubernetes: {error}; set KUBECONFIG") from error
    except (OSError, ValueError) as error:
        raise Fatal(f"RACKTWIN_DCIM_*: {error}") from error
    try:
        netbox = NetBox(settings)
    except NetBoxError as error:
        raise Fatal(str(error)) from error
    ditto = DittoClient(settings)
    keeper = Keeper(
        settings,
        netbox=netbox,
        cluster=Resources(kube.CustomObjectsApi()),
        measured=lambda site: measured_power(ditto, site),
        log=context.log,
        monotonic=time.monotonic,
    )
    server = _listen(settings, secret, wake, context) if secret else None
    context.health.set_ready(False, "NetBox was not read yet", part="netbox")
    context.health.set_ready(True)
    try:
        while not context.stop.is_set():
            context.health.heartbeat("round", settings.dcim_every_s + 600)
            _round(keeper, context)
            _wait(wake, settings, context)
    finally:
        if server is not None:
            server.should_exit = True


def _round(keeper: Keeper, context: Context) -> None:
    try:
        found = keeper.look()
    except (NetBoxError, ClusterError, ValueError) as error:
        metrics.ROUNDS.labels("failed").inc()
        context.log.error("not compared", error=str(error))
        context.health.set_ready(False, str(error), part="netbox")
        return
    metrics.ROUNDS.labels("done").inc()
    context.health.set_ready(True, part="netbox")
    pending = len(found.plan.pending())
    if found.applied == pending and not found.plan.problems:
        metrics.IN_STEP.set_to_current_time()
    if pending or found.written_back:
        context.log.info(
            "compared with NetBox", differences=pending, applied=found.applied, written_back=found.written_back
        )


def _wait(wake: threading.Event, settings: DcimSettings, context: Context) -> None:
    """Until the next round is due: a webhook came and its like have settled, or the interval is over."""
    deadline = time.monotonic() + settings.dcim_every_s
    while not context.stop.is_set() and time.monotonic() < deadline:
        if wake.wait(0.2):
            # A change in NetBox seldom comes alone.
            context.stop.wait(settings.dcim_settle_s)
            wake.clear()
            return


def _listen(settings: DcimSettings, secret: str, wake: threading.Event, context: Context) -> uvicorn.Server:
    def received(event: str, model: str) -> None:
        context.log.info("webhook", event_type=event, model=model)
        wake.set()

    app = receiver.build(secret, received, lambda result: metrics.HOOKS.labels(result).inc())
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.dcim_host,
            port=settings.dcim_port,
            ssl_certfile=settings.dcim_tls_cert,
            ssl_keyfile=str(settings.dcim_tls_key) if settings.dcim_tls_key else None,
            log_config=None,
            access_log=False,
            server_header=False,
        )
    )

    def serve() -> None:
        try:
            server.run()
        except SystemExit:
            context.log.error("cannot listen for webhooks", host=settings.dcim_host, port=settings.dcim_port)
            context.health.set_ready(False, f"port {settings.dcim_port} is taken", part="webhooks")

    threading.Thread(target=serve, name="webhooks", daemon=True).start()
    return server


def main() -> None:
    """Run the process."""
    process.main("dcim", DcimSettings, run)
