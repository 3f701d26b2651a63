"""Runs the real Grafana beside a stack, as its chart would, for as long as somebody asks it.

HTTPS on loopback with certificates of the stack's own; its admin's password and its keys are generated; it reads
InfluxDB by the token that reads and does nothing else. Its database begins empty with each run, so that what was
provisioned is what the files say. Its log lies among the stack's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import requests

from check_charts import rendering
from check_console.links import DITTO_UI
from dashboards.grafana.provision import Secrets, lay_out
from local_stack import Stack
from local_stack.components import influxdb
from local_stack.instance import LOOPBACK, Instance
from local_stack.pki import Authority
from local_stack.toolchain import chart_tools
from local_stack.toolchain.builder import Builder
from local_stack.toolchain.grafana import GRAFANA
from local_stack.toolchain.grafana_pages import GRAFANA_PAGES
from racktwin.ports import free_port

ADMIN: Final = "admin"
_READY_S: Final = 180.0
_STOP_S: Final = 20.0
_ATTEMPTS: Final = 3
_PASSWORD: Final = "grafana-admin-password"


class GrafanaError(Exception):
    """Grafana does not do what it is asked for; the text says what, and where its log is."""


class Grafana:
    """A running Grafana's API, as its admin."""

    def __init__(self, url: str, password: str, authority: str) -> None:
        self.url = url
        self.credentials = (ADMIN, password)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = self.credentials
        self._session.verify = authority

    def get(self, path: str, **query: Any) -> Any:
        """JSON below ``/api``. Raises GrafanaError."""
        return self._answer(self._session.get(f"{self.url}/api{path}", params=query, timeout=60))

    def post(self, path: str, body: Any) -> Any:
        """JSON below ``/api``. Raises GrafanaError."""
        return self._answer(self._session.post(f"{self.url}/api{path}", json=body, timeout=120))

    def query(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answers by ``refId``, those that failed included, as a browser gets them. Raises GrafanaError."""
        answer = self._session.post(f"{self.url}/api/ds/query", json=body, timeout=120)
        try:
            results: Mapping[str, Any] = answer.json()["results"]
        except (ValueError, KeyError) as error:
            raise GrafanaError(f"POST /api/ds/query: {answer.status_code} {answer.text[:300]}") from error
        return results

    def _answer(self, answer: requests.Response) -> Any:
        if not answer.ok:
            raise GrafanaError(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


def build() -> None:
    """Make Grafana, its pages and helm where they are missing, with progress. Raises BuildError."""
    Builder().make([GRAFANA, GRAFANA_PAGES, chart_tools.HELM])


@contextmanager
def running(stack: Stack, site: str, inbox_url: str) -> Iterator[Grafana]:
    """A Grafana provisioned as the chart does it, telling ``inbox_url`` of alerts.

    Raises:
        BuildError, CheckError, MissingError: it cannot be made, or the chart does not render or lacks something.
        GrafanaError: it does not become ready, or another is there already.
    """
    build()
    instance = stack.instance
    with ExitStack() as held:
        try:
            held.enter_context(instance.exclusive(nonblocking=True, what="grafana"))
        except BlockingIOError as error:
            raise GrafanaError(f"another check has a Grafana beside stack {instance.name}: wait for its end") from error
        yield from _beside(instance, site, inbox_url)


def _beside(instance: Instance, site: str, inbox_url: str) -> Iterator[Grafana]:
    folder = instance.data("grafana")
    # Not one of the stack's own: it is there only while somebody looks.
    port = free_port()
    url = f"https://{LOOPBACK}:{port}"
    shutil.rmtree(folder)
    given = lay_out(_rendered(instance, site, url), site, _secrets(instance, site, inbox_url), folder / "etc")
    authority = str(_authority(instance).pair.certificate)
    grafana = Grafana(url, instance.secret(_PASSWORD, 16), authority)
    process = _started(instance, grafana, {**_of_image(folder, port), **given})
    try:
        yield grafana
    finally:
        _stop(process)


def _of_image(folder: Path, port: int) -> dict[str, str]:
    """What the image sets, and the chart does not: paths, and where it listens."""
    return {
        "GF_PATHS_DATA": str(folder / "data"),
        "GF_PATHS_LOGS": str(folder / "logs"),
        "GF_PATHS_PLUGINS": str(folder / "plugins"),
        "GF_SERVER_STATIC_ROOT_PATH": str(GRAFANA_PAGES.folder / "public"),
        # The pages are built without what only it needs.
        "GF_SECURITY_ANGULAR_SUPPORT_ENABLED": "false",
        "GF_SERVER_HTTP_ADDR": LOOPBACK,
        "GF_SERVER_HTTP_PORT": str(port),
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NO_PROXY": f"{LOOPBACK},localhost",
    }


def _started(instance: Instance, grafana: Grafana, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Its process, once it answers. Raises GrafanaError."""
    log = instance.logs / "grafana.log"
    command = [GRAFANA.folder / "bin" / "grafana", "server", "--homepath", GRAFANA.folder / "home"]
    for attempt in range(_ATTEMPTS):
        # An empty database each time.
        shutil.rmtree(environment["GF_PATHS_DATA"], ignore_errors=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *(str(part) for part in command)],
                env=dict(_read(name, value) for name, value in environment.items()),
                stdout=output,
                stderr=output,
                cwd=instance.data("grafana"),
            )
        try:
            _await(process, grafana, str(log))
        except BaseException as error:
            _stop(process)
            # On a busy machine it sometimes makes its first organisation twice at once, and gives up.
            if not isinstance(error, GrafanaError) or attempt == _ATTEMPTS - 1:
                raise
        else:
            return process
    raise GrafanaError(f"Grafana does not start; see {log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(name: str, value: str) -> tuple[str, str]:
    """A variable as the image's entry point gives it to Grafana: what ends so stands in a file."""
    plain = name.removesuffix("__FILE")
    return plain, value if plain == name else Path(value).read_text(encoding="utf-8").strip()


def _await(process: subprocess.Popen[bytes], grafana: Grafana, log: str) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise GrafanaError(f"Grafana ended with {process.returncode}; see {log}")
        try:
            if grafana.get("/health")["database"] == "ok":
                return
        except (OSError, GrafanaError):
            time.sleep(0.3)
    raise GrafanaError(f"Grafana is not ready after {_READY_S:.0f} s; see {log}")


def _rendered(instance: Instance, site: str, url: str) -> list[dict[str, Any]]:
    """The chart's documents, with the stack's own InfluxDB and console beside its Grafana."""
    settings = (
        "influxdb.enabled=false",
        f"global.external.influxdb.url={instance.url('influxd')}",
        f"global.external.influxdb.org={influxdb.ORGANISATION}",
        f"global.external.influxdb.secret={_token(site)}",
        f"grafana.rootUrl={url}",
        f"grafana.consoleUrl={instance.url('console')}",
        f"grafana.dittoUiUrl={DITTO_UI}",
        f"grafana.notify.webhook.secret={_webhook(site)}",
    )
    return rendering.render("laptop", settings, release=site)


def _token(site: str) -> str:
    return f"{site}-influxdb-token"


def _webhook(site: str) -> str:
    return f"{site}-webhook"


def _authority(instance: Instance) -> Authority:
    return Authority(instance.folder / "pki" / "grafana", "racktwin local grafana")


def _secrets(instance: Instance, site: str, inbox_url: str) -> Secrets:
    authority = _authority(instance)
    pair = authority.issue("server", "grafana", hosts=(LOOPBACK, "localhost"))
    token = influxdb.reader_token_file(instance).read_text(encoding="utf-8")
    trusted = authority.pair.certificate.read_text(encoding="utf-8")
    return Secrets(
        {
            f"{site}-grafana-admin": {"username": ADMIN, "password": instance.secret(_PASSWORD, 16)},
            f"{site}-grafana-key": {"username": "grafana", "password": instance.secret("grafana-key", 32)},
            f"{site}-grafana-tls": {
                "tls.crt": pair.certificate.read_text(encoding="utf-8"),
                "tls.key": pair.key.read_text(encoding="utf-8"),
                "ca.crt": trusted,
            },
            f"{site}-trust": {"bundle.crt": trusted},
            _token(site): {"token": token},
            _webhook(site): {"url": inbox_url},
        }
    )
