"""The commands: `python -m provision certificates|kafka|influx|backup|restore`. Run by the chart's Jobs."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from typing import Any

import click
from kubernetes.client.exceptions import ApiException

from provision import access, certificates, influx
from provision.backup import whole
from provision.cluster import Cluster
from provision.failure import Failure
from provision.settings import BackupSettings, CertificateSettings, InfluxSetupSettings, KafkaAccessSettings
from racktwin.process import Fatal, load

_EPILOG = "Settings come from RACKTWIN_*; the chart sets them. Exit codes: 0 done, 1 failed (one line says why)."


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.group(epilog=_EPILOG)
def cli() -> None:
    """What a release needs beside its long-running processes; each command can be repeated."""


@cli.command("certificates")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def _certificates(json_wanted: bool) -> None:
    """Make or renew the release's authority, certificates and trust store."""
    settings = _settings(CertificateSettings)
    cluster = Cluster(settings.provision_namespace)
    issued = certificates.ensure(settings, cluster, cluster, dt.datetime.now(dt.UTC), _say)
    _tell({"issued": issued}, json_wanted)


@cli.command("kafka")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def _kafka(json_wanted: bool) -> None:
    """Make Kafka's users and give each its rights."""
    _tell(access.ensure(_settings(KafkaAccessSettings), _say), json_wanted)


@cli.command("influx")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def _influx(json_wanted: bool) -> None:
    """Set InfluxDB up, and keep a token for each use in a Secret."""
    settings = _settings(InfluxSetupSettings)
    made = influx.ensure(settings, Cluster(settings.provision_namespace), _say)
    _tell({"tokens": made}, json_wanted)


@cli.command("backup")
@click.option("--keep", type=click.IntRange(min=1), default=7, show_default=True, help="Backups to keep.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def _backup(keep: int, json_wanted: bool) -> None:
    """Back up MongoDB, InfluxDB, the model registry and the site's resources, as far as they are set."""
    settings = _settings(BackupSettings)
    _tell(whole.save(settings, _api(settings), dt.datetime.now(dt.UTC), keep, _say), json_wanted)


@cli.command("restore")
@click.argument("name")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON document.")
def _restore(name: str, json_wanted: bool) -> None:
    """Restore the backup NAME. Ditto and Hono's registry must not run meanwhile."""
    settings = _settings(BackupSettings)
    _tell(whole.load(settings, _api(settings), name, _say), json_wanted)


def _api(settings: BackupSettings) -> Cluster | None:
    return Cluster(settings.provision_namespace) if settings.provision_namespace else None


def _settings(kind: Callable[[], Any]) -> Any:
    return load(kind)  # type: ignore[arg-type]


def _tell(result: dict[str, Any], json_wanted: bool) -> None:
    if json_wanted:
        click.echo(json.dumps(result))


def main() -> int:
    """The exit code."""
    try:
        cli(prog_name="python -m provision", standalone_mode=False)
    except (Failure, Fatal) as failure:
        click.echo(f"error: {failure}", err=True)
        return 1
    except ApiException as error:
        click.echo(
            f"error: Kubernetes: {error.status} {error.reason}\n  next: has the service account the right?", err=True
        )
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
