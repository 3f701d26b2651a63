"""The runner's part in the batch loop: readings into windows, predictions out, windows rebuilt after a rebalance.

A thing's prediction is made from the reading that comes first once its turn has come, together with the others that
came within a few milliseconds: one call of the model for all of them. Windows live in memory alone. Whoever is assigned
a partition takes its windows from InfluxDB, or without one reads the partition again from one window ago, so a restart
or a rebalance predicts at once. Offsets are committed after the predictions made so far are acknowledged: they show the
lag, and nothing depends on them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from models.definition import Manifest
from models.windows import IntArray
from racktwin.kafka import SafeProducer
from racktwin.names import site_of_topic
from racktwin.process import Context, Fatal
from runner import metrics
from runner.forecaster import Forecaster
from runner.inputs import InputWatch, Note
from runner.intake import Intake, selection
from runner.outbox import ForecastOutbox, Outbox
from runner.predictor import Predictor
from runner.restore import OVERLAP_MS
from runner.schedule import Budget, Schedule
from runner.settings import RunnerSettings
from runner.verdicts import DetectOutbox

# Records are stamped when they reach Kafka, shortly after they were observed: reading from a little earlier misses
# none.
_REBUILD_MARGIN_MS = 30_000
_ASK_BROKER_S = 10.0
# Readings older than this (or than the interval, where that is longer) fill windows but bring no prediction.
_FRESH_MS = 10_000
# All things are looked after no more often than this, however often they are predicted.
_LOOK_AFTER_MS = 5000
# How often things are looked at whose reading came before their turn, or that are many more than usual at once.
_LOOK_MS = 250
# Predictions at once; and of things never predicted before, how many per ms from then on.
_AT_ONCE = 1000
_FIRST_PER_MS = 0.2
# Withdrawals in one look, which comes every five seconds or less often: merges too, so they are spread as those are.
_WITHDRAWN_AT_ONCE = 1000

# Fills an intake's windows from history for these sites; False where that was not possible.
Restore = Callable[[Intake, list[str]], bool]
# A newer model to serve, None while there is none.
Update = Callable[[], Predictor | None]


def outbox_of(manifest: Manifest) -> Outbox:
    """What writes the records of this model."""
    return DetectOutbox(manifest) if manifest.definition.task == "detect" else ForecastOutbox(manifest)


class RunnerWork:
    """`racktwin.kafka.BatchWork` of the runner."""

    def __init__(
        self,
        settings: RunnerSettings,
        context: Context,
        predictor: Predictor,
        consumer: Consumer,
        producer: SafeProducer,
        *,
        restore: Restore | None = None,
        update: Update | None = None,
        paused: Callable[[], bool] = lambda: False,
        moved: Note | None = None,
    ) -> None:
        self._context = context
        self._consumer = consumer
        self._producer = producer
        self._restore = restore
        self._update = update
        # Whether what serves is too bad to be shown: then twins show none rather than a bad one.
        self._paused = paused
        self._moved = moved
        definition = predictor.manifest.definition
        self._name = definition.name
        self._rebuild_ms = definition.window_s * 1000 + _REBUILD_MARGIN_MS
        self._window_ms = definition.window_s * 1000
        interval_ms = round(settings.prediction_interval_s * 1000)
        stale_ms = max(definition.stale_after_s * 1000, 3 * interval_ms)
        if settings.stale_after_s is not None:
            stale_ms = round(settings.stale_after_s * 1000)
        self._interval_ms = interval_ms
        self._linger_ms = settings.linger_ms
        self._max_batch = settings.max_batch
        select = selection(settings.select_rooms, settings.select_rows, settings.select_names)
        self._intake = Intake(definition, select)
        self._forecaster = Forecaster(predictor, self._intake, stale_ms, interval_ms, settings.max_batch)
        self._schedule = Schedule(max(interval_ms, _LOOK_AFTER_MS), context.clock())
        # Slots whose turn has come and that got a reading, until there are enough of them or the time is over.
        self._waiting: list[IntArray] = []
        self._waits_since = 0
        # Slots with a reading that came before their turn, those held back as too many, and when both were looked at.
        self._early: list[IntArray] = []
        self._held: list[IntArray] = []
        self._looked = 0
        self._first = Budget(_AT_ONCE, context.clock())
        self._again = Budget(_AT_ONCE, context.clock())
        self._serve(predictor)

    def handle(self, batch: list[Message]) -> None:
        """Take readings in; whose turn has come waits for its share of a call."""
        now = self._context.clock()
        records = []
        for message in batch:
            payload, topic, partition = message.value(), message.topic(), message.partition()
            if payload is not None and topic is not None and partition is not None:
                records.append(((topic, partition), payload))
        taken = self._intake.take(records, now, now - max(self._interval_ms, _FRESH_MS))
        metrics.READINGS.labels("used").inc(taken.used)
        metrics.READINGS.labels("out_of_time").inc(taken.out_of_time)
        if taken.malformed:
            metrics.READINGS.labels("malformed").inc(taken.malformed)
            self._context.log.warning("malformed readings left out", count=taken.malformed)
        self._queue(taken.refreshed, now)
        metrics.THINGS.set(len(self._intake))

    def tick(self) -> None:
        """Predict whoever waits, when there are enough or it was long enough; look after the rest once an interval."""
        self._producer.poll()
        now = self._context.clock()
        if (self._early or self._held) and not 0 <= now - self._looked < _LOOK_MS:
            self._looked = now
            early, held = self._early, self._held
            self._early, self._held = [], []
            if held:
                self._queue(np.unique(np.concatenate(held)), now)
            if early:
                # Whoever goes on reporting is predicted from its next reading: from one before its turn, the prediction
                # would be older than it need be. For things that do not, an interval is waited.
                self._queue(np.unique(np.concatenate(early)), now, self._interval_ms)
        if self._waiting and (
            not 0 <= now - self._waits_since < self._linger_ms
            or sum(len(slots) for slots in self._waiting) >= self._max_batch
        ):
            waiting = np.unique(np.concatenate(self._waiting))
            self._waiting = []
            if not self._paused():
                self._forecast(waiting, now)
        if self._schedule.due(now):
            self._look_after(now)

    def _queue(self, slots: IntArray, now: int, waited_ms: int = 0) -> None:
        """Of things with readings not predicted from yet, queue those whose turn came so long ago; keep the rest."""
        if self._waiting:
            # Whoever waits already takes this reading along, and is counted once.
            slots = np.setdiff1d(slots, np.concatenate(self._waiting))
        due = self._forecaster.due(slots, now, waited_ms)
        chosen = self._affordable(due, now)
        if len(chosen):
            if not self._waiting:
                self._waits_since = now
            self._waiting.append(chosen)
        if len(chosen) < len(due):
            self._held.append(np.setdiff1d(due, chosen))
        if len(due) < len(slots):
            self._early.append(np.setdiff1d(slots, due))

    def _affordable(self, due: IntArray, now: int) -> IntArray:
        """Very many at once would hold up Ditto with their merges: after a start, or where all things of a site report
        at the same second. They go at twice the rate at which they come back, those never predicted before slower."""
        never = self._forecaster.never(due)
        first, again = due[never], due[~never]
        usual = 2.0 * len(self._intake) / self._interval_ms
        return np.concatenate(
            [
                first[: self._first.take(len(first), _FIRST_PER_MS, now)],
                again[: self._again.take(len(again), usual, now)],
            ]
        )

    def settle(self) -> list[TopicPartition] | None:
        """Wait until Kafka has acknowledged every prediction so far."""
        while self._producer.flush(1.0):
            if self._context.stop.is_set():
                raise Fatal("stopped while Kafka was away: the last predictions were not delivered")
            self._context.health.heartbeat("consume", 120.0)
        return None

    def assigned(self, partitions: list[TopicPartition]) -> None:
        """Windows from history; then each partition from a little before now, or without history from one window ago,
        so that windows are whole from the first prediction on."""
        if not partitions:
            return
        sites = sorted({site_of_topic(p.topic) for p in partitions})
        restored = self._restore is not None and self._restore(self._intake, sites)
        since = self._context.clock() - (OVERLAP_MS if restored else self._rebuild_ms)
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

    def _serve(self, predictor: Predictor) -> None:
        manifest = predictor.manifest
        self._manifest = manifest
        self._forecaster.use(predictor)
        self._outbox = outbox_of(manifest)
        self._inputs = InputWatch(manifest, self._context.clock(), self._moved)
        metrics.MODEL.clear()
        metrics.MODEL.labels(self._name, manifest.version).set(1)

    def _forecast(self, slots: IntArray, now: int) -> None:
        # Some may have gone since they began to wait.
        slots = self._intake.windows.used(slots)
        started = time.perf_counter()
        result = self._forecaster.forecast(slots, now)
        # Whoever could not be predicted costs Ditto nothing, and must not hold up those that can.
        left = self._forecaster.due(slots, now)
        never = int(np.count_nonzero(self._forecaster.never(left)))
        self._first.give_back(never)
        self._again.give_back(len(left) - never)
        counts: Counter[str] = Counter()
        for made in result.made:
            for topic, key, value in self._outbox.records(made):
                self._producer.produce(topic, key, value)
            metrics.LATENCY.observe(max(0, now - int(made.based_on[made.made].min(initial=now))) / 1000)
            for column, target in enumerate(self._manifest.definition.targets):
                counts[target.name] += int(np.count_nonzero(made.made[:, column]))
            metrics.BATCH.observe(len(made.things))
            self._inputs.saw(made.inputs, now)
        for target_name, count in counts.items():
            metrics.PREDICTIONS.labels(self._name, target_name).inc(count)
        if len(slots):
            metrics.ROUND_SECONDS.observe(time.perf_counter() - started)

    def _look_after(self, now: int) -> None:
        """Once an interval: count why who was not predicted, take expired predictions off, forget who is gone, and
        take up a newer model."""
        slots = self._intake.slots()
        overdue = self._forecaster.overdue(slots, now)
        for reason, count in self._forecaster.reasons(overdue, now).items():
            metrics.SKIPPED.labels(self._name, reason).inc(count)
        expiry_ms = max(self._manifest.definition.expiry_s * 1000, 2 * self._interval_ms)
        for slot in self._forecaster.expired(slots, now, expiry_ms, _WITHDRAWN_AT_ONCE).tolist():
            self._producer.produce(*self._outbox.withdrawal(self._intake.things[slot], now))
        # Nothing in the whole window: the thing was taken away, or is as good as new when it comes back.
        newest = self._intake.windows.newest_ms(overdue).max(axis=1, initial=-1)
        self._drop(overdue[newest < now - self._window_ms].tolist())
        newer = self._update() if self._update is not None else None
        if newer is not None:
            self._context.log.info("model changed", version=newer.manifest.version, before=self._manifest.version)
            self._serve(newer)

    def _drop(self, slots: list[int]) -> None:
        self._intake.drop(slots)
        self._forecaster.forget(slots)
        metrics.THINGS.set(len(self._intake))
