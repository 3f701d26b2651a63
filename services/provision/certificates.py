"""The release's authority, its certificates and the trust store: makes what is missing, renews what ends soon.

What read a renewed certificate at its start is rolled; our own processes take up a renewed one by themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import certifi
import msgspec
import yaml

from provision import pki
from provision.cluster import Secrets
from provision.failure import Failure
from provision.settings import CertificateSettings

_AUTHORITY_LEFT = dt.timedelta(days=365)


class Rolls(Protocol):
    """What can start a rollout."""

    def roll(self, workload: str, mark: str) -> None:
        """Of `Deployment/name` or `StatefulSet/name`."""


class Wanted(msgspec.Struct, frozen=True):
    """One certificate: the hosts it is for, and the workloads that must be rolled when it changes."""

    hosts: list[str]
    workloads: list[str] = []


def load_wanted(path: Path) -> dict[str, Wanted]:
    """What the chart asks for.

    Raises:
        Failure: the file is not there or of another form.
    """
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), dict[str, Wanted])
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise Failure(f"{path}: {error}", "set RACKTWIN_PROVISION_CERTIFICATES to the file of the chart") from error


def ensure(
    settings: CertificateSettings,
    secrets: Secrets,
    rolls: Rolls,
    now: dt.datetime,
    say: Callable[[str], None],
) -> int:
    """Make everything as it should be; the number of certificates that were issued.

    Raises:
        Failure: the authority cannot be used, or cert-manager has not made it yet.
    """
    release = settings.provision_release
    issued = 0
    authority_secret = f"{release}-authority"
    if settings.provision_issuer == "job":
        authority = _authority(secrets, authority_secret, release, now, say)
        own = authority.data()["tls.crt"]
        # First the trust store: a pod that starts needs both.
        _trust(settings, secrets, own)
        for name, wanted in load_wanted(settings.provision_certificates).items():
            issued += _issue(settings, secrets, rolls, authority=authority, name=name, wanted=wanted, now=now, say=say)
    else:
        made = {name: secrets.read(f"{release}-{name}-tls") for name in load_wanted(settings.provision_certificates)}
        missing = [name for name, data in made.items() if data is None or "ca.crt" not in data]
        if missing:
            raise Failure(
                f"certificates of cert-manager are missing: {', '.join(missing)}",
                "kubectl describe certificate; this Job tries again by itself",
            )
        own = b"".join(dict.fromkeys(data["ca.crt"] for data in made.values() if data is not None))
        _trust(settings, secrets, own)
    return issued


def _authority(
    secrets: Secrets, name: str, release: str, now: dt.datetime, say: Callable[[str], None]
) -> pki.Authority:
    data = secrets.read(name)
    if data is None:
        authority = pki.make_authority(f"Racktwin {release}", now)
        secrets.write(name, authority.data())
        say(f"made the authority {name}, valid until {authority.certificate.not_valid_after_utc:%Y-%m-%d}")
        return authority
    try:
        authority = pki.load_authority(data)
    except ValueError as error:
        raise Failure(f"Secret {name}: {error}", "delete it, and all certificates are made anew") from error
    if authority.certificate.not_valid_after_utc - now < _AUTHORITY_LEFT:
        raise Failure(
            f"Secret {name}: the authority ends on {authority.certificate.not_valid_after_utc:%Y-%m-%d}",
            "delete it in a maintenance window: a new one and all certificates are made, and devices need its ca.crt",
        )
    return authority


def _issue(
    settings: CertificateSettings,
    secrets: Secrets,
    rolls: Rolls,
    *,
    authority: pki.Authority,
    name: str,
    wanted: Wanted,
    now: dt.datetime,
    say: Callable[[str], None],
) -> int:
    secret = f"{settings.provision_release}-{name}-tls"
    data = secrets.read(secret)
    why = pki.why_issue(data, authority, wanted.hosts, now, settings.provision_renew_days)
    if why is None:
        return 0
    fresh = pki.issue(authority, wanted.hosts[0], wanted.hosts, now, settings.provision_days)
    secrets.write(secret, fresh)
    say(f"issued {secret}: {why}")
    if data is not None:
        # On a first install pods wait for the Secret, so there is nothing to roll.
        for workload in wanted.workloads:
            kind, _, component = workload.partition("/")
            rolls.roll(f"{kind}/{settings.provision_release}-{component}", pki.fingerprint(fresh))
            say(f"rolled {workload}")
    return 1


def _trust(settings: CertificateSettings, secrets: Secrets, own: bytes) -> None:
    external: dict[str, bytes] = {}
    for use, name in settings.authorities().items():
        data = secrets.read(name)
        if data is None or "ca.crt" not in data:
            raise Failure(f"Secret {name}: expected one with the key ca.crt", f"make it, or unset the one for {use}")
        external[use] = data["ca.crt"]
    public = Path(certifi.where()).read_bytes()
    bundle = b"\n".join([own, *dict.fromkeys(external.values()), public])
    # One file for each part that may be external, for what takes a single authority.
    wanted = {"ca.crt": own, "bundle.crt": bundle}
    wanted |= {f"{use}.crt": external.get(use, own) for use in ("kafka", "mongodb", "ditto", "hono", "influxdb")}
    name = f"{settings.provision_release}-trust"
    present: Mapping[str, bytes] = secrets.read(name) or {}
    # The trust store is salted, so it is made only where what is in it changed.
    if "truststore.p12" in present and all(present.get(key) == value for key, value in wanted.items()):
        return
    store = pki.trust_store(
        [own, *external.values(), public], settings.provision_truststore_password.get_secret_value()
    )
    secrets.write(name, {**wanted, "truststore.p12": store})
