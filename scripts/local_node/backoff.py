"""Growing pauses between attempts. Pure."""

import dataclasses

_OF_A_READY_RUN = 6.0


@dataclasses.dataclass(frozen=True)
class Backoff:
    """Pauses that double from `first_s` to `longest_s`; a run of at least `longest_s` starts over."""

    first_s: float
    longest_s: float

    def pause_s(self, failures: int) -> float:
        """Pause in seconds after this many failures in a row; none before the first."""
        if failures <= 0:
            return 0.0
        # The exponent is bounded before it is used, so that a thousand failures do not overflow.
        return min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 32))

    def failures_after(self, failures: int, ran_s: float, *, was_ready: bool = False) -> int:
        """Failures in a row once a run of `ran_s` seconds has ended; a long run forgives the earlier ones.

        So does a shorter one that got ready: whatever is killed again and again while it works is not broken, and
        would otherwise wait longer each time.
        """
        long_s = self.longest_s / _OF_A_READY_RUN if was_ready else self.longest_s
        return 1 if ran_s >= long_s else failures + 1
