"""The release's authority, its certificates and the trust store: makes what is missing, renews what ends soon.

What read a renewed certificate at its start is rolled, whoever renewed it: this command or cert-manager. Our own
processes take up a renewed one by themselves. Which certificate is in use stands on the Secret of the trust store, so
that a run that dies between renewing and rolling is made up for by the next.
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
# On the trust store's Secret, with a certificate's name: the one that all have that read it at their start.
_IN_USE = "racktwin.io/in-use-"


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
    wanted = load_wanted(settings.provision_certificates)
    before = {name: secrets.read(f"{release}-{name}-tls") for name in wanted}
    issued: dict[str, Mapping[str, bytes]] = {}
    if settings.provision_issuer == "job":
        authority = _authority(secrets, f"{release}-authority", release, now, say)
        # First the trust store: a pod that starts needs both.
        _trust(settings, secrets, authority.data()["tls.crt"])
        for name, one in wanted.items():
            fresh = _issue(settings, secrets, authority, name=name, wanted=one, data=before[name], now=now, say=say)
            if fresh is not None:
                issued[name] = fresh
    else:
        missing = [name for name, data in before.items() if data is None or not {"tls.crt", "ca.crt"} <= set(data)]
        if missing:
            raise Failure(
                f"certificates of cert-manager are missing: {', '.join(missing)}",
                "kubectl describe certificate; this Job tries again by itself",
            )
        own = b"".join(dict.fromkeys(data["ca.crt"] for data in before.values() if data is not None))
        _trust(settings, secrets, own)
    for name, one in wanted.items():
        _roll(settings, secrets, rolls, name=name, wanted=one, found=before[name], fresh=issued.get(name), say=say)
    return len(issued)


def _roll(
    settings: CertificateSettings,
    secrets: Secrets,
    rolls: Rolls,
    *,
    name: str,
    wanted: Wanted,
    found: Mapping[str, bytes] | None,
    fresh: Mapping[str, bytes] | None,
    say: Callable[[str], None],
) -> None:
    """Rolls what reads a certificate, where that is another than the one in use: `found` as this run began, or the
    `fresh` one that it issued."""
    release = settings.provision_release
    present = fresh or found
    assert present is not None
    mark = pki.fingerprint(present)
    noted = secrets.annotations(f"{release}-trust").get(_IN_USE + name)
    # Without a note, what this run found is in use. On a first install pods wait for the Secret, so there is nothing
    # to roll.
    in_use = noted if noted is not None or found is None else _fingerprint(found)
    if in_use is not None and in_use != mark:
        for workload in wanted.workloads:
            kind, _, component = workload.partition("/")
            rolls.roll(f"{kind}/{release}-{component}", mark)
            say(f"rolled {workload}: the certificate {name} was renewed")
    if noted != mark:
        secrets.annotate(f"{release}-trust", {_IN_USE + name: mark})


def _fingerprint(data: Mapping[str, bytes]) -> str:
    """Of a certificate that may be incomplete."""
    return pki.fingerprint(data) if {"tls.crt", "ca.crt"} <= set(data) else ""


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
    authority: pki.Authority,
    *,
    name: str,
    wanted: Wanted,
    data: Mapping[str, bytes] | None,
    now: dt.datetime,
    say: Callable[[str], None],
) -> Mapping[str, bytes] | None:
    """A new certificate, where the one in `data` cannot stay."""
    secret = f"{settings.provision_release}-{name}-tls"
    why = pki.why_issue(data, authority, wanted.hosts, now, settings.provision_renew_days)
    if why is None:
        return None
    fresh = pki.issue(authority, wanted.hosts[0], wanted.hosts, now, settings.provision_days)
    secrets.write(secret, fresh)
    say(f"issued {secret}: {why}")
    return fresh


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
