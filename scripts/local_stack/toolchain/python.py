"""Makes the virtual environment: dependencies from requirements.lock with their hashes, our packages by path, our
commands.

It runs before any dependency is there, so it uses the standard library alone, and works again at once when nothing
changed: a stamp holds the digest of the lock and of the interpreter. Run: `python -m local_stack.toolchain.python
FOLDER`.
"""

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path

from local_stack import paths
from local_stack.toolchain import prerequisites

IMPORT_ROOTS = ("services", "operators", "ml-models", "scripts")
_STAMP = ".racktwin-stamp"


class SetupError(Exception):
    """The environment could not be made; the text names the log and the next step."""


def digest(repository: Path) -> str:
    """What the environment depends on: lock, commands, this interpreter."""
    parts = [(repository / name).read_bytes() for name in ("requirements.lock", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*parts, sys.version.encode(), sys.base_prefix.encode()])).hexdigest()


def is_current(folder: Path, repository: Path) -> bool:
    """Whether the environment was made from the present lock, for a checkout in this place."""
    try:
        stamp = (folder / _STAMP).read_text(encoding="utf-8")
    except OSError:
        return False
    return stamp == f"{digest(repository)} {repository}" and (folder / "bin" / "python").exists()


def _install(folder: Path, repository: Path, log: Path) -> None:
    cache = paths.home() / "pip"
    cache.mkdir(parents=True, exist_ok=True)
    command = [
        str(folder / "bin" / "python"),
        *("-m", "pip", "install", "--disable-pip-version-check", "--cache-dir", str(cache)),
        *("--require-hashes", "--no-deps", "-r", str(repository / "requirements.lock")),
    ]
    with log.open("w", encoding="utf-8") as output:
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    if code != 0:
        tail = "\n".join(f"    | {line}" for line in log.read_text(errors="replace").splitlines()[-12:])
        raise SetupError(
            f"pip could not install requirements.lock:\n{tail}\n  the full log is {log}\n"
            "  next: mend what it names (network, package index, a compiler), then run the same make command again"
        )


def _link(folder: Path, repository: Path) -> None:
    """Put our packages on the path, and our commands into bin/."""
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    roots = "".join(f"{repository / root}\n" for root in IMPORT_ROOTS)
    (site / "racktwin.pth").write_text(roots, encoding="utf-8")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, target in project.get("scripts", {}).items():
        module, _, function = target.partition(":")
        script = folder / "bin" / name
        text = (
            f"#!{folder / 'bin' / 'python'}\nimport sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n"
        )
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)


def ensure(folder: Path, repository: Path) -> None:
    """Make or update the environment in `folder` when it is not current.

    Raises:
        MissingToolsError: a tool that its compiled parts need is missing.
        SetupError: pip failed.
    """
    if is_current(folder, repository):
        return
    prerequisites.require()
    paths.home().mkdir(parents=True, exist_ok=True)
    with (paths.home() / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(folder, repository):
            return
        began = time.monotonic()
        print("installing Python's dependencies: requirements.lock, with hashes", file=sys.stderr, flush=True)
        with contextlib.suppress(FileNotFoundError):
            (folder / _STAMP).unlink()
        venv.EnvBuilder(with_pip=True, symlinks=True, upgrade_deps=False).create(folder)
        _install(folder, repository, paths.home() / "setup.log")
        _link(folder, repository)
        (folder / _STAMP).write_text(f"{digest(repository)} {repository}", encoding="utf-8")
        print(f"{folder.name} is ready after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def main() -> int:
    """Command line; the exit code."""
    try:
        ensure(Path(sys.argv[1]).absolute(), paths.repository())
    except (SetupError, prerequisites.MissingToolsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
