"""The first models of a stack, all at once: plants are simulated once, and every model takes its channels of them.

Simulating costs more than fitting, so five models cost little more than twice what one does. Small on purpose
(`--quick`'s sizes); the trainings that follow, on what was recorded or on whole simulations, replace them. What serves
them: `local_stack.model`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from training import detecting, faulty, maintaining, registry
from training.job import QUICK, Trained, train
from training.samples import CALIBRATION, TRAIN
from training.simulated import QUICK_HOURS, QUICK_PLANTS, Simulation, history_of, run

_USUAL_TO_LEARN = 2


def train_all(
    names: Sequence[str],
    folder: Path,
    *,
    seed: int,
    created_ms: int,
    note: Callable[[str], None],
    done: Callable[[Trained], None] = lambda _: None,
) -> None:
    """Train these models, each into the folder of its name below `folder`; `done` is told of each.

    Raises:
        ModelError: there is no such model. HistoryError, ArtefactError, ValueError: as of a single training.
    """
    every = [registry.load(name) for name in names]
    # It learns from lives and not from rooms.
    for model in every:
        if model.definition.task == "maintain":
            note(f"{model.definition.name}:")
            place = folder / model.definition.name
            done(maintaining.train(model, place, seed=seed, created_ms=created_ms, note=note, sizes=maintaining.QUICK))
    models = [model for model in every if model.definition.task != "maintain"]
    for cell_s in sorted({model.definition.resolution_s for model in models}):
        alike = [model for model in models if model.definition.resolution_s == cell_s]
        servers = any(model.definition.kinds == ["server"] for model in alike)
        note(f"simulating {QUICK_PLANTS} plants")
        much = Simulation(QUICK_PLANTS, QUICK_HOURS)
        recorded = [run(seed, number, much, cell_s, servers=servers) for number in range(much.plants)]
        for model in alike:
            if model.definition.task == "forecast":
                note(f"{model.definition.name}:")
                histories = [history_of(plant, model.definition) for plant in recorded]
                place = folder / model.definition.name
                done(train(model, histories, place, seed=seed, created_ms=created_ms, note=note, sizes=QUICK))
        detectors = [model for model in alike if model.definition.task == "detect"]
        if not detectors:
            continue
        note("simulating plants that break")
        kinds = tuple(dict.fromkeys(kind for model in detectors for kind in model.train.FAULTS))
        broken = defaultdict(list)
        for part, plant in detecting.break_plants(kinds, cell_s, seed, detecting.QUICK):
            broken[part].append(plant)
        # What is usual is learnt, and limits are set, on the plants that hardly break too: they differ more.
        broken[TRAIN] += recorded[:_USUAL_TO_LEARN]
        broken[CALIBRATION] += recorded[_USUAL_TO_LEARN:]
        for model in detectors:
            note(f"{model.definition.name}:")
            own, place, sizes = model.train.FAULTS, folder / model.definition.name, detecting.QUICK
            found = {
                part: [faulty.labelled(plant, model.definition, own) for plant in plants]
                for part, plants in broken.items()
            }
            done(detecting.train_on(model, found, place, seed=seed, created_ms=created_ms, note=note, sizes=sizes))
