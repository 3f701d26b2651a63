"""Checks the tools that builds need before anything starts, and offers to install what Debian packages.

One error names everything that is missing, with a command for each. Only tools are checked here; versions of what is
built with them are in `catalogue`.
"""

import dataclasses
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from local_stack.toolchain.jdk import JAVA_MAJOR, find_jdk

# From 1.21 on Go fetches the exact toolchain that a module asks for by itself.
_GO_MINIMUM = (1, 21)
_RUST_MINIMUM = (1, 72)
_NODE_MINIMUM = (18, 0)


class MissingToolsError(Exception):
    """Tools are missing; the text names each and how to install it."""


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One thing that must be there."""

    name: str
    why: str
    present: Callable[[], bool]
    packages: tuple[str, ...]
    """Debian's packages for it; empty where Debian's are too old."""
    otherwise: str = ""
    """What to do where Debian's packages do not help."""


def _on_path(program: str) -> Callable[[], bool]:
    return lambda: shutil.which(program) is not None


def _version_of(*command: str) -> tuple[int, ...]:
    """The first dotted number a program prints; empty when it cannot be run."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ()
    match = re.search(r"(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if answer.returncode == 0 and match else ()


def _has_jdk() -> bool:
    find_jdk.cache_clear()
    try:
        jdk = find_jdk()
    except LookupError:
        return False
    return (jdk / "bin" / "javac").exists()


def _has_openssl_headers() -> bool:
    known = (
        subprocess.run(["pkg-config", "--exists", "libssl"], capture_output=True, check=False)
        if shutil.which("pkg-config")
        else None
    )
    return (known is not None and known.returncode == 0) or Path("/usr/include/openssl/ssl.h").exists()


def _has_venv() -> bool:
    return all(importlib.util.find_spec(module) is not None for module in ("venv", "ensurepip"))


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement("Python's venv", "holds what the stack runs in", _has_venv, ("python3-venv",)),
    Requirement("make", "runs this", _on_path("make"), ("make",)),
    Requirement(
        f"Go {'.'.join(map(str, _GO_MINIMUM))} or newer",
        "builds etcd, kube-apiserver and influxd",
        lambda: _version_of("go", "version") >= _GO_MINIMUM,
        (),
        "install Go from https://go.dev/doc/install (Debian 12's is too old; on Debian 13: apt-get install golang-go)",
    ),
    Requirement(
        f"a JDK {JAVA_MAJOR}",
        "runs Kafka, Artemis and Hono",
        _has_jdk,
        (f"openjdk-{JAVA_MAJOR}-jdk-headless",),
        "or set JAVA_HOME to one; it need not be the default java",
    ),
    Requirement("mvn (Maven)", "fetches Kafka, Artemis and Hono", _on_path("mvn"), ("maven",)),
    Requirement(
        f"Rust {'.'.join(map(str, _RUST_MINIMUM))} or newer (cargo, rustc)",
        "builds influxd's query engine",
        lambda: shutil.which("cargo") is not None and _version_of("rustc", "--version") >= _RUST_MINIMUM,
        (),
        "install Rust from https://rustup.rs (Debian 12's is too old; on Debian 13: apt-get install cargo rustc)",
    ),
    Requirement("gcc", "links influxd", _on_path("gcc"), ("gcc", "libc6-dev")),
    Requirement("g++", "builds influxd's query engine and the AMQP client", _on_path("g++"), ("g++",)),
    Requirement("cmake", "builds the AMQP client", _on_path("cmake"), ("cmake",)),
    Requirement("pkg-config", "builds influxd and the AMQP client", _on_path("pkg-config"), ("pkg-config",)),
    Requirement("OpenSSL headers", "builds the AMQP client", _has_openssl_headers, ("libssl-dev",)),
    Requirement(
        f"Node.js {'.'.join(map(str, _NODE_MINIMUM))} or newer with npm",
        "builds the console's page",
        lambda: shutil.which("npm") is not None and _version_of("node", "--version") >= _NODE_MINIMUM,
        ("nodejs", "npm"),
    ),
    Requirement("setpriv", "ties the stack's processes to their supervisor", _on_path("setpriv"), ("util-linux",)),
)


def missing(requirements: Sequence[Requirement] = REQUIREMENTS) -> list[Requirement]:
    """Those that are not there."""
    return [requirement for requirement in requirements if not requirement.present()]


def explain(lacking: Sequence[Requirement]) -> str:
    """One text that names each missing tool, what it is for and how to get it."""
    lines = ["these tools are missing:"]
    for requirement in lacking:
        how = [f"apt-get install {' '.join(requirement.packages)}"] if requirement.packages else []
        lines.append(
            f"  {requirement.name}: {requirement.why}\n      "
            + "; ".join([*how, *filter(None, [requirement.otherwise])])
        )
    packages = [package for requirement in lacking for package in requirement.packages]
    if packages:
        lines.append(f"all of Debian's at once: sudo apt-get install {' '.join(packages)}")
    return "\n".join(lines)


def _may_install(assume_yes: bool, packages: Sequence[str]) -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get") or not packages:
        return False
    if assume_yes or os.environ.get("RACKTWIN_ASSUME_YES") == "1":
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"Install Debian's packages {' '.join(packages)} now? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _install(packages: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        if subprocess.run(command, env=environment, check=False).returncode != 0:
            raise MissingToolsError(f"`{' '.join(command)}` failed; run it by hand, then the same make command again")


def require(assume_yes: bool = False, requirements: Sequence[Requirement] = REQUIREMENTS) -> None:
    """Return when everything is there.

    As root on Debian, offers to install Debian's packages for what is missing; `assume_yes` or
    `RACKTWIN_ASSUME_YES=1` answers yes.

    Raises:
        MissingToolsError: something is still missing.
    """
    lacking = missing(requirements)
    packages = [package for requirement in lacking for package in requirement.packages]
    if lacking and _may_install(assume_yes, packages):
        print(explain(lacking), file=sys.stderr)
        _install(packages)
        lacking = missing(requirements)
    if lacking:
        raise MissingToolsError(explain(lacking))
