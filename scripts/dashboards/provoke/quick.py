"""Processes of a running stack in quicker time, in place of the stack's own while a run lasts. Next: `stage`.

They are the same programs with other settings, in the stack's Kafka groups; they end with whoever started them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from local_stack import Stack

# A restart would cost it the day that its calibrations are made from: it is stopped where it is, and goes on.
_RESTS: Final = frozenset({"fidelity"})
_STOP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    log: IO[bytes]


class Quick:
    """Those that run now. ``home``: where their logs go."""

    def __init__(self, stack: Stack, home: Path) -> None:
        self._stack, self._home = stack, home
        self._running: dict[str, _Running] = {}
        self._replaced: list[str] = []

    def run(self, component: str, settings: Mapping[str, str]) -> None:
        """Let a component's process run with these settings besides its own, instead of the stack's."""
        self._replaced.append(component)
        if component in _RESTS:
            self._signal(component, signal.SIGSTOP)
        else:
            self._stack.halt(component)
        environment = {**os.environ, **self._stack.env_for(component), "RACKTWIN_HEALTH_PORT": "0", **settings}
        log = (self._home / f"{component}.log").open("ab")
        command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", component]
        # In a session of its own: at Ctrl-C it goes on until it is told to end, as what clears still needs it.
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self._running[component] = _Running(process, log)

    def dead(self) -> list[str]:
        """Those that ended by themselves, with where they say why."""
        return [f"{name} (see {one.log.name})" for name, one in self._running.items() if one.process.poll() is not None]

    def stop(self) -> None:
        """End them all."""
        for one in self._running.values():
            one.process.terminate()
        for one in self._running.values():
            try:
                one.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
            one.log.close()
        self._running.clear()

    def restore(self) -> None:
        """Let the stack's own run again.

        Raises:
            StackError: one does not become ready.
        """
        for component in _RESTS.intersection(self._replaced):
            self._signal(component, signal.SIGCONT)
        replaced, self._replaced = self._replaced, []
        if replaced:
            self._stack.ensure(replaced)

    def _signal(self, component: str, what: signal.Signals) -> None:
        process = self._stack.process(component)
        if process is not None and process.pid > 0:
            os.kill(process.pid, what)
