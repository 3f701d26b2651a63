"""Runs a stack's processes under supervisord (the `supervisor` package): one daemon per stack, steered by XML-RPC on
a unix socket.

supervisord restarts what dies, with growing pauses, and rotates logs. Every child gets a parent-death signal, so that
nothing is left behind even when supervisord itself is killed. Order and readiness are the business of `stack`.
"""

import contextlib
import dataclasses
import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from local_stack.instance import Instance, write_private

# A unix socket's path may have 107 bytes; supervisord first makes one with its pid appended.
_SOCKET_PATH_LIMIT = 90
_DAEMON_START_S = 15.0


class SupervisionError(Exception):
    """supervisord did not do what it was asked."""


@dataclasses.dataclass(frozen=True)
class Program:
    """What supervisord runs."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_seconds: int


@dataclasses.dataclass(frozen=True)
class ProcessState:
    """What supervisord knows of a process."""

    name: str
    state: str
    """STOPPED STARTING RUNNING BACKOFF STOPPING EXITED FATAL UNKNOWN"""
    pid: int
    up_s: float
    """Seconds since it was started; 0 when it does not run."""
    note: str

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self.state in {"STARTING", "RUNNING"} and self.pid > 0


def _escape(text: str) -> str:
    """supervisord expands %(…)s everywhere."""
    return text.replace("%", "%%")


def _environment(values: Mapping[str, str]) -> str:
    for key, value in values.items():
        if '"' in value or "\n" in value:
            raise ValueError(f"environment {key}: supervisord's configuration cannot hold quotes or line breaks")
    return ",".join(f'{key}="{_escape(value)}"' for key, value in sorted(values.items()))


def program_section(program: Program) -> str:
    """The part of a configuration file that describes one program."""
    command = shlex.join(["setpriv", "--pdeathsig", "TERM", "--", *program.command])
    return "\n".join(
        [
            f"[program:{program.name}]",
            f"command={_escape(command)}",
            f"environment={_environment(program.environment)}",
            # The stack starts programs in the order of their dependencies.
            "autostart=false",
            "autorestart=true",
            # A process that lives shorter counts as a failed start; pauses between those grow by a second each.
            "startsecs=3",
            "startretries=40",
            "stopsignal=TERM",
            f"stopwaitsecs={program.stop_seconds}",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={_escape(str(program.log))}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
            "",
        ]
    )


def configuration(folder: Path, socket: Path, programs: Sequence[Program]) -> str:
    """The whole configuration file."""
    place = _escape(str(folder))
    head = f"""\
[supervisord]
logfile={place}/logs/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
loglevel=info
pidfile={place}/supervisord.pid
childlogdir={place}/logs
umask=077
identifier=racktwin
[unix_http_server]
file={_escape(str(socket))}
chmod=0600
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "\n".join(program_section(program) for program in programs)


def socket_path(folder: Path) -> Path:
    """Where the daemon listens: in its folder, or in a private folder of the temporary one where that is too deep."""
    wanted = folder / "supervisor.sock"
    if len(str(wanted)) <= _SOCKET_PATH_LIMIT:
        return wanted
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    private = Path(tempfile.gettempdir()) / f"racktwin-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid():
        raise SupervisionError(f"{private} belongs to someone else; remove it")
    return private / f"{digest}.sock"


class Supervisor:
    """The daemon of one stack."""

    def __init__(self, instance: Instance) -> None:
        """Nothing is started or read yet."""
        self._folder = instance.folder
        self._file = instance.config_dir / "supervisord.conf"
        self._socket = socket_path(instance.folder)

    def _call(self, method: str, *arguments: object) -> Any:
        """One XML-RPC call on a connection of its own, so that threads do not share one."""
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = ServerProxy("http://127.0.0.1", transport=transport)
        function: Any = proxy
        for part in method.split("."):
            function = getattr(function, part)
        try:
            return function(*arguments)
        finally:
            transport.close()

    def running(self) -> bool:
        """Whether the daemon answers."""
        try:
            return bool(self._call("supervisor.getState")["statename"] == "RUNNING")
        except (OSError, Fault, EOFError):
            return False

    def pid(self) -> int | None:
        """The daemon's process id."""
        try:
            return int(self._call("supervisor.getPID"))
        except (OSError, Fault, EOFError):
            return None

    def descendants(self) -> list[psutil.Process]:
        """The daemon and every process below it, those of local_node's pods included."""
        pid = self.pid()
        try:
            daemon = psutil.Process(pid) if pid is not None else None
            return [daemon, *daemon.children(recursive=True)] if daemon is not None else []
        except psutil.NoSuchProcess:
            return []

    def ensure(self, programs: Sequence[Program], keep: set[str]) -> None:
        """Run the daemon with these programs. Programs whose description changed are stopped, unless their name is in
        `keep`.

        Raises:
            SupervisionError: the daemon did not come up.
        """
        text = configuration(self._folder, self._socket, programs)
        unchanged = self._file.exists() and self._file.read_text(encoding="utf-8") == text
        (self._folder / "logs").mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self._file, text)
        if not self.running():
            self._launch()
        elif not unchanged:
            self._reload(keep)

    def _launch(self) -> None:
        # What is set in the user's shell must not change what a stack does.
        environment = {
            key: value for key, value in os.environ.items() if not re.match(r"RACKTWIN_(?!HOME)|KUBECONFIG$", key)
        }
        result = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(self._file)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=self._folder,
            check=False,
        )
        deadline = time.monotonic() + _DAEMON_START_S
        while result.returncode == 0 and time.monotonic() < deadline:
            if self.running():
                return
            time.sleep(0.05)
        raise SupervisionError(
            f"supervisord did not start: {(result.stderr or result.stdout).strip()[-500:]}\n"
            f"  its log is {self._folder / 'logs' / 'supervisord.log'}"
        )

    def _reload(self, keep: set[str]) -> None:
        added, changed, removed = self._call("supervisor.reloadConfig")[0]
        for name in removed + [name for name in changed if name not in keep]:
            with contextlib.suppress(Fault):
                self._call("supervisor.stopProcessGroup", name, True)
            self._call("supervisor.removeProcessGroup", name)
        for name in added + [name for name in changed if name not in keep]:
            self._call("supervisor.addProcessGroup", name)

    def states(self) -> dict[str, ProcessState]:
        """Every program by name; empty when the daemon does not run."""
        try:
            rows = self._call("supervisor.getAllProcessInfo")
        except (OSError, Fault, EOFError):
            return {}
        return {
            row["name"]: ProcessState(
                name=row["name"],
                state=row["statename"],
                pid=int(row["pid"]),
                up_s=float(row["now"] - row["start"]) if row["pid"] else 0.0,
                note=str(row["spawnerr"] or row["description"]),
            )
            for row in rows
        }

    def start(self, name: str) -> None:
        """Start a program and return at once; it is no error when it runs already."""
        with contextlib.suppress(Fault):
            self._call("supervisor.startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop a program and wait until it is gone; it is no error when it does not run."""
        with contextlib.suppress(Fault):
            self._call("supervisor.stopProcess", name, True)

    def shutdown(self) -> None:
        """End the daemon and with it whatever still runs; return when its process is gone."""
        pid = self.pid()
        if pid is None:
            return
        with contextlib.suppress(OSError, Fault, EOFError):
            self._call("supervisor.shutdown")
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.05)
