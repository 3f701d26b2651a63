"""`make test`: lint, unit tests, then contract and end-to-end tests against a stack of their own, which is stopped at
the end.

Every step runs even after one failed, so that one run tells all; the exit code is that of the worst. The stack's data
is removed before, not after: a failed run can be looked into. Lint and unit tests need no stack and run beside the
rest, which mostly waits; what they print comes when they are done.
"""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from local_stack import model, paths
from local_stack.stack import Progress, Stack

PARTS = ("lint", "unit", "contract", "e2e")
_ON_STACK = ("contract", "e2e")
_INTERRUPTED = threading.Event()

_LINTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ruff", ("-m", "ruff", "check", ".")),
    ("format", ("-m", "ruff", "format", "--check", ".")),
    ("mypy", ("-m", "mypy", "services", "operators", "ml-models", "scripts")),
    ("layers", ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")),
    ("CRDs are current", ("-m", "rack_operator.crds", "--check")),
    ("Thing Models are current", ("-m", "definitions.generate", "--check")),
    ("values schema is current", ("-m", "check_charts.schema", "--check")),
    ("dashboards are current", ("-m", "dashboards.generate", "--check")),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """How one step ended."""

    name: str
    ok: bool
    seconds: float


def _run(name: str, arguments: Sequence[str], environment: Mapping[str, str], *, beside: bool = False) -> Result:
    """One step; ``beside`` others: what it prints is kept until its end, so that no two mix."""
    if _INTERRUPTED.is_set():
        return Result(name, False, 0.0)
    if not beside:
        print(f"== {name}", flush=True)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=paths.repository(),
        env=dict(environment),
        check=False,
        stdout=subprocess.PIPE if beside else None,
        stderr=subprocess.STDOUT if beside else None,
        text=True,
    )
    if beside:
        print(f"== {name} (ran beside)\n{done.stdout}", end="", flush=True)
    return Result(name, done.returncode == 0, time.monotonic() - began)


def _pytest(part: str, environment: Mapping[str, str], *, beside: bool = False) -> Result:
    arguments = ("-m", "pytest", f"tests/{part}", "-q", "--durations=12")
    return _run(f"{part} tests", arguments, environment, beside=beside)


def _without_stack(chosen: Iterable[str], *, beside: bool) -> list[Result]:
    results: list[Result] = []
    if "lint" in chosen:
        results += [_run(name, arguments, os.environ, beside=beside) for name, arguments in _LINTERS]
    if "unit" in chosen:
        results.append(_pytest("unit", os.environ, beside=beside))
    return results


def _environment(stack: Stack) -> dict[str, str]:
    """What tests find: where the stack is, with an administrator's rights."""
    values = {**os.environ, **stack.user_env(), "RACKTWIN_STACK": stack.instance.name}
    # The contract suite runs on any Ditto that the caller names.
    values.setdefault("DITTO_URL", stack.endpoints()["ditto_url"])
    return values


def run(stack: Stack, parts: Sequence[str], progress: Progress) -> list[Result]:
    """Run the parts of PARTS that are named, all of them when none is; the stack is stopped at the end, whatever
    happens.

    Raises:
        BuildError, StackError, TrainingError: the stack for the tests did not come up.
    """
    chosen = [part for part in PARTS if not parts or part in parts]
    on_stack = [part for part in _ON_STACK if part in chosen]
    if not on_stack:
        return _without_stack(chosen, beside=False)
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(_without_stack, chosen, beside=True)
        before = signal.signal(signal.SIGINT, _interrupt)
        try:
            results = _with_stack(stack, on_stack, progress)
            return others.result() + results
        finally:
            signal.signal(signal.SIGINT, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Steps that run get the signal too and end; none that would come after them may begin."""
    _INTERRUPTED.set()
    signal.default_int_handler(number, frame)


def _with_stack(stack: Stack, parts: Sequence[str], progress: Progress) -> list[Result]:
    stack.clean(progress)
    try:
        print("== the stack for the tests", flush=True)
        # Its models too, which the end-to-end tests need and no other.
        with ThreadPoolExecutor(1) as pool:
            training = pool.submit(model.ensure_all_trained, model.names())
            stack.ensure(progress=progress)
            results = []
            for part in parts:
                if part == "e2e":
                    training.result()
                results.append(_pytest(part, _environment(stack)))
            return results
    finally:
        stack.stop(progress)


def report(results: Sequence[Result]) -> str:
    """One line per step."""
    return "\n".join(f"{'passed' if r.ok else 'FAILED':<7} {r.name:<26} {r.seconds:6.1f} s" for r in results)
