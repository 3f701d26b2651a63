"""Questions about a room that are computed: where a new rack fits, what the room can still carry.

Each is answered by `python -m optimiser.ask` in a process of its own, one at a time: it computes for seconds, and the
event loop, to which the fleets belong, must not wait for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final, Protocol

_PATIENCE_S: Final = 60
_QUEUE_S: Final = 30


class Unanswerable(Exception):
    """There is no answer; the text says why. ``busy`` when it is worth trying again."""

    def __init__(self, text: str, *, busy: bool = False) -> None:
        super().__init__(text)
        self.busy = busy


class Questions(Protocol):
    """Who answers."""

    def ask(self, question: str, room: str, things: Sequence[Any], now_ms: int, **more: Any) -> dict[str, Any]:
        """The answer. Raises Unanswerable."""


class OptimiserQuestions:
    """The optimiser answers."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def ask(self, question: str, room: str, things: Sequence[Any], now_ms: int, **more: Any) -> dict[str, Any]:
        """The answer."""
        body = json.dumps({"question": question, "room": room, "things": things, "now": now_ms, **more})
        if not self._turn.acquire(timeout=_QUEUE_S):
            raise Unanswerable("others ask: try again in a moment", busy=True)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "optimiser.ask"],
                input=body,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                check=False,
            )
            answer = json.loads(done.stdout)
        except subprocess.TimeoutExpired as error:
            raise Unanswerable(f"no answer within {_PATIENCE_S} s", busy=True) from error
        except ValueError as error:
            raise Unanswerable("the optimiser gave no answer", busy=True) from error
        finally:
            self._turn.release()
        if not isinstance(answer, dict) or "error" in answer:
            raise Unanswerable(str(answer["error"]) if isinstance(answer, dict) else "the optimiser gave no answer")
        return answer
