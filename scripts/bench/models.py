"""The models measured: the runner from Kafka to Kafka beside the usual loop, and how good each model is on plants that
its training never saw.

1. ``--racks`` racks with a filled window of an hour each: how many predictions (a value with its interval, for one
   target and horizon) the runner makes of fresh readings per second of its own processor time. Counted once each rack
   was predicted, since first predictions are held back for Ditto's sake; each round of readings brings one of each.
2. The usual loop (`bench.models_naive`) on the same records, model and broker, in the same run.
3. 1,000 racks at one reading a second and feature: from the time a reading was handed to Kafka to when the prediction
   made from it is read from Kafka (`bench.models_latency`).
4. Quality (`python -m training evaluate`): parity, error, skill and coverage of forecasts, and what the detecting
   models find and wrongly find, on simulated plants, seeds and faults unseen in training.

Progress goes to stderr, the figures are the last line on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from bench import models_offer
from bench.models_latency import latency
from bench.models_offer import PARTITIONS, SITE, Offerer
from bench.models_runner import Runner
from local_stack import Stack, model
from racktwin.names import own_topic

STACK: Final = "bench-models"
PARTS: Final = ("serving", "latency", "quality")
_MODEL: Final = "inlet-temperature"
_LATENCY_RACKS: Final = 1000
# Four intervals: each rack is predicted four times.
_LATENCY_S: Final = 40
_WINDOW_S: Final = 3600
# One reading in each cell is what windows hold in life. Ours cost the same however few cells are filled, so those of
# 10,000 racks are filled thinly; the usual loop's cost depends on it, and it gets whole windows of the racks it serves.
_WINDOW_EVERY_S: Final = 120
_USUAL_EVERY_S: Final = 10
# Two inlets at three horizons; and how long the first of all racks may take.
_PER_RACK: Final = 6
_FIRST_S: Final = 240.0


def say(text: str) -> None:
    """Progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def end_offsets(consumer: Consumer, topic: str) -> int:
    """How many records a topic has had."""
    return sum(consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in range(PARTITIONS))


class Meter:
    """Counts what the runner has consumed and produced."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"racktwin-model-{_MODEL}"})
        self._readings = own_topic("readings", SITE)
        self._predictions = own_topic("predictions", SITE)

    def predictions(self) -> int:
        """Predictions so far."""
        return end_offsets(self._consumer, self._predictions)

    def lag(self) -> int:
        """Readings that the runner has not committed yet."""
        asked = [TopicPartition(self._readings, p) for p in range(PARTITIONS)]
        committed = sum(max(0, p.offset) for p in self._consumer.committed(asked, timeout=10))
        return end_offsets(self._consumer, self._readings) - committed

    def wait_idle(self, runner: Runner, seconds: float = 300.0) -> None:
        """Until the runner has committed everything. Raises SystemExit when it does not."""
        deadline = time.monotonic() + seconds
        while self.lag() > 0:
            runner.cpu_s()
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: the runner still lags by {self.lag()} readings after {seconds:.0f} s")
            time.sleep(0.25)

    def close(self) -> None:
        """Let go."""
        self._consumer.close()


def throughput(bootstrap: str, folder: Path, racks: int, rounds: int, log: Path) -> dict[str, float]:
    """Predictions per second of the runner's processor time, with full windows of `racks` racks."""
    models_offer.make_topics(bootstrap)
    offerer = Offerer(bootstrap, own_topic("readings", SITE))
    now = int(time.time() * 1000)
    filled = offerer.windows(racks, now, _WINDOW_S, _WINDOW_EVERY_S)
    offerer.flush()
    say(f"{filled:,} readings fill the windows of {racks:,} racks")
    # A turn every millisecond: every fresh reading of a target brings a prediction.
    runner = Runner(bootstrap, folder, log, RACKTWIN_PREDICTION_INTERVAL_S="0.001", RACKTWIN_STALE_AFTER_S="120")
    meter = Meter(bootstrap)
    try:
        meter.wait_idle(runner)
        deadline = time.monotonic() + _FIRST_S
        fresh = 0
        while fresh < racks * _PER_RACK:
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: a round brings only {fresh} predictions after {_FIRST_S:.0f} s")
            known = meter.predictions()
            offerer.offer(racks, int(time.time() * 1000))
            offerer.flush()
            meter.wait_idle(runner)
            time.sleep(0.2)
            fresh = meter.predictions() - known
        time.sleep(1)
        before, cpu, began = meter.predictions(), runner.cpu_s(), time.perf_counter()
        offered = 0
        for _ in range(rounds):
            offered += offerer.offer(racks, int(time.time() * 1000))
            offerer.flush()
            meter.wait_idle(runner)
            # Those that came last wait for others to share a call with.
            time.sleep(0.2)
        made, used, took = meter.predictions() - before, runner.cpu_s() - cpu, time.perf_counter() - began
        rss = runner.rss_mb()
    finally:
        meter.close()
        runner.stop()
    say(f"runner: {made:,} predictions of {offered:,} readings, {used:.1f} CPU-s in {took:.1f} s, {rss:.0f} MB")
    return {"predictions": made, "cpu_s": used, "readings": offered, "rss_mb": rss}


def usual_loop(bootstrap: str, folder: Path, racks: int, readings: int) -> dict[str, float]:
    """The same of the usual loop; its windows are filled too, for as many racks as it takes readings of."""
    models_offer.make_topics(bootstrap, ".naive")
    topic = own_topic("readings", SITE) + ".naive"
    offerer = Offerer(bootstrap, topic)
    now = int(time.time() * 1000)
    few = max(1, min(racks, readings // 3))
    warm = offerer.windows(few, now, _WINDOW_S, _USUAL_EVERY_S)
    offerer.flush()
    fresh = offerer.offer(few, now)
    offerer.flush()
    # One thread of linear algebra, as ours; its onnxruntime is as it comes.
    command = [sys.executable, "-m", "bench.models_naive", "--bootstrap", bootstrap, "--topic", topic]
    command += ["--model-dir", str(folder), "--warm", str(warm), "--readings", str(fresh)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: the usual loop failed: {done.stderr[-800:]}")
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    say(f"usual loop: {result}")
    return result


def quality() -> dict[str, Any]:
    """What `python -m training evaluate` says of all models, as the present sources train them."""
    done = subprocess.run(
        [sys.executable, "-m", "training", "evaluate", "--models-dir", str(model.folder("evaluated"))],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit("bench: the evaluation failed")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def main(argv: list[str] | None = None) -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.models", description=__doc__)
    parser.add_argument("--racks", type=int, default=10_000, help="racks with full windows (default 10,000)")
    parser.add_argument("--rounds", type=int, default=4, help="readings of each rack and feature that are counted")
    parser.add_argument("--usual", type=int, default=1500, help="readings that the usual loop is given")
    parser.add_argument("--runners", type=int, default=1, help="runners beside each other in the latency's part")
    parser.add_argument("--part", choices=("all", *PARTS), default="all", help="what to measure")
    options = parser.parse_args(argv)
    parts = PARTS if options.part == "all" else (options.part,)
    figures: dict[str, Any] = {}
    if parts != ("quality",):
        folder = model.ensure_trained(_MODEL)
        stack = Stack(STACK)
        stack.ensure(["kafka"])
        try:
            bootstrap = str(stack.endpoints()["kafka_bootstrap"])
            with tempfile.TemporaryDirectory(prefix="bench-models-") as scratch:
                log = Path(scratch) / "runner.log"
                if "serving" in parts:
                    ours = throughput(bootstrap, folder, options.racks, options.rounds, log)
                    usual = usual_loop(bootstrap, folder, options.racks, options.usual)
                    per_core = ours["predictions"] / ours["cpu_s"]
                    usual_per_core = usual["predictions"] / usual["cpu_s"]
                    figures |= {
                        "predictions_per_s_core": round(per_core),
                        "one_at_a_time_per_s_core": round(usual_per_core),
                        "ratio": round(per_core / usual_per_core, 1),
                    }
                if "latency" in parts:
                    found = latency(bootstrap, folder, log, _LATENCY_RACKS, _LATENCY_S, count=options.runners)
                    say(f"reading to prediction: {found}")
                    figures |= {
                        "reading_to_prediction_p50_ms": round(found.ms(0.5), 1),
                        "reading_to_prediction_p99_ms": round(found.ms(0.99), 1),
                        "reading_to_prediction_max_ms": round(found.ms(1.0), 1),
                    }
        finally:
            stack.stop()
        say(json.dumps(figures))
    if "quality" in parts:
        figures |= quality()
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
