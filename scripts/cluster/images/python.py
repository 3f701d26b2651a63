"""The layers of our Python image: interpreter, locked dependencies, our code. The same as the published image holds,
taken from this checkout's virtual environment.
"""

import importlib.metadata
import re
import sys
import sysconfig
import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from cluster.images import libraries
from cluster.images.tree import Tree
from local_stack import paths
from local_stack.toolchain.catalogue import CONSOLE_PAGE
from local_stack.toolchain.python import IMPORT_ROOTS

HOME = "/usr/local"
CODE = "/opt/racktwin"
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_PACKAGES = f"{HOME}/lib/{_VERSION}/site-packages"
# Parts of the standard library that no server needs: tests, editors, installers, and what links to a display.
_UNNEEDED = {"test", "idlelib", "ensurepip", "lib2to3", "tkinter", "turtledemo", "site-packages", "__pycache__"}
_UNNEEDED_FILES = re.compile(r"(_tkinter|_test\w*|_ctypes_test)\.[^/]*\.so$|\.a$|\.pyc$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normalise(name: str) -> str:
    """A distribution's name as packages are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _wanted(requirement: str) -> str | None:
    """The distribution that a requirement names; None when it is for another system or for an extra."""
    text, _, marker = requirement.partition(";")
    match = _NAME.match(text.strip())
    if match is None or "extra" in marker:
        return None
    return normalise(match[0])


def closure(roots: Iterable[str]) -> list[importlib.metadata.Distribution]:
    """The distributions of this environment that `roots` need, by name. What is not installed is for other systems."""
    found: dict[str, importlib.metadata.Distribution] = {}
    queue = [name for root in roots if (name := _wanted(root))]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found[name] = distribution
        queue += [needed for line in distribution.requires or [] if (needed := _wanted(line))]
    return [found[name] for name in sorted(found)]


def runtime_requirements(project: Path, extras: Iterable[str]) -> list[str]:
    """What the project itself and some of its extras ask for."""
    data = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    required: list[str] = list(data["dependencies"])
    for extra in extras:
        required += data["optional-dependencies"][extra]
    return required


def interpreter() -> Tree:
    """Python itself with its standard library."""
    tree = Tree()
    prefix = Path(sys.base_prefix)

    def keep(path: Path) -> bool:
        return not (_UNNEEDED & set(path.parts) or path.parts[0].startswith("config-")) and not (
            _UNNEEDED_FILES.search(path.name)
        )

    program = Path(sys.executable).resolve()
    tree.file(program, f"{HOME}/bin/{_VERSION}")
    for name in ("python", "python3"):
        tree.link(f"{HOME}/bin/{name}", _VERSION)
    tree.tree(Path(sysconfig.get_path("stdlib")), f"{HOME}/lib/{_VERSION}", keep)
    libraries.add(tree, [program])
    shared = prefix / "lib" / f"lib{_VERSION}.so.1.0"
    if shared.exists():
        tree.file(shared, f"/usr/lib/{shared.name}")
    return tree


# What processes in pods need beside the package's own dependencies: collectors, and the trainings that the operator
# begins; the same as in charts/images/Dockerfile.
EXTRAS = ("collect", "train")


def dependencies(extras: Iterable[str]) -> Tree:
    """The distributions that our processes need, at the versions of the lock."""
    tree = Tree()
    needed = closure(runtime_requirements(paths.repository() / "pyproject.toml", extras))
    for distribution in needed:
        for file in distribution.files or []:
            place = Path(str(distribution.locate_file(file)))
            # Commands of dependencies lie outside of the packages' folder; nobody calls them.
            if ".." in file.parts or file.suffix == ".pyc" or not place.is_file():
                continue
            tree.file(place, str(PurePosixPath(_PACKAGES) / file.as_posix()))
    tree.text(f"{_PACKAGES}/racktwin.pth", "".join(f"{CODE}/{root}\n" for root in IMPORT_ROOTS))
    libraries.add(tree)
    return tree


ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "RACKTWIN_CONSOLE_WEB_DIR": f"{CODE}/console",
    "RACKTWIN_DEFINITIONS_DIR": f"{CODE}/thing-definitions",
}
"""What processes find in the image; the same as in charts/images/Dockerfile."""


def code(commands: dict[str, str]) -> Tree:
    """Our packages and what they read; `commands` by name, each `module:function`."""
    tree = Tree()
    root = paths.repository()

    def keep(path: Path) -> bool:
        return path.name != "__pycache__" and path.suffix not in {".pyc", ".go"} and not path.name.startswith(".")

    for folder in (*IMPORT_ROOTS, "thing-definitions"):
        tree.tree(root / folder, f"{CODE}/{folder}", keep)
    tree.tree(CONSOLE_PAGE.folder / "web", f"{CODE}/console", keep)
    for name, target in commands.items():
        module, _, function = target.partition(":")
        script = f"#!{HOME}/bin/python\nimport sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n"
        tree.text(f"{HOME}/bin/{name}", script, mode=0o755)
    return tree


def version() -> str:
    """The project's version, which is the image's tag."""
    data = tomllib.loads((paths.repository() / "pyproject.toml").read_text(encoding="utf-8"))
    return str(data["project"]["version"])


def commands() -> dict[str, str]:
    """The project's commands."""
    data = tomllib.loads((paths.repository() / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(data["project"].get("scripts", {}))
