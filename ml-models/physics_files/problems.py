"""What is wrong with a file that somebody brought. The text names the file, the column or the thing, and what helps."""

from __future__ import annotations


class FileProblem(ValueError):
    """A file cannot be used; `str()` says why, `next_step` what to do."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.next_step = next_step
