"""Certificates of a stack's own: a small authority, and certificates for servers and clients, made anew before they
run out.

Keys are ECDSA P-256 in files that only this user can read. Nothing here is trusted outside the stack.
"""

import dataclasses
import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local_stack.instance import write_private

_AUTHORITY_LIFE = dt.timedelta(days=3650)
_LEAF_LIFE = dt.timedelta(days=365)
_RENEW_BEFORE = dt.timedelta(days=30)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate and its key on disk."""

    certificate: Path
    key: Path

    def as_tuple(self) -> tuple[Path, Path]:
        """(certificate, key), as HTTP clients take them."""
        return self.certificate, self.key


def _pem_key(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _name(common_name: str, organisations: tuple[str, ...] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organisations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A clock that is set back a little must not make a fresh certificate invalid.
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + life)
    )


class Authority:
    """A certificate authority in a folder; made on first use."""

    def __init__(self, folder: Path, name: str, now: dt.datetime | None = None) -> None:
        """Open or make the authority `name` in `folder`."""
        self._folder = folder
        self._now = now or dt.datetime.now(dt.UTC)
        self.pair = Pair(folder / "ca.crt", folder / "ca.key")
        if not (self.pair.certificate.exists() and self.pair.key.exists()):
            self._create(name)
        key = serialization.load_pem_private_key(self.pair.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())

    def _create(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        certificate = (
            _builder(subject, subject, key.public_key(), self._now, _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=True,
                    crl_sign=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(self.pair.key, _pem_key(key))
        write_private(self.pair.certificate, _pem(certificate))

    def issue(
        self,
        file_name: str,
        common_name: str,
        *,
        organisations: tuple[str, ...] = (),
        hosts: tuple[str, ...] = (),
    ) -> Pair:
        """A certificate for a client, and with `hosts` (names and addresses) also for a server.

        The one on disk is kept while it is ours and does not run out within 30 days.
        """
        pair = Pair(self._folder / f"{file_name}.crt", self._folder / f"{file_name}.key")
        if self._usable(pair):
            return pair
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
        builder = (
            _builder(
                _name(common_name, organisations), self._certificate.subject, key.public_key(), self._now, _LEAF_LIFE
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_alternative(h) for h in hosts]), critical=False
            )
        write_private(pair.key, _pem_key(key))
        write_private(pair.certificate, _pem(builder.sign(self._key, hashes.SHA256())))
        return pair

    def _usable(self, pair: Pair) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        except (OSError, ValueError):
            return False
        return (
            pair.key.exists()
            and certificate.issuer == self._certificate.subject
            and certificate.not_valid_after_utc - self._now > _RENEW_BEFORE
        )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def signing_key(folder: Path, name: str) -> Pair:
    """A key pair for signing tokens: (public key, private key) in files; made on first use."""
    pair = Pair(folder / f"{name}.pub", folder / f"{name}.key")
    if not pair.key.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(pair.certificate, public.decode())
        write_private(pair.key, _pem_key(key))
    return pair
