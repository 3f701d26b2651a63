"""A condition that ends a command with one line: what is wrong, and the next step."""

from __future__ import annotations


class Failure(Exception):
    """What is wrong; `next_step` is what to do."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(f"{what}\n  next: {next_step}")
