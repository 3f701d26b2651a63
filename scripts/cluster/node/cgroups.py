"""The control groups of a node: made before it starts, removed when nothing of it is left. Version 1 and 2."""

import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_EMPTY_S = 10.0


def is_unified(root: Path = ROOT) -> bool:
    """Whether the machine has version 2 alone."""
    return (root / "cgroup.controllers").exists()


def hierarchies(root: Path = ROOT) -> list[Path]:
    """The roots of all hierarchies: one with version 2, one per controller with version 1."""
    if is_unified(root):
        return [root]
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def make(name: str, root: Path = ROOT) -> None:
    """Make the group `name` in every hierarchy, ready to hold others."""
    for hierarchy in hierarchies(root):
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        if is_unified(root):
            controllers = (root / "cgroup.controllers").read_text(encoding="utf-8").split()
            wanted = " ".join(f"+{controller}" for controller in controllers)
            for folder in (root, group):
                (folder / "cgroup.subtree_control").write_text(wanted, encoding="utf-8")
        elif (group / "cpuset.cpus").exists():
            # A group of version 1 starts without any core or memory node, and can hold nothing.
            for file in ("cpuset.cpus", "cpuset.mems"):
                (group / file).write_text((hierarchy / file).read_text(encoding="utf-8"), encoding="utf-8")


def remove(name: str, root: Path = ROOT) -> None:
    """Remove the group `name` and all below it, everywhere.

    Raises:
        OSError: processes are still in it after 10 s.
    """
    deadline = time.monotonic() + _EMPTY_S
    for hierarchy in hierarchies(root):
        while True:
            try:
                _remove_tree(hierarchy / name)
                break
            except OSError:
                # The kernel takes a moment to let go of processes that were killed.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _remove_tree(group: Path) -> None:
    if not group.exists():
        return
    for child in group.iterdir():
        if child.is_dir():
            _remove_tree(child)
    group.rmdir()
