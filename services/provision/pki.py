"""An authority and the certificates it issues. Pure but for the random numbers of keys.

Keys are RSA in PKCS8: Hono and Kafka want PKCS8, and Pekko's TLS suites are RSA's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_AUTHORITY_BITS = 3072
_LEAF_BITS = 2048
# A clock that is a little behind must not refuse a fresh certificate.
_BEFORE = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority's certificate and key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def data(self) -> dict[str, bytes]:
        """As a Secret holds it."""
        return {"tls.crt": _pem(self.certificate), "tls.key": _key_pem(self.key)}


def make_authority(name: str, now: dt.datetime) -> Authority:
    """A new authority, valid for ten years."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_AUTHORITY_BITS)
    subject = _name(name)
    certificate = (
        _builder(subject, subject, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def load_authority(data: Mapping[str, bytes]) -> Authority:
    """The authority that a Secret holds.

    Raises:
        ValueError: keys are missing or not what they should be.
    """
    try:
        key = serialization.load_pem_private_key(data["tls.key"], None)
        certificate = x509.load_pem_x509_certificate(data["tls.crt"])
    except KeyError as error:
        raise ValueError(f"key {error.args[0]} is missing") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("tls.key: expected an RSA key")  # noqa: TRY004 - the content is wrong, not a type of ours
    return Authority(certificate, key)


def why_issue(
    data: Mapping[str, bytes] | None, authority: Authority, hosts: Sequence[str], now: dt.datetime, renew_days: int
) -> str | None:
    """Why a certificate must be issued, or None where the present one will do."""
    if data is None or not {"tls.crt", "tls.key", "tls-combined.pem", "ca.crt"} <= data.keys():
        return "it is missing"
    try:
        certificate = x509.load_pem_x509_certificate(data["tls.crt"])
        certificate.verify_directly_issued_by(authority.certificate)
    # Whatever is wrong with it, a new one mends it.
    except Exception:
        return "it is not this authority's"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if set(names.get_values_for_type(x509.DNSName)) != set(hosts):
        return "its hosts changed"
    left = certificate.not_valid_after_utc - now
    if left < dt.timedelta(days=renew_days):
        return f"it ends in {left.days} days"
    return None


def issue(authority: Authority, name: str, hosts: Sequence[str], now: dt.datetime, days: int) -> dict[str, bytes]:
    """A certificate for hosts, which may begin with ``*.``, as a Secret holds it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_LEAF_BITS)
    certificate = (
        _builder(_name(name), authority.certificate.subject, key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(
            # Members of a cluster are clients of each other with the same certificate.
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return {
        "tls.crt": _pem(certificate),
        "tls.key": _key_pem(key),
        "tls-combined.pem": _key_pem(key) + _pem(certificate),
        "ca.crt": _pem(authority.certificate),
    }


def trust_store(authorities: Iterable[bytes], password: str) -> bytes:
    """A Java trust store (PKCS12) of PEM bundles."""
    certificates: dict[bytes, x509.Certificate] = {}
    for bundle in authorities:
        for pem in _PEM.findall(bundle):
            with warnings.catch_warnings(), contextlib.suppress(ValueError):
                # A few old public authorities break today's rules for certificates; they are left out.
                warnings.simplefilter("error", CryptographyDeprecationWarning)
                with contextlib.suppress(CryptographyDeprecationWarning):
                    certificate = x509.load_pem_x509_certificate(pem)
                    certificates[certificate.fingerprint(hashes.SHA256())] = certificate
    entries = [
        pkcs12.PKCS12Certificate(certificate, print_.hex().encode()) for print_, certificate in certificates.items()
    ]
    encryption = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_java_truststore(entries, encryption)


def fingerprint(data: Mapping[str, bytes]) -> str:
    """Names a certificate and its authority, so that a change shows."""
    return hashlib.sha256(data["tls.crt"] + data["ca.crt"]).hexdigest()[:16]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    # 64 is X.509's limit for a common name.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
