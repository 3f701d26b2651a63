"""The usual loop, for comparison: consume one reading, update its window, predict one rack, produce its predictions,
wait until Kafka has them, commit.

The same records, model, inputs and outputs as the runner's; what differs is that nothing is shared between two
readings: windows are deques in dictionaries, the graph is called with one row, JSON goes through the standard library.
Its processor time is that of this process, as for ours. Runs as ``python -m bench.models_naive``; prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict, deque
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from confluent_kafka import Consumer, Producer

from models.definition import Manifest, read_manifest
from models.statistics import InputPlan

_DECIMALS: Final = 3


class Loop:
    """State of the loop: a deque of (time, value) for each rack and channel."""

    def __init__(self, folder: Path) -> None:
        self.manifest: Manifest = read_manifest(folder)
        definition = self.manifest.definition
        self._definition = definition
        self._plan = InputPlan.of(self.manifest.inputs, definition)
        # As it comes: one thread per core, spinning.
        self._session = ort.InferenceSession(str(folder / self.manifest.graph.file))
        windowed = definition.channels[: definition.windowed]
        self._channels = {(c.feature, c.property): c.name for c in windowed}
        self._windows: dict[str, dict[str, deque[tuple[int, float]]]] = defaultdict(
            lambda: {channel.name: deque() for channel in windowed}
        )

    def note(self, payload: bytes) -> tuple[str, int]:
        """One reading into its window; whose it is, and when."""
        reading = json.loads(payload)
        thing, now = reading["thing"], reading["observedAt"]
        windows = self._windows[thing]
        for name, value in reading["values"].items():
            channel = self._channels.get((reading["feature"], name))
            if channel is not None:
                windows[channel].append((now, value))
        return thing, now

    def predict(self, thing: str, now: int) -> list[tuple[str, str, str]]:
        """(topic, key, value) of one rack's predictions."""
        windows = self._windows[thing]
        values = np.full((1, len(windows), self._definition.cells), np.nan, dtype=np.float32)
        for index, series in enumerate(windows.values()):
            while series and series[0][0] < now - self._definition.window_s * 1000:
                series.popleft()
            for at, value in series:
                cell = self._definition.cells - 1 - (now - at) // (self._definition.resolution_s * 1000)
                if 0 <= cell < self._definition.cells:
                    values[0, index, cell] = value
        value, lo, hi = self._session.run(
            ["value", "lo", "hi"], {self.manifest.graph.input: self._plan.compute(values)}
        )
        return self._records(thing, now, value[0].tolist(), lo[0].tolist(), hi[0].tolist())

    def _records(
        self, thing: str, now: int, value: list[float], lo: list[float], hi: list[float]
    ) -> list[tuple[str, str, str]]:
        site = thing.partition(":")[0][9:]
        found = []
        features: dict[str, Any] = {}
        for column, output in enumerate(self._definition.outputs()):
            target = self._definition.targets[output.target]
            channel = self._definition.channel_of(target)
            prediction = {
                "v": 1, "thing": thing, "model": self._definition.name, "modelVersion": self.manifest.version,
                "target": f"{channel.feature}/{channel.property}", "horizonS": output.horizon_s,
                "value": round(value[column], _DECIMALS), "lo": round(lo[column], _DECIMALS),
                "hi": round(hi[column], _DECIMALS), "unit": channel.unit, "issuedAt": now,
                "validAt": now + output.horizon_s * 1000, "basedOn": now, "kind": "rack",
            }  # fmt: skip
            found.append((f"racktwin.predictions.{site}.naive", thing, json.dumps(prediction)))
            features[f"{self._definition.prediction_feature(target)}-{output.horizon_s}"] = {"properties": prediction}
        merge = {"topic": f"{thing.replace(':', '/')}/things/twin/commands/merge", "path": "/features",
                 "headers": {"content-type": "application/merge-patch+json"}, "value": features}  # fmt: skip
        found.append((f"racktwin.models.{site}.naive", thing, json.dumps(merge)))
        return found


def main(argv: list[str] | None = None) -> int:
    """Work through the topic for so many readings, count and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.models_naive", description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--warm", type=int, required=True, help="readings that fill windows before the count")
    parser.add_argument("--readings", type=int, required=True, help="readings that are counted")
    options = parser.parse_args(argv)
    loop = Loop(options.model_dir)
    consumer = Consumer(
        {"bootstrap.servers": options.bootstrap, "group.id": f"naive-{time.time_ns()}", "auto.offset.reset": "earliest",
         "enable.auto.commit": False}
    )  # fmt: skip
    consumer.subscribe([options.topic])
    producer = Producer({"bootstrap.servers": options.bootstrap, "linger.ms": 0})
    seen = predictions = 0
    began = cpu = 0.0
    while seen < options.warm + options.readings:
        message = consumer.poll(5.0)
        if message is None or message.error():
            break
        payload = message.value()
        if payload is None:
            continue
        if seen == options.warm:
            began, cpu = time.perf_counter(), time.process_time()
        seen += 1
        thing, at = loop.note(payload)
        if seen <= options.warm:
            continue
        made = loop.predict(thing, at)
        for topic, key, value in made:
            producer.produce(topic, value=value, key=key)
        producer.flush()
        consumer.commit(message=message, asynchronous=False)
        predictions += len(made) - 1
    used, took = time.process_time() - cpu, time.perf_counter() - began
    consumer.close()
    print(json.dumps({"predictions": predictions, "cpu_s": round(used, 3), "seconds": round(took, 3)}))
    return 0 if predictions else 1


if __name__ == "__main__":
    raise SystemExit(main())
