"""Starts a node: makes its namespaces, plugs its cable into the bridge, and runs `init` inside. Run by supervisord as
`python -m cluster.node.launch SPEC`.

Two processes stand outside the node: this one, in the host's network, and a helper between the namespaces. Each ends
with the one above it, so a killed launcher takes the whole node along. Only the standard library is used: the process
stays in memory as long as the node.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from cluster.node import cgroups, init
from cluster.node.spec import NodeSpec, load

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NAMESPACE, _NEW_UTS, _NEW_IPC, _NEW_PID, _NEW_NETWORK = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
_PR_SET_PDEATHSIG = 1


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones. Raises OSError."""
    _checked(_LIBC.unshare(flags), "unshare")


def die_with_parent() -> None:
    """Be killed when the parent ends. Raises OSError."""
    _checked(_LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _wait_for(child: int) -> int:
    """Pass a TERM on to the child and wait for its end; its exit code."""

    def forward(number: int, _frame: object) -> None:
        os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _cable(spec: NodeSpec) -> str:
    """A virtual cable, one end in the bridge; the name of the free end."""
    free_end = f"{spec.link}p"
    # A node that was killed a moment ago may have left its cable.
    subprocess.run(["ip", "link", "del", spec.link], check=False, capture_output=True)
    _ip("link", "add", spec.link, "type", "veth", "peer", "name", free_end)
    _ip("link", "set", spec.link, "master", spec.bridge, "up")
    return free_end


def _network(spec: NodeSpec, cable: str) -> None:
    _ip("link", "set", cable, "name", "eth0")
    _ip("addr", "add", spec.address, "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("link", "set", device, "up")
    _ip("route", "add", "default", "via", spec.gateway)
    for network, hop in spec.routes:
        _ip("route", "add", network, "via", hop)


def _file_systems(spec: NodeSpec) -> None:
    # Private first, so that nothing mounted here is seen outside; then shared among the node's own, as kubelet wants.
    _mount("--make-rprivate", "/")
    _mount("--make-rshared", "/")
    for folder in spec.hidden:
        if Path(folder).is_dir() and not Path(folder).is_symlink():
            _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)


def _inside(spec: NodeSpec, cable: str, ready: socket.socket) -> int:
    """The helper: new namespaces, then the node's first process; its exit code."""
    die_with_parent()
    unshare(_NEW_NAMESPACE | _NEW_UTS | _NEW_IPC | _NEW_NETWORK)
    ready.sendall(b"u")
    if ready.recv(1) != b"c":
        return 1
    socket.sethostname(spec.name)
    _network(spec, cable)
    _file_systems(spec)
    unshare(_NEW_PID)
    child = os.fork()
    if child == 0:
        die_with_parent()
        _mount("-t", "proc", "proc", "/proc")
        for setting, shown in spec.kernel_settings:
            _mount("--bind", shown, f"/proc/sys/{setting}")
        os.environ["PATH"] = spec.path
        os._exit(init.run(spec))
    return _wait_for(child)


def launch(spec: NodeSpec) -> int:
    """Run the node until it ends or a TERM comes; its exit code."""
    # File systems of containers must be readable for users that are not root, whatever the caller's mask.
    os.umask(0o022)
    # Groups of a life that ended at once would be looked into by kubelet, seconds for each, before it is ready.
    cgroups.remove(spec.cgroup)
    cgroups.make(spec.cgroup)
    cable = _cable(spec)
    ours, theirs = socket.socketpair()
    helper = os.fork()
    if helper == 0:
        ours.close()
        os._exit(_inside(spec, cable, theirs))
    theirs.close()
    if ours.recv(1) != b"u":
        return 1
    _ip("link", "set", cable, "netns", str(helper))
    ours.sendall(b"c")
    return _wait_for(helper)


if __name__ == "__main__":
    sys.exit(launch(load(Path(sys.argv[1]))))
