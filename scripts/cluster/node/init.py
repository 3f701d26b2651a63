"""The first process of a node: starts its programs, starts again what ends, takes in orphans, and on TERM ends
everything.

As process 1 of a namespace it is the parent of whatever loses its own, so it waits for every child. When it ends, the
kernel kills what is left and drops the node's mounts.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cluster.node.spec import NodeProgram, NodeSpec

_RESTART_PAUSE_S = 1.0
_AFTER_S = 60.0
_POLL_S = 0.1
# Databases in pods get this long to close their files.
_GRACE_S = 12.0


class Programs:
    """The node's programs, and when each that ended is due again."""

    def __init__(self, programs: tuple[NodeProgram, ...], clock: Callable[[], float] = time.monotonic) -> None:
        """None runs yet; all are due now."""
        self._clock = clock
        self._due = {program.name: (program, clock()) for program in programs}
        self._running: dict[int, NodeProgram] = {}
        self._began = clock()

    def due(self) -> list[NodeProgram]:
        """What has to be started now; a program that waits for a file is started without it after a minute."""
        now = self._clock()
        return [
            program
            for program, at in self._due.values()
            if at <= now and (not program.after or Path(program.after).exists() or now - self._began > _AFTER_S)
        ]

    def started(self, program: NodeProgram, pid: int) -> None:
        """It runs as `pid`."""
        self._due.pop(program.name, None)
        self._running[pid] = program

    def ended(self, pid: int) -> NodeProgram | None:
        """A process ended; the program it was, which is due again soon, or None for an orphan."""
        program = self._running.pop(pid, None)
        if program is not None:
            self._due[program.name] = (program, self._clock() + _RESTART_PAUSE_S)
        return program

    @property
    def pids(self) -> list[int]:
        """Of what runs."""
        return list(self._running)


def _start(program: NodeProgram) -> int:
    with Path(program.log).open("a", encoding="utf-8") as log:
        child = subprocess.Popen(
            program.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    # It is waited for together with all orphans, not by its own object.
    child.returncode = 0
    return child.pid


def _reap() -> list[int]:
    ended: list[int] = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append(pid)


def _alone() -> bool:
    # A namespace's /proc shows its processes alone.
    return not any(entry.name.isdigit() and entry.name != "1" for entry in Path("/proc").iterdir())


def _end_everything(programs: Programs) -> None:
    """End the node's own programs first, so that none starts again what ends, then all containers."""
    for pid in programs.pids:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _GRACE_S
    os.kill(-1, signal.SIGTERM)
    while not _alone() and time.monotonic() < deadline:
        _reap()
        time.sleep(_POLL_S)


def run(spec: NodeSpec) -> int:
    """Keep the node's programs running until TERM; the exit code."""
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="utf-8")
    programs = Programs(spec.programs)
    while not stopping:
        for program in programs.due():
            programs.started(program, _start(program))
        time.sleep(_POLL_S)
        for pid in _reap():
            if program_ended := programs.ended(pid):
                print(f"{program_ended.name} ended and is started again", file=sys.stderr, flush=True)
    _end_everything(programs)
    return 0
