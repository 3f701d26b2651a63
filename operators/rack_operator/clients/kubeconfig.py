"""Where the Kubernetes API is and how to be let in: KUBECONFIG, or the pod's service account.

Gives aiohttp what it needs (server, TLS context, authorisation); opens no connection itself.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoClusterError(Exception):
    """Neither KUBECONFIG nor a service account leads to an API server; the message says what was looked at."""


@dataclass(frozen=True)
class Cluster:
    """One API server; `token_file` is read anew for each request, since pods' tokens change."""

    server: str
    ssl: ssl.SSLContext | bool
    token: str | None = None
    token_file: Path | None = None

    def authorization(self) -> dict[str, str]:
        """The header that lets us in, or nothing when a client certificate does."""
        token = self.token_file.read_text(encoding="utf-8").strip() if self.token_file else self.token
        return {"authorization": f"Bearer {token}"} if token else {}


def find_cluster(environment: dict[str, str] | None = None) -> Cluster:
    """The cluster that KUBECONFIG's current context names, else the one whose pod this is.

    Raises `NoClusterError`, or `KeyError`/`OSError` for a broken file.
    """
    env = dict(os.environ) if environment is None else environment
    paths = [Path(part) for part in env.get("KUBECONFIG", "").split(os.pathsep) if part]
    for path in [*paths, Path(env.get("HOME", "/")) / ".kube" / "config"]:
        if path.is_file():
            return from_kubeconfig(path)
    if "KUBERNETES_SERVICE_HOST" in env and (SERVICE_ACCOUNT / "token").is_file():
        host, port = env["KUBERNETES_SERVICE_HOST"], env.get("KUBERNETES_SERVICE_PORT", "443")
        context = ssl.create_default_context(cafile=str(SERVICE_ACCOUNT / "ca.crt"))
        bracketed = f"[{host}]" if ":" in host else host
        return Cluster(f"https://{bracketed}:{port}", context, token_file=SERVICE_ACCOUNT / "token")
    raise NoClusterError("no Kubernetes API: KUBECONFIG names no file, and this is not a pod with a service account")


def from_kubeconfig(path: Path) -> Cluster:
    """The cluster of the file's current context."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"] if context.get("user") else {}
    token_file = path.parent / user["tokenFile"] if user.get("tokenFile") else None
    return Cluster(
        server=cluster["server"].rstrip("/"),
        ssl=_tls(cluster, user, path.parent) if cluster["server"].startswith("https") else False,
        token=user.get("token"),
        token_file=token_file,
    )


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise KeyError(f"kubeconfig has no entry {name!r}")


def _tls(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _content(user, "client-certificate", folder), _content(user, "client-key", folder)
    if certificate and key:
        # The ssl module loads client certificates from files alone.
        with tempfile.TemporaryDirectory() as directory:
            pair = Path(directory) / "pair.pem"
            pair.touch(mode=0o600)
            pair.write_bytes(certificate + b"\n" + key)
            context.load_cert_chain(pair)
    return context


def _content(entry: dict[str, Any], key: str, folder: Path) -> bytes | None:
    if entry.get(f"{key}-data"):
        return base64.b64decode(entry[f"{key}-data"])
    if entry.get(key):
        return (folder / str(entry[key])).read_bytes()
    return None
