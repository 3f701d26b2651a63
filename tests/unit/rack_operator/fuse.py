"""What fails or kills at a chosen write, so that tests can cut a reconcile short at every step."""

from __future__ import annotations

from dataclasses import dataclass, field

from rack_operator.clients.http import DependencyError


class KilledError(BaseException):
    """Stands for kill -9: nothing in the operator may catch it."""


@dataclass
class Fuse:
    """Counts writes; `kill_at` ends the process at that write, before or after it took effect."""

    writes: int = 0
    kill_at: int | None = None
    after: bool = False
    down: dict[str, int] = field(default_factory=dict)
    """Dependency -> status with which it fails (0: unreachable)."""

    def check(self, dependency: str, what: str) -> None:
        if dependency in self.down:
            raise DependencyError(dependency, what, self.down[dependency], "made to fail")

    def write(self, dependency: str, what: str) -> None:
        self.check(dependency, what)
        if self.kill_at == self.writes and not self.after:
            raise KilledError
        self.writes += 1

    def written(self) -> None:
        if self.after and self.kill_at is not None and self.writes == self.kill_at + 1:
            raise KilledError
