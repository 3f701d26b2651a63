"""How long a prediction takes: from the time a reading was handed to Kafka to when the prediction made from it is read
from Kafka, and where the time goes. Part of `bench.models`.

Every rack reports once a second from before the runner starts until after the last reading that counts, without a
pause. The count begins when every rack was predicted and every runner has committed: the first prediction of a rack
after a start is made from readings that were there before the runner. From then on every prediction counts whose
reading was handed over within the time.

Stages of a prediction: `decided`, from the reading to the call of the model (Kafka, consumer, wait for others to share
a call with); `written`, until the broker appended it; `read`, until the listener has it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from bench import models_offer
from bench.models_offer import PARTITIONS, SITE, Offerer
from bench.models_runner import Runner
from bench.sightings import percentile
from racktwin.messages import decode_prediction
from racktwin.names import own_topic

_START_S: Final = 120.0
# The interval between two predictions of a rack, and two inlets at three horizons.
_INTERVAL_S: Final = 10
_PER_RACK: Final = 6
# So long after the last reading that counts predictions are still waited for, while readings go on.
_AFTER_S: Final = 3.0


@dataclass(frozen=True)
class Seen:
    """One prediction. Times in epoch ms."""

    based_on: int
    issued_at: int
    written_at: int
    seen_at: float

    @property
    def total_ms(self) -> float:
        """From the reading until the prediction was here."""
        return self.seen_at - self.based_on

    @property
    def stages_ms(self) -> dict[str, float]:
        """Where the time went."""
        return {
            "decided": self.issued_at - self.based_on,
            "written": self.written_at - self.issued_at,
            "read": self.seen_at - self.written_at,
        }


@dataclass(frozen=True)
class Latency:
    """`cores`: processor time of all runners per second."""

    found: list[Seen]
    warm_s: float
    cores: float

    def ms(self, share: float) -> float:
        """The latency that this share of the predictions does not exceed."""
        return percentile([one.total_ms for one in self.found], share)

    def __str__(self) -> str:
        """The latencies, stage by stage, and where the slowest hundredth lost its time."""

        def spelled(values: list[float]) -> str:
            return "/".join(f"{percentile(values, share):.0f}" for share in (0.5, 0.99, 1.0))

        stages = [one.stages_ms for one in self.found]
        slowest = sorted(self.found, key=lambda one: one.total_ms)[-max(1, len(self.found) // 100) :]
        parts = ", ".join(f"{name} {spelled([stage[name] for stage in stages])}" for name in stages[0])
        lost = ", ".join(
            f"{name} {sum(one.stages_ms[name] for one in slowest) / len(slowest):.0f}" for name in stages[0]
        )
        totals = spelled([one.total_ms for one in self.found])
        return (
            f"{len(self.found):,} predictions, ms p50/p99/max {totals} ({parts}); the slowest hundredth on average: "
            f"{lost}; warm after {self.warm_s:.1f} s, {self.cores:.2f} cores"
        )


class Listener(threading.Thread):
    """Reads the predictions topic as any consumer would."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(name="listener", daemon=True)
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"bench-{time.time_ns()}"})
        self._consumer.assign([TopicPartition(own_topic("predictions", SITE), p, 0) for p in range(PARTITIONS)])
        self._over = threading.Event()
        self.found: list[Seen] = []
        self.things: set[str] = set()

    def run(self) -> None:
        while not self._over.is_set():
            # Kafka's client wakes for the first that comes; what came with it is taken along.
            first = self._consumer.poll(0.1)
            if first is None:
                continue
            messages = [first, *self._consumer.consume(2000, 0)]
            now = time.time() * 1000
            for message in messages:
                payload = message.value()
                if message.error() is None and payload is not None:
                    prediction = decode_prediction(payload)
                    written = message.timestamp()[1]
                    self.found.append(Seen(prediction.based_on, prediction.issued_at, written, now))
                    self.things.add(prediction.thing)

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join(5)
        self._consumer.close()


def group(number: int) -> str:
    """Consumer group of a runner: each has its own, as runners of different models have."""
    return f"bench-latency-{number}"


@contextmanager
def running(bootstrap: str, folder: Path, log: Path, count: int) -> Iterator[list[Runner]]:
    """So many runners beside each other."""
    runners: list[Runner] = []
    try:
        for number in range(count):
            runners.append(Runner(bootstrap, folder, log, RACKTWIN_CONSUMER_GROUP=group(number)))
        yield runners
    finally:
        for runner in runners:
            runner.stop()


def _warm(bootstrap: str, runners: list[Runner], listener: Listener, racks: int) -> None:
    """Until every rack was predicted and every runner has committed, which it does after its first predictions."""
    asked = [TopicPartition(own_topic("readings", SITE), p) for p in range(PARTITIONS)]
    clients = [Consumer({"bootstrap.servers": bootstrap, "group.id": group(n)}) for n in range(len(runners))]
    deadline = time.monotonic() + _START_S
    try:
        waiting = list(clients)
        while waiting or len(listener.things) < racks:
            for runner in runners:
                runner.cpu_s()
            if time.monotonic() > deadline:
                raise SystemExit(
                    f"bench: after {_START_S:.0f} s {len(waiting)} runner(s) have not begun, {len(listener.things)} of "
                    f"{racks} racks were predicted"
                )
            waiting = [c for c in waiting if any(p.offset < 0 for p in c.committed(asked, timeout=10))]
            time.sleep(0.2)
    finally:
        for client in clients:
            client.close()


def latency(bootstrap: str, folder: Path, log: Path, racks: int, seconds: int, *, count: int = 1) -> Latency:
    """Predictions of readings handed over within so many seconds, by `count` runners beside each other.

    Raises SystemExit when a third of them or more did not come.
    """
    models_offer.make_topics(bootstrap, stamped=True)
    offerer = Offerer(bootstrap, own_topic("readings", SITE))
    over = threading.Event()
    offering = threading.Thread(target=offerer.paced, args=(racks, over), name="offerer", daemon=True)
    listener = Listener(bootstrap)
    listener.start()
    offering.start()
    try:
        with running(bootstrap, folder, log, count) as runners:
            began = time.monotonic()
            _warm(bootstrap, runners, listener, racks)
            warm_s = time.monotonic() - began
            start, cpu = time.time() * 1000, sum(runner.cpu_s() for runner in runners)
            time.sleep(seconds)
            stop, used = time.time() * 1000, sum(runner.cpu_s() for runner in runners) - cpu
            time.sleep(_AFTER_S)
            if not offering.is_alive():
                raise SystemExit("bench: the readings stopped")
    finally:
        over.set()
        offering.join(70)
        listener.stop()
    found = [one for one in listener.found if start <= one.based_on < stop]
    wanted = racks * _PER_RACK * count * seconds // _INTERVAL_S
    if len(found) < wanted * 2 / 3:
        raise SystemExit(f"bench: {len(found)} predictions in {seconds} s, about {wanted} were to come")
    return Latency(found, warm_s, used / seconds)
