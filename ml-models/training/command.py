"""The command `python -m training`: train a model, write its artefact, say how good it is. Ends when done."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from models.definition import ModelError
from models.registry import Registry, RegistryError
from racktwin import process
from training import detecting, first, maintaining, promotion, registry, sources, unseen
from training.artefact import ArtefactError
from training.gate import Gate
from training.history import HistoryError
from training.job import QUICK, NotGoodEnough, Trained, train
from training.settings import TrainingSettings
from training.simulated import QUICK_HOURS, QUICK_PLANTS, Simulation, simulate


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 trained, 1 with one line when that was not possible."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["evaluate"]:
        return _evaluate(argv[1:])
    if argv[:1] == ["first"]:
        return _first(argv[1:])
    options = _options(argv)
    started = time.monotonic()

    def note(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", file=sys.stderr, flush=True)

    try:
        settings = process.load(TrainingSettings)
        model = registry.load(options.model)
        if model.definition.task == "detect":
            if options.history == "influx":
                note(f"{options.model} is trained on simulated faults: what is recorded does not say what was wrong")
            folder = options.out or settings.models_dir / model.definition.name
            trained = detecting.train(model, folder, seed=options.seed, created_ms=process.epoch_ms(), note=note)
            _publish(trained, folder, settings, options.registry or settings.registry_url, note)
            return _finish(trained, options, round(time.monotonic() - started, 1))
        if model.definition.task == "maintain":
            folder = options.out or settings.models_dir / model.definition.name
            trained = maintaining.train(
                model,
                folder,
                seed=options.seed,
                created_ms=process.epoch_ms(),
                note=note,
                sizes=maintaining.QUICK if options.quick else maintaining.USUAL,
            )
            _publish(trained, folder, settings, options.registry or settings.registry_url, note)
            return _finish(trained, options, round(time.monotonic() - started, 1))
        note(f"model {options.model}, history {options.history}")
        histories = sources.gather(
            options.history,
            model.definition,
            settings,
            sites=settings.site_list(),
            hours=options.hours,
            seed=options.seed,
            now_s=int(time.time()),
            note=note,
            simulation=_simulation(options),
        )
        folder = options.out or settings.models_dir / model.definition.name
        sizes = QUICK if options.quick else None
        # Left to choose, a model of the site's own record is taken only if it is good; asked for, it is taken as it is.
        choice = options.history == "auto" and histories[0].origin["kind"] == "recorded"
        try:
            trained = train(
                model,
                histories,
                folder,
                seed=options.seed,
                created_ms=process.epoch_ms(),
                note=note,
                gated=choice,
                sizes=sizes,
            )
        except NotGoodEnough as error:
            note(f"not taken, as the recorded history gives a model that is {error}: simulating instead")
            histories = simulate(model.definition, options.seed, _simulation(options))
            trained = train(
                model, histories, folder, seed=options.seed, created_ms=process.epoch_ms(), note=note, sizes=sizes
            )
        _publish(trained, folder, settings, options.registry or settings.registry_url, note)
    except (process.Fatal, ModelError, HistoryError, ArtefactError, RegistryError, ValueError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    return _finish(trained, options, round(time.monotonic() - started, 1))


def _simulation(options: argparse.Namespace) -> Simulation:
    """How much to simulate."""
    return Simulation(QUICK_PLANTS, QUICK_HOURS) if options.quick else Simulation()


def _publish(trained: Trained, folder: Path, settings: TrainingSettings, url: str, note: Callable[[str], None]) -> None:
    """Into the registry, if there is one, and past the gate.

    Raises:
        RegistryError: the registry cannot be read or written.
    """
    if not url:
        return
    gate = Gate(
        settings.gate_least_skill,
        settings.gate_coverage_tolerance,
        settings.gate_margin,
        settings.gate_promote == "auto",
    )
    with tempfile.TemporaryDirectory(prefix="racktwin-promote-") as scratch:
        done = promotion.promote(
            Registry(url),
            folder,
            trained.test,
            now_ms=process.epoch_ms(),
            by="training",
            scratch=Path(scratch),
            gate=gate,
        )
    serves = "serves already" if done.version == done.served_before else "does not serve"
    note(f"{done.version} {'serves now' if done.verdict.passed else serves}: {done.verdict.reason}")


def _evaluate(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training evaluate",
        description="Judge the models on simulated plants, seeds and faults that no training saw; those that are not "
        "trained yet are trained first. The last line is JSON.",
    )
    parser.add_argument("--models-dir", type=Path, help="folder with one folder per model")
    options = parser.parse_args(argv)
    try:
        folder = options.models_dir or process.load(TrainingSettings).models_dir
        figures = unseen.evaluate(
            folder, lambda text: print(text, file=sys.stderr, flush=True), created_ms=process.epoch_ms()
        )
    except (process.Fatal, ModelError, HistoryError, ArtefactError, ValueError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures))
    return 0


def _first(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training first",
        description="Train small first models, several from the same simulated plants. One JSON line for each.",
    )
    parser.add_argument("--models", default=",".join(registry.names()), help="which, comma separated; default: all")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds give equal models")
    parser.add_argument("--models-dir", type=Path, help="folder that gets one folder per model")
    options = parser.parse_args(argv)
    started = time.monotonic()
    try:
        first.train_all(
            options.models.split(","),
            options.models_dir or process.load(TrainingSettings).models_dir,
            seed=options.seed,
            created_ms=process.epoch_ms(),
            note=lambda text: print(f"[{time.monotonic() - started:5.1f} s] {text}", file=sys.stderr, flush=True),
            done=lambda trained: print(json.dumps(trained.as_dict()), flush=True),
        )
    except (process.Fatal, ModelError, HistoryError, ArtefactError, ValueError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    return 0


def _finish(trained: Trained, options: argparse.Namespace, seconds: float) -> int:
    if options.json:
        print(json.dumps(trained.as_dict() | {"seconds": seconds}))
    else:
        _tell(trained, seconds)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    settings = "\n".join(
        f"  {row['name']} (default {row['default']!r})\n      {row['description']}"
        for row in process.describe(TrainingSettings)
        if not row["name"].startswith(("RACKTWIN_HEALTH", "RACKTWIN_LOG"))
    )
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a model and write its artefact: model.onnx, model.json and CARD.md.",
        epilog=f"settings (environment):\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="inlet-temperature", choices=registry.names(), help="which model")
    parser.add_argument(
        "--history",
        default="auto",
        choices=("influx", "simulated", "auto"),
        help="recorded in InfluxDB, simulated, or recorded if there is enough of it; models that detect are always "
        "trained on simulated faults",
    )
    parser.add_argument(
        "--hours", type=float, default=168.0, help="how far back recorded history is read (default 168)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="simulate fewer and shorter plants: a first model in half a minute"
    )
    parser.add_argument("--seed", type=int, default=0, help="equal seeds and histories give equal models")
    parser.add_argument("--out", type=Path, help="folder for the artefact")
    parser.add_argument(
        "--registry", default="", help="publish to this registry, and let it serve there if it passes the gate"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON line")
    return parser.parse_args(argv)


def _tell(trained: Trained, seconds: float) -> None:
    print(f"{trained.model} {trained.version}, trained on {trained.history} history in {seconds} s: {trained.folder}")
    if "f1" in trained.metrics:
        m = trained.metrics
        print(
            f"on unseen plants: F1 {m['f1']:.2f}, precision {m['precision']:.2f}, recall {m['recall']:.2f}, "
            f"false alarm rate {m['falseAlarmRate']:.4f}; more in CARD.md"
        )
        return
    overall = trained.metrics["overall"]
    if "parts" in trained.metrics:
        bar = trained.metrics["trend"]
        print(
            f"on unseen sites: precision {overall['precision']:.2f} (the plain trend {bar['precision']:.2f}), "
            f"recall {overall['recall']:.2f} ({bar['recall']:.2f}), false alarms in 1,000 unit-years "
            f"{overall['falsePer1000UnitYears']:.0f} ({bar['falsePer1000UnitYears']:.0f}); more in CARD.md"
        )
        return
    print(
        f"on unseen racks and times: MAE {overall['mae']:.3f} (persistence {overall['mae_persistence']:.3f}), "
        f"skill {overall['skill']:.2f}, interval coverage {overall['coverage']:.1%}; more in CARD.md"
    )
