"""The scorecard in the batch loop: predictions and readings in, scores out once a minute. At-least-once: a repeated
prediction is scored once, and a repeated reading finds nothing waiting."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from racktwin.kafka import SafeProducer
from racktwin.messages import decode_prediction, decode_reading
from racktwin.process import Context, Fatal
from scorecard import metrics, outbox
from scorecard.catchup import CatchUp
from scorecard.judge import LEAST, UNKNOWN, Judge, Verdict
from scorecard.ledger import Ledger
from scorecard.tallies import Tallies
from scorecard.verdicts import Verdicts

_OWN = f"{outbox.FEATURE}."


class ScorecardWork:
    """`racktwin.kafka.BatchWork` of the scorecard."""

    def __init__(
        self,
        context: Context,
        consumer: Consumer,
        producer: SafeProducer,
        tallies: Tallies,
        verdicts: Verdicts | None,
        *,
        interval_ms: int,
        least: int = LEAST,
        models: Container[str] | None = None,
        rewind_ms: int = 0,
        every_ms: int = 0,
    ) -> None:
        """``least``: scored predictions of a version before anything is said of it; ``models``: those that are scored,
        None for all; ``rewind_ms``: as of `CatchUp`; ``every_ms``: as of `Ledger`."""
        self._context = context
        self._producer = producer
        self._ledger = Ledger(every_ms)
        self._tallies = tallies
        self._verdicts = verdicts
        self._interval_ms, self._least, self._models = interval_ms, least, models
        # Of versions that no registry knows.
        self._judges: dict[tuple[str, str], Judge] = {}
        self._wrote = self._started = context.clock()
        self._unscored = 0
        self._catchup = CatchUp(consumer, rewind_ms, context.clock, context.log)

    def handle(self, batch: list[Message]) -> None:
        """Note predictions; score what a reading is the truth of."""
        for message in batch:
            payload, topic, partition, offset = message.value(), message.topic(), message.partition(), message.offset()
            if topic is None or partition is None or offset is None:
                continue
            self._catchup.saw(topic, partition, offset)
            if payload is None:
                continue
            try:
                if topic.startswith("racktwin.predictions."):
                    prediction = decode_prediction(payload)
                    if self._models is None or prediction.model in self._models:
                        noted = self._tallies.noted_until(prediction.model, prediction.model_version)
                        self._ledger.predicted(prediction, noted)
                    continue
                reading = decode_reading(payload)
                if reading.feature.startswith(_OWN):
                    # What we write ourselves; from before this start, it is where to go on.
                    if reading.received_at < self._started:
                        self._tallies.told(reading)
                    continue
                for scored in self._ledger.read(reading):
                    self._tallies.add(scored)
                    metrics.SCORED.labels(scored.waited.model).inc()
            except msgspec.DecodeError:
                metrics.MALFORMED.inc()

    def tick(self) -> None:
        """Write scores when their time has come."""
        self._producer.poll()
        self._catchup.tick()
        now = self._context.clock()
        if not self._catchup.done or 0 <= now - self._wrote < self._interval_ms:
            return
        self._wrote = now
        metrics.WAITING.set(len(self._ledger))
        metrics.UNSCORED.inc(self._ledger.dropped - self._unscored)
        self._unscored = self._ledger.dropped
        for newest, tallies in self._tallies.changed():
            for topic, key, value in outbox.records(newest, tallies, now):
                self._producer.produce(topic, key, value)
        for (model, version), tally in self._tallies.versions.items():
            metrics.SKILL.labels(model, version).set(tally.skill)
            metrics.COVERAGE.labels(model, version).set(tally.coverage)
        self._tell_models(now)

    def _tell_models(self, now: int) -> None:
        """How each model does: by the registry's promise where there is one, else against persistence."""
        known = self._verdicts.look(now) if self._verdicts is not None else {}
        for (model, version), sites in self._tallies.served().items():
            tally, state = self._tallies.versions[model, version], known.get((model, version))
            if state is not None:
                verdict = Verdict(state.drifting, state.paused, state.reason)
            else:
                judge = self._judges.setdefault((model, version), Judge(UNKNOWN, self._least))
                # Nobody can be told to pause.
                verdict = replace(judge.verdict(tally, now), paused=False)
            for record in outbox.model_records(sites, (model, version), tally, verdict, now):
                self._producer.produce(*record)

    def settle(self) -> list[TopicPartition] | None:
        """Wait until Kafka has acknowledged every score so far."""
        while self._producer.flush(1.0):
            if self._context.stop.is_set():
                raise Fatal("stopped while Kafka was away: the last scores were not delivered")
            self._context.health.heartbeat("consume", 120.0)
        return None

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """What waited for its time when the last scorecard stopped is read again, and then waits on."""
        self._catchup.assigned(partitions)

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """What waits for things of other partitions is dropped when its time has passed."""
        self._catchup.revoked(partitions)
