"""The gateway put together: fleet, this machine, and a stop that waits for acknowledgements."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kubernetes import client as kube
from kubernetes import config as kube_config

from gateway import metrics
from gateway.controls import Controls
from gateway.credentials import SecretsOfCluster
from gateway.faults_file import FaultsFile
from gateway.fleet import Fleet, next_tick, wait_until
from gateway.http import HttpUplink
from gateway.inventory import Inventory, RacksFile, RacksOfCluster
from gateway.machine import MachineSampler
from gateway.mqtt import MqttUplink
from gateway.packs import make_pack
from gateway.settings import GatewaySettings
from gateway.spool import Spool
from gateway.uplink import UplinkSettings
from racktwin.device_credentials import CredentialSource, SecretFiles
from racktwin.names import device_secret, thing_id
from racktwin.process import Context, Fatal
from racktwin.smartctl import Disks, Watch, read

# How long a graceful stop waits for the adapter's acknowledgements (s).
_DRAIN_S: Final = 5.0


def run(settings: GatewaySettings, context: Context) -> None:
    """Report simulated racks over MQTT and this machine's own telemetry, through Hono's adapters."""
    if not settings.gateway_name and not settings.gateway_server:
        raise Fatal("nothing to report: set RACKTWIN_GATEWAY_NAME or RACKTWIN_GATEWAY_SERVER")
    secrets, inventory = _sources(settings)
    context.health.set_ready(True)
    machine = _Machine(settings, secrets, context) if settings.gateway_server else None
    if machine is not None:
        machine.start()
    try:
        if settings.gateway_name:
            _fleet(settings, context, secrets, inventory)
        else:
            while not context.stop.is_set():
                context.stop.wait(1.0)
    finally:
        if machine is not None:
            machine.stop()


def _fleet(settings: GatewaySettings, context: Context, secrets: CredentialSource, inventory: Inventory) -> None:
    spool = _spool(settings, context, "fleet")
    known: list[Fleet] = []
    controls = Controls()
    uplink = MqttUplink(
        UplinkSettings(
            source="fleet",
            secret=device_secret("gateway", settings.gateway_name),
            window=settings.gateway_in_flight,
            backlog=settings.gateway_backlog,
        ),
        secrets,
        spool,
        context,
        tls=settings.gateway_mqtt_tls,
        knows=lambda device: bool(known) and known[0].knows(device),
        handle=controls.handle,
    )
    fleet = Fleet(
        inventory,
        uplink,
        spool,
        seed=settings.gateway_seed,
        clock=context.clock,
        log=context.log,
        controls=controls,
        faults=FaultsFile(_faults_path(settings), context.clock, context.log),
        disks_every_s=settings.gateway_disks_interval_s,
    )
    known.append(fleet)
    uplink.start()
    next_refresh = 0.0
    try:
        while not context.stop.is_set():
            context.health.heartbeat("sample", 60.0)
            if time.monotonic() >= next_refresh:
                problem = fleet.refresh()
                context.health.set_ready(not problem, problem, part="racks")
                next_refresh = time.monotonic() + settings.gateway_refresh_s
            wait_until(next_tick(time.time(), settings.gateway_interval_s), context.stop.wait)
            if not context.stop.is_set():
                fleet.sample()
    finally:
        uplink.stop(_DRAIN_S)


class _Machine:
    """This machine as a server: samples by psutil, in a thread of its own."""

    def __init__(self, settings: GatewaySettings, secrets: CredentialSource, context: Context) -> None:
        self._settings, self._context = settings, context
        self._device = thing_id(settings.gateway_site, "server", settings.gateway_server)
        self._spool = _spool(settings, context, "machine")
        uplink_settings = UplinkSettings(
            source="machine",
            secret=device_secret("server", settings.gateway_server),
            window=16,
            backlog=settings.gateway_backlog,
        )
        self._uplink: HttpUplink | MqttUplink = (
            HttpUplink(uplink_settings, secrets, self._spool, context)
            if settings.gateway_server_protocol == "http"
            else MqttUplink(uplink_settings, secrets, self._spool, context, tls=settings.gateway_mqtt_tls)
        )
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)

    def start(self) -> None:
        metrics.DEVICES.labels("machine").set(1)
        self._uplink.start()
        self._thread.start()

    def stop(self) -> None:
        self._thread.join(self._settings.gateway_server_interval_s + 5.0)
        self._uplink.stop(_DRAIN_S)

    def _run(self) -> None:
        sampler = MachineSampler(self._settings.gateway_server_disk)
        disks = self._disks()
        interval = self._settings.gateway_server_interval_s
        while not self._context.stop.is_set():
            self._context.health.heartbeat("machine-sample", 60.0)
            wait_until(next_tick(time.time(), interval), self._context.stop.wait)
            if self._context.stop.is_set():
                return
            now_ms = self._context.clock()
            self._send(now_ms, sampler.sample())
            for feature, told in disks.take(time.monotonic()).items() if disks is not None else ():
                self._send(now_ms, {(feature, name): value for name, value in told.items()})

    def _send(self, now_ms: int, values: Mapping[tuple[str, str], float | str]) -> None:
        seq = self._spool.next_seq()
        pack = make_pack(self._device, "server", seq, now_ms, values)
        self._spool.keep(seq, [pack])
        self._uplink.offer([pack])

    def _disks(self) -> Watch | None:
        command = self._settings.gateway_server_smartctl
        if not command.strip():
            return None

        def say(found: Disks) -> None:
            metrics.DISKS.state(found.state)
            self._context.log.info("disks", state=found.state, why=found.why, disks=sorted(found.disks))

        return Watch(self._settings.gateway_disks_interval_s, lambda: read(command), say)


def _spool(settings: GatewaySettings, context: Context, name: str) -> Spool:
    directory = Path(settings.gateway_state_dir) / name if settings.gateway_state_dir else None
    try:
        return Spool(directory, context.clock)
    except OSError as error:
        raise Fatal(f"RACKTWIN_GATEWAY_STATE_DIR {settings.gateway_state_dir}: {error.strerror}") from error


def _faults_path(settings: GatewaySettings) -> Path | None:
    if settings.gateway_faults_file:
        return Path(settings.gateway_faults_file)
    return Path(settings.gateway_state_dir) / "faults.json" if settings.gateway_state_dir else None


def _sources(settings: GatewaySettings) -> tuple[CredentialSource, Inventory]:
    """Where credentials and racks come from; the Kubernetes API only where it is needed."""
    needs_cluster = not settings.gateway_secrets_dir or (settings.gateway_name and not settings.gateway_racks_file)
    if needs_cluster:
        try:
            kube_config.load_config()
        except kube_config.ConfigException as error:
            raise Fatal(
                f"Kubernetes: {error}; set KUBECONFIG, or RACKTWIN_GATEWAY_SECRETS_DIR and RACKTWIN_GATEWAY_RACKS_FILE"
            ) from error
    secrets: CredentialSource = (
        SecretFiles(Path(settings.gateway_secrets_dir))
        if settings.gateway_secrets_dir
        else SecretsOfCluster(kube.CoreV1Api(), settings.gateway_site)
    )
    inventory: Inventory = (
        RacksFile(Path(settings.gateway_racks_file))
        if settings.gateway_racks_file
        else RacksOfCluster(kube.CustomObjectsApi(), settings.gateway_site, settings.gateway_name)
    )
    return secrets, inventory
