"""Asks smartctl of this machine's disks, seldom and beside everything else: a disk may take seconds to answer.

Where smartctl is not installed or may not be run, Linux' own files still name NVMe disks and tell their temperature. A
state says which it is. Disks that sleep are not woken. Next: `gateway.service` and `servertwin.log.drives` send it.
"""

from __future__ import annotations

import errno
import json
import queue
import shlex
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from racktwin import drives, smart
from racktwin.smart import Values

State = Literal["read", "no disks", "not installed", "not permitted", "failed"]
_TIMEOUT_S: Final = 30.0
# Characters of a complaint.
_LONGEST: Final = 240
_SYS: Final = Path("/sys/class/nvme")
_REFUSED: Final = (
    "permission denied", "operation not permitted", "must be root", "requires root", "password is required",
    "not allowed to", "not in the sudoers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Disks:
    """What was read: ``disks`` by feature (``drive.sda``); ``why`` says in words why ``state`` is not ``read``."""

    state: State
    why: str = ""
    disks: dict[str, Values] = field(default_factory=dict)


def run(command: Sequence[str]) -> bytes:
    """What a command prints; its exit status says more than whether it worked, so it is not looked at.

    Raises:
        PermissionError: what goes before smartctl, `sudo` say, does not let it be run.
        FileNotFoundError: it is not there, or what goes before it does not find it.
        OSError: it cannot be run, or has only complaints.
        subprocess.TimeoutExpired: it does not end.
    """
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False)
    complaint = " ".join(done.stderr.decode(errors="replace").split())[:_LONGEST]
    if done.stdout.strip() or not complaint:
        return done.stdout
    if _is_refusal(complaint):
        raise PermissionError(errno.EACCES, complaint)
    if "not found" in complaint or "no such file" in complaint.lower():
        raise FileNotFoundError(errno.ENOENT, complaint)
    raise OSError(errno.EIO, complaint)


def read(smartctl: str = "smartctl", *, ask: Callable[[Sequence[str]], bytes] = run, sys: Path = _SYS) -> Disks:
    """Every disk that smartctl finds; ``smartctl`` is the command, with what goes before it (``sudo -n smartctl``)."""
    command = shlex.split(smartctl)
    try:
        found = _ask(ask, [*command, "--scan-open", "--json"])
    except FileNotFoundError as error:
        return _from_sys(sys, "not installed", f"{smartctl}: {error.strerror or 'not found'}: install smartmontools")
    except PermissionError as error:
        return _from_sys(sys, "not permitted", f"{command[0]}: {error.strerror}")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return _from_sys(sys, "failed", f"{smartctl}: {error}")
    devices = [one for one in found.get("devices") or () if isinstance(one, dict) and one.get("name")]
    if not devices:
        refused = smart.problem(found) or ""
        state: State = "not permitted" if _is_refusal(refused) else "no disks"
        return _from_sys(sys, state, refused or "smartctl finds no disk")
    # Behind a RAID controller all disks have the controller's name, and only their type tells them apart.
    same = Counter(str(one["name"]) for one in devices)
    disks: dict[str, Values] = {}
    problems: list[str] = []
    for device in devices:
        name, kind = str(device["name"]), device.get("type")
        options = ["--json", "--all", "--nocheck=standby", *(["--device", str(kind)] if kind else [])]
        try:
            document = _ask(ask, [*command, *options, name])
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            problems.append(f"{name}: {error}")
            continue
        why = smart.problem(document) or (str(device["open_error"]) if device.get("open_error") else None)
        told = None if why else smart.values_of(document)
        if told is not None:
            feature = drives.feature(f"{name}-{kind}") if same[name] > 1 else None
            disks[feature or told[0]] = told[1]
        else:
            which = f"{name} ({kind})" if same[name] > 1 else name
            problems.append(f"{which}: {why or 'tells nothing'}")
    if disks:
        return Disks("read", "; ".join(problems), disks)
    return _from_sys(sys, "not permitted" if any(map(_is_refusal, problems)) else "failed", "; ".join(problems))


class Watch:
    """Reads in a thread of its own when it is due, so that nobody waits for a disk."""

    def __init__(self, every_s: float, look: Callable[[], Disks], say: Callable[[Disks], None]) -> None:
        """``say`` is told of each state that differs from the one before."""
        self._every_s, self._look, self._say = every_s, look, say
        self._due = float("-inf")
        self._thread: threading.Thread | None = None
        self._new: queue.SimpleQueue[Disks] = queue.SimpleQueue()
        self.last: Disks | None = None

    def take(self, now: float) -> dict[str, Values]:
        """What was read since the last call, by feature; ``now`` is monotonic seconds. Never waits."""
        if now >= self._due and (self._thread is None or not self._thread.is_alive()):
            self._due = now + self._every_s
            self._thread = threading.Thread(target=self._read, name="smart", daemon=True)
            self._thread.start()
        try:
            return self._new.get_nowait().disks
        except queue.Empty:
            return {}

    def wait(self, within_s: float) -> None:
        """Until the reading that is under way has ended."""
        if self._thread is not None:
            self._thread.join(within_s)

    def _read(self) -> None:
        try:
            found = self._look()
        except Exception as error:  # whatever a disk says, the other samples go on
            found = Disks("failed", f"{type(error).__name__}: {error}")
        if self.last is None or (found.state, found.why) != (self.last.state, self.last.why):
            self._say(found)
        self.last = found
        self._new.put(found)


def _ask(ask: Callable[[Sequence[str]], bytes], command: Sequence[str]) -> dict[str, Any]:
    """Raises ValueError for what is no JSON object: a smartctl before 7.0, say."""
    try:
        document = json.loads(ask(command))
    except ValueError as error:
        raise ValueError("no JSON: expected smartctl 7.0 or newer") from error
    if not isinstance(document, dict):
        raise ValueError("no JSON object: expected smartctl 7.0 or newer")  # noqa: TRY004 - of what it printed
    return document


def _is_refusal(text: str) -> bool:
    return any(words in text.lower() for words in _REFUSED)


def _from_sys(sys: Path, state: State, why: str) -> Disks:
    """NVMe disks as far as everybody may know them."""
    disks: dict[str, Values] = {}
    for controller in sorted(sys.glob("nvme*")):
        found: Values = {"mediaType": "SSD"}
        for name in ("serial", "model"):
            text = _text(controller / name)
            if text:
                found[name] = text
        for sensor in sorted(controller.glob("hwmon*/temp1_input")):
            millis = _text(sensor)
            if millis.lstrip("-").isdigit():
                found["temperature"] = int(millis) / 1000.0
        feature = drives.feature(controller.name)
        if feature is not None and len(found) > 1:
            disks[feature] = found
    return Disks(state, why, disks)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
