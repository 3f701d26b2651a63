"""`make test`: lint, unit tests, then contract and end-to-end tests against a stack of their own, which is stopped at
the end.

Every step runs even after one failed, so that one run tells all; the exit code is that of the worst. The stack's data
is removed before, not after: a failed run can be looked into. What needs no stack runs beside the rest; with cores
enough, the parts on a stack run beside each other too, each on its own, as what one kills the other may need. What
runs beside prints when it is done.
"""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from local_stack import model, paths
from local_stack.stack import Progress, Stack

PARTS = ("lint", "unit", "contract", "e2e")
_ON_STACK = ("contract", "e2e")
# From so many cores on, more goes side by side: four are busy without.
_MANY_CORES = 8
_INTERRUPTED = threading.Event()
# What the contract tests use of a stack, where they have one to themselves.
_CONTRACT_STACK = ("kube-apiserver", "kafka", "hono-mqtt", "hono-http", "hono-bridge", "ditto-lite", "definitions")
# About half of the time that unit tests take: what trains and simulates.
_LEARNING = ("fidelity", "optimiser", "physics", "runner", "scenarios", "training", "training_files")

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
    return _tests(f"{part} tests", [f"tests/{part}"], environment, beside=beside)


def _tests(name: str, chosen: Sequence[str], environment: Mapping[str, str], *, beside: bool) -> Result:
    return _run(name, ("-m", "pytest", *chosen, "-q", "--durations=12"), environment, beside=beside)


def _lint(*, beside: bool) -> list[Result]:
    return [_run(name, arguments, os.environ, beside=beside) for name, arguments in _LINTERS]


def _unit(*, beside: bool) -> list[Result]:
    return [_pytest("unit", os.environ, beside=beside)]


def _learning_tests() -> list[Result]:
    return [_tests("unit tests that learn", [f"tests/unit/{name}" for name in _LEARNING], os.environ, beside=True)]


def _other_tests() -> list[Result]:
    without = [f"--ignore=tests/unit/{name}" for name in _LEARNING]
    return [_tests("unit tests, the others", ["tests/unit", *without], os.environ, beside=True)]


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
    lone = [_lint] * ("lint" in chosen) + [_unit] * ("unit" in chosen)
    if not any(part in chosen for part in _ON_STACK):
        return [result for run_part in lone for result in run_part(beside=False)]
    many = chosen == list(PARTS) and _cores() >= _MANY_CORES
    columns = _side_by_side(stack) if many else [lambda: [found for part in lone for found in part(beside=True)]]
    on_stack = ["e2e"] if many else [part for part in _ON_STACK if part in chosen]
    with ThreadPoolExecutor(len(columns)) as pool:
        others = [pool.submit(column) for column in columns]
        try:
            results = _with_stack(stack, on_stack, progress)
            return [result for other in others for result in other.result()] + results
        except KeyboardInterrupt:
            # What runs has got the signal too; what would come after it in the other columns must not begin.
            _INTERRUPTED.set()
            raise


def _side_by_side(stack: Stack) -> list[Callable[[], list[Result]]]:
    """What runs beside the end-to-end tests: all the others, the contract tests on a stack of their own."""
    name = f"{stack.instance.name}-contract"

    def say(component: str, event: str) -> None:
        # In one write: several components tell at once.
        sys.stderr.write(f"  {name}: {component} {event}\n")

    return [
        partial(_lint, beside=True),
        _learning_tests,
        _other_tests,
        lambda: _with_stack(Stack(name), ["contract"], say, _CONTRACT_STACK, beside=True),
    ]


def _cores() -> int:
    """Of those that this process may use."""
    return len(os.sched_getaffinity(0))


def _with_stack(
    stack: Stack,
    parts: Sequence[str],
    progress: Progress,
    components: Sequence[str] | None = None,
    *,
    beside: bool = False,
) -> list[Result]:
    stack.clean(progress)
    try:
        if not beside:
            print("== the stack for the tests", flush=True)
        # Its models too, which the end-to-end tests need and no other.
        with ThreadPoolExecutor(1) as pool:
            training = pool.submit(model.ensure_all_trained, model.names()) if "e2e" in parts else None
            stack.ensure(components, progress=progress)
            results = []
            for part in parts:
                if part == "e2e" and training is not None:
                    training.result()
                results.append(_pytest(part, _environment(stack), beside=beside))
            return results
    finally:
        stack.stop(progress)


def report(results: Sequence[Result]) -> str:
    """One line per step."""
    return "\n".join(f"{'passed' if r.ok else 'FAILED':<7} {r.name:<26} {r.seconds:6.1f} s" for r in results)
