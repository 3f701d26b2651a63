"""A stack: makes what is missing, starts components in the order of their dependencies and in parallel, mends, stops,
reports.

Everything can be repeated: `ensure` leaves alone what is healthy. Next in the flow: `demo` puts the example site onto
a running stack.
"""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

from local_stack import config, endpoints
from local_stack.component import Component, NotReadyError
from local_stack.components import COMPONENTS, with_dependencies
from local_stack.instance import LOOPBACK, Instance, write_private
from local_stack.supervision import ProcessState, Program, Supervisor
from local_stack.toolchain.builder import Builder
from local_stack.toolchain.catalogue import ARTEFACTS

Progress = Callable[[str, str], None]
"""Called with (component, what is happening to it)."""

_GONE_S = 10.0
_PROBE_PAUSE_S = 0.15
# A healthy component may fail one probe under load; three in a row are a hang.
_HANGS_AFTER = 3
# What it depends on is ready when a component starts, so one that ended this often will not come up by waiting.
_GIVES_UP_AFTER = 5


class StackError(Exception):
    """The stack could not be brought into the wanted state. The text says which component, why, and where to look."""


@dataclasses.dataclass(frozen=True)
class ComponentStatus:
    """One row of the status table."""

    name: str
    why: str
    state: str
    """ready, starting, failing, stopped or dead"""
    pid: int
    up_s: float
    detail: str


def _quiet(_component: str, _event: str) -> None:
    return None


def _no_hook() -> None:
    return None


class Stack:
    """One local stack by name."""

    def __init__(self, name: str, port_base: int | None = None) -> None:
        """Open the stack; nothing is started. `port_base` moves its ports."""
        self.instance = Instance.load(name, port_base)
        self._supervisor = Supervisor(self.instance)

    # -- preparing ----------------------------------------------------------------------------------------------------

    def build(self, names: Sequence[str] | None = None) -> None:
        """Make what the named components need and is missing. Raises BuildError."""
        chosen = with_dependencies(list(names or COMPONENTS))
        wanted = {artefact for name in chosen for artefact in COMPONENTS[name].artefacts}
        Builder().make([ARTEFACTS[artefact] for artefact in ARTEFACTS if artefact in wanted])

    def _program(self, component: Component) -> Program:
        environment = dict(component.environment(self.instance))
        files = component.files(self.instance)
        if files:
            text = "\0".join(f"{path}\0{files[path]}" for path in sorted(files))
            # A changed file changes the program's description, and so restarts it.
            environment["RACKTWIN_CONFIG_DIGEST"] = hashlib.sha256(text.encode()).hexdigest()[:16]
        for path, content in files.items():
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                write_private(path, content)
        return Program(
            name=component.name,
            command=component.command(self.instance),
            environment=environment,
            log=self.instance.logs / f"{component.name}.log",
            stop_seconds=config.stop_seconds(component.name),
        )

    # -- starting -----------------------------------------------------------------------------------------------------

    def ensure(
        self,
        names: Sequence[str] | None = None,
        progress: Progress = _quiet,
        hooks: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        """Bring the named components (all of them), and what they depend on, to readiness.

        Healthy ones are left alone, dead ones started, ones that live but fail their probe restarted. `hooks` run as
        soon as the component they are filed under is ready, beside the start of the others.

        Raises:
            BuildError: something could not be built.
            StackError: a component did not become ready.
        """
        chosen = with_dependencies(list(names or COMPONENTS))
        self.build(chosen)
        with self.instance.exclusive():
            self.instance.keep()
            self._supervise(chosen)
            self._start_all(chosen, progress, hooks or {})

    def _supervise(self, chosen: Sequence[str]) -> None:
        """Bring supervisord's programs up to date. Those outside `chosen` keep running as they are."""
        described = [
            self._program(component)
            for component in COMPONENTS.values()
            if component.name in chosen or all(ARTEFACTS[artefact].ready for artefact in component.artefacts)
        ]
        self._supervisor.ensure(described, keep=set(COMPONENTS) - set(chosen))

    def _start_all(self, chosen: Sequence[str], progress: Progress, hooks: Mapping[str, Callable[[], None]]) -> None:
        ready = {name: threading.Event() for name in chosen}
        failed = threading.Event()

        def bring_up(name: str) -> None:
            component = COMPONENTS[name]
            for dependency in component.after:
                while not ready[dependency].wait(0.1):
                    if failed.is_set():
                        return
            try:
                self._bring_up(component, progress, failed)
                # Cancelled waits return early, so that is no readiness.
                if not failed.is_set():
                    ready[name].set()
                    hooks.get(name, _no_hook)()
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(len(chosen)) as pool:
            futures = [pool.submit(bring_up, name) for name in chosen]
            try:
                errors = [error for future in futures if (error := future.exception()) is not None]
            except KeyboardInterrupt:
                failed.set()
                raise
        if errors:
            raise StackError("\n".join(str(error) for error in errors))

    def _bring_up(self, component: Component, progress: Progress, cancelled: threading.Event) -> None:
        state = self._supervisor.states()[component.name]
        limit = config.start_seconds(component.name)
        if state.alive and self._healthy(component, patient=state.up_s < limit, cancelled=cancelled):
            component.after_ready(self.instance)
            progress(component.name, "ready")
            return
        if state.alive:
            progress(component.name, "hangs, is restarted")
            self._supervisor.stop(component.name)
        self._check_ports(component)
        component.before_start(self.instance)
        progress(component.name, "starting")
        started = time.monotonic()
        self._supervisor.start(component.name)
        self._await_ready(component, started + limit, cancelled)
        if not cancelled.is_set():
            component.after_ready(self.instance)
            progress(component.name, f"ready after {time.monotonic() - started:.1f} s")

    def _healthy(self, component: Component, patient: bool, cancelled: threading.Event) -> bool:
        """Whether a living component passes its probe; one that was started just now is given its time."""
        if patient:
            with contextlib.suppress(StackError):
                self._await_ready(component, time.monotonic() + config.start_seconds(component.name), cancelled)
                return True
            return False
        for attempt in range(_HANGS_AFTER):
            try:
                component.probe(self.instance)
                return True
            except (OSError, NotReadyError):
                if attempt < _HANGS_AFTER - 1:
                    cancelled.wait(1.0)
        return False

    def _await_ready(self, component: Component, deadline: float, cancelled: threading.Event) -> None:
        reason = "no answer"
        attempts: set[int] = set()
        while not cancelled.is_set():
            try:
                component.probe(self.instance)
                return
            except (OSError, NotReadyError) as error:
                reason = str(error) or type(error).__name__
            state = self._supervisor.states().get(component.name)
            if state is not None and state.pid:
                attempts.add(state.pid)
            if len(attempts) >= _GIVES_UP_AFTER or (state is not None and state.state == "FATAL"):
                raise StackError(self._failure(component, "it ends soon after each start"))
            if time.monotonic() > deadline:
                raise StackError(self._failure(component, f"it is not ready in time: {reason}"))
            cancelled.wait(_PROBE_PAUSE_S)

    def _failure(self, component: Component, what: str) -> str:
        log = self.instance.logs / f"{component.name}.log"
        try:
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        except OSError:
            tail = []
        lines = "\n".join(f"    | {line[:240]}" for line in tail)
        return f"{component.name}: {what}\n  the end of {log}:\n{lines}"

    def _check_ports(self, component: Component) -> None:
        """Raises StackError when a port that the component needs is someone else's."""
        for name in component.ports:
            port = self.instance.port(name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((LOOPBACK, port))
                except OSError as error:
                    raise StackError(
                        f"{component.name}: port {port} ({name}) is taken by another process; stop that one, or "
                        "choose other ports with --port-base or in scripts/local_stack/settings.toml"
                    ) from error

    # -- stopping -----------------------------------------------------------------------------------------------------

    def restart(self, names: Sequence[str], progress: Progress = _quiet) -> None:
        """Stop the named components and bring them up again."""
        for name in names:
            progress(name, "stopping")
            self._supervisor.stop(name)
        self.ensure(names, progress)

    def halt(self, component: str) -> None:
        """Stop one component and leave it stopped until the next `ensure`: what a fault looks like to the others."""
        self._supervisor.stop(component)

    def stop(self, progress: Progress = _quiet) -> None:
        """Stop everything, dependants first; data stays.

        Raises:
            StackError: a process or a listener is still there afterwards.
        """
        with self.instance.exclusive():
            states = self._supervisor.states()
            processes = self._supervisor.descendants()
            self._stop_in_order(
                [name for name in COMPONENTS if name in states and states[name].state != "STOPPED"], progress
            )
            self._supervisor.shutdown()
            self._verify_gone(processes)

    def _stop_in_order(self, names: Sequence[str], progress: Progress) -> None:
        """Stop each component once nothing that depends on it runs any more; independent ones at the same time."""
        gone = {name: threading.Event() for name in names}

        def stop_one(name: str) -> None:
            for other in names:
                if name in COMPONENTS[other].after:
                    gone[other].wait()
            progress(name, "stopping")
            self._supervisor.stop(name)
            gone[name].set()
            progress(name, "stopped")

        if names:
            with ThreadPoolExecutor(len(names)) as pool:
                list(pool.map(stop_one, names))

    def _verify_gone(self, processes: list[psutil.Process]) -> None:
        _, alive = psutil.wait_procs(processes, timeout=_GONE_S)
        if alive:
            raise StackError(f"these processes are still there: {', '.join(str(process.pid) for process in alive)}")
        open_ports = [name for name in config.settings()["ports"] if _listens(self.instance.port(name))]
        if open_ports:
            raise StackError(f"something still listens on the ports of: {', '.join(open_ports)}")

    def clean(self, progress: Progress = _quiet) -> None:
        """Stop everything and remove all data, secrets and logs of the stack."""
        self.stop(progress)
        shutil.rmtree(self.instance.folder, ignore_errors=True)

    # -- reporting ----------------------------------------------------------------------------------------------------

    def status(self) -> list[ComponentStatus]:
        """Each component as it is now; probes run at the same time."""
        states = self._supervisor.states()
        with ThreadPoolExecutor(len(COMPONENTS)) as pool:
            return list(
                pool.map(lambda component: self._status(component, states.get(component.name)), COMPONENTS.values())
            )

    def _status(self, component: Component, process: ProcessState | None) -> ComponentStatus:
        if process is None or process.state in {"STOPPED", "STOPPING"}:
            return ComponentStatus(component.name, component.why, "stopped", 0, 0.0, "")
        if not process.alive:
            return ComponentStatus(component.name, component.why, "dead", 0, 0.0, process.note)
        state, detail = "ready", ""
        try:
            component.probe(self.instance)
        except (OSError, NotReadyError) as error:
            starting = process.up_s < config.start_seconds(component.name)
            state, detail = ("starting" if starting else "failing"), str(error)
        return ComponentStatus(component.name, component.why, state, process.pid, process.up_s, detail)

    def endpoints(self) -> dict[str, Any]:
        """Addresses, ports and paths of credentials, by name."""
        return endpoints.of(self.instance)

    def env_for(self, component: str) -> Mapping[str, str]:
        """The environment a component of ours runs with, secrets included. Raises KeyError."""
        return COMPONENTS[component].environment(self.instance)

    def user_env(self) -> dict[str, str]:
        """The environment for a person's or a test's tools: every setting, with an administrator's rights."""
        return endpoints.user_environment(self.instance)

    def warm_start_s(self) -> float:
        """Seconds that the last warm start of the demo took to its first prediction on a twin.

        Raises:
            StackError: it was not started warm yet: something had to be built or trained, or it ran already.
        """
        measured = self.instance.state().get("warm_start_s")
        if measured is None:
            raise StackError(f"stack {self.instance.name} has no warm start behind it: make demo-stop, then make demo")
        return float(measured)

    def process(self, component: str) -> ProcessState | None:
        """What supervisord knows of a component; None when the stack does not run."""
        return self._supervisor.states().get(component)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == os.EX_OK
