"""The runner's part in the batch loop: readings into windows, predictions out when due, windows rebuilt after a
rebalance.

Windows live in memory alone. Whoever is assigned a partition reads it again from one window ago, so a restart or a
rebalance predicts at once; readings of then fill windows but are too old to be predicted from. Offsets are committed
after the predictions made so far are acknowledged: they show the lag, and nothing depends on them.
"""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from models.windows import IntArray
from racktwin.kafka import SafeProducer
from racktwin.process import Context, Fatal
from runner import metrics
from runner.forecaster import Forecaster, Round
from runner.intake import Intake
from runner.outbox import Outbox
from runner.predictor import Predictor
from runner.schedule import Schedule, Turns
from runner.settings import RunnerSettings

# Records are stamped when they reach Kafka, shortly after they were observed: reading from a little earlier misses
# none.
_REBUILD_MARGIN_MS = 30_000
_ASK_BROKER_S = 10.0


class RunnerWork:
    """`racktwin.kafka.BatchWork` of the runner."""

    def __init__(
        self,
        settings: RunnerSettings,
        context: Context,
        predictor: Predictor,
        consumer: Consumer,
        producer: SafeProducer,
    ) -> None:
        self._context = context
        self._consumer = consumer
        self._producer = producer
        manifest = predictor.manifest
        definition = manifest.definition
        self._name = definition.name
        self._rebuild_ms = definition.window_s * 1000 + _REBUILD_MARGIN_MS
        interval_ms = round(settings.prediction_interval_s * 1000)
        stale_ms = max(definition.stale_after_s * 1000, 3 * interval_ms)
        if settings.stale_after_s is not None:
            stale_ms = round(settings.stale_after_s * 1000)
        self._interval_ms = interval_ms
        self._intake = Intake(definition)
        self._forecaster = Forecaster(predictor, self._intake, stale_ms, settings.max_batch)
        self._outbox = Outbox(manifest)
        self._schedule = Schedule(interval_ms, context.clock())
        self._turns = Turns(interval_ms)
        metrics.MODEL.labels(self._name, manifest.version).set(1)

    def handle(self, batch: list[Message]) -> None:
        """Take readings in; things that were never predicted get their first prediction at once."""
        now = self._context.clock()
        records = []
        for message in batch:
            payload, topic, partition = message.value(), message.topic(), message.partition()
            if payload is not None and topic is not None and partition is not None:
                records.append(((topic, partition), payload))
        taken = self._intake.take(records, now, now - self._interval_ms)
        metrics.READINGS.labels("used").inc(taken.used)
        metrics.READINGS.labels("out_of_time").inc(taken.out_of_time)
        if taken.malformed:
            metrics.READINGS.labels("malformed").inc(taken.malformed)
            self._context.log.warning("malformed readings left out", count=taken.malformed)
        first = self._forecaster.without_prediction(taken.refreshed)
        if len(first):
            # What these skip is not counted: their turn is the next tick, which counts it.
            self._forecast(first, now, first_only=True)

    def tick(self) -> None:
        """Predict every thing when its time has come."""
        self._producer.poll()
        now = self._context.clock()
        if self._schedule.due(now):
            self._turns.begin(self._intake.slots(), now)
        turn = self._turns.next(now)
        if turn is not None:
            # Some may have gone since the round began.
            result = self._forecast(turn[np.isin(turn, self._intake.slots())], now)
            for reason, count in result.skipped.items():
                metrics.SKIPPED.labels(self._name, reason).inc(count)
            # Nothing in the whole window: the thing was taken away, or is as good as new when it comes back.
            self._drop(result.empty)

    def settle(self) -> list[TopicPartition] | None:
        """Wait until Kafka has acknowledged every prediction so far."""
        while self._producer.flush(1.0):
            if self._context.stop.is_set():
                raise Fatal("stopped while Kafka was away: the last predictions were not delivered")
            self._context.health.heartbeat("consume", 120.0)
        return None

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """Start each partition one window ago, so that windows are whole from the first prediction on."""
        if not partitions:
            return
        since = self._context.clock() - self._rebuild_ms
        asked = [TopicPartition(p.topic, p.partition, since) for p in partitions]
        try:
            found = self._consumer.offsets_for_times(asked, timeout=_ASK_BROKER_S)
        except KafkaException as error:
            # Beginning at the committed offsets instead loses history, not correctness: windows fill as readings come.
            self._context.log.warning("cannot look up where windows begin, they start short", error=str(error))
            return
        starts = {(p.topic, p.partition): p.offset for p in found if p.error is None}
        for partition in partitions:
            start = starts.get((partition.topic, partition.partition))
            if start is not None:
                partition.offset = start if start >= 0 else OFFSET_END

    def revoked(self, partitions: list[TopicPartition]) -> None:
        """Drop the windows of partitions that somebody else has now."""
        self._drop(self._intake.slots_of((p.topic, p.partition) for p in partitions))

    def _drop(self, slots: list[int]) -> None:
        self._intake.drop(slots)
        self._forecaster.forget(slots)
        metrics.THINGS.set(len(self._intake))

    def _forecast(self, slots: IntArray, now: int, first_only: bool = False) -> Round:
        started = time.perf_counter()
        result = self._forecaster.forecast(slots, now, first_only)
        for topic, key, value in self._outbox.records(result.forecasts):
            self._producer.produce(topic, key, value)
        for forecast in result.forecasts:
            metrics.LATENCY.observe((now - forecast.based_on) / 1000)
        for target, count in Counter(f.target.name for f in result.forecasts).items():
            metrics.PREDICTIONS.labels(self._name, target).inc(count)
        for things in result.batches:
            metrics.BATCH.observe(things)
        if len(slots):
            metrics.ROUND_SECONDS.observe(time.perf_counter() - started)
        return result
