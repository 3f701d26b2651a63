"""Every rule is provoked, and what counts as fired once and cleared once is counted honestly."""

from __future__ import annotations

import datetime

import pytest
import yaml

from alerting.rules import BY_NAME
from alerting.settings import AlertingSettings
from dashboards import alerts
from dashboards.provoke import run, stage, warm
from dashboards.provoke.referee import Course, Referee, UnknownRule, firing, history
from dashboards.provoke.run import Progress, outcome, untried
from dashboards.provoke.trials import _MANY, TRIALS
from fidelity.settings import FidelitySettings
from local_stack import paths
from physics import faults
from scorecard.settings import ScorecardSettings
from upkeep.settings import UpkeepSettings

RULES = {rule["labels"]["rule"]: rule for rule in yaml.safe_load(alerts.provisioning())["groups"][0]["rules"]}
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


def record(thing, value, second, **more):
    return {"thing": thing, "_value": value, "_time": START + datetime.timedelta(seconds=second), **more}


def test_every_rule_has_one_trial_on_a_thing_of_its_kind():
    assert untried() == []
    assert len({trial.rule for trial in TRIALS}) == len(TRIALS)
    # What is made wrong for one rule would show in another's.
    things = [trial.thing("berlin") for trial in TRIALS if trial.kind != "site"]
    assert len(set(things)) == len(things)
    for trial in TRIALS:
        assert trial.kind in BY_NAME[trial.rule].kinds
        assert trial.thing("berlin").startswith(f"racktwin.berlin:{trial.kind}-")


def test_faults_of_the_plant_are_such_that_it_knows():
    class Stage:
        site = "berlin"

        def __init__(self):
            self.broken = []

        def break_plant(self, fault, *, mend=False):
            known = faults.from_dict(fault)
            self.broken = [each for each in self.broken if each != known] if mend else [*self.broken, known]

        def command(self, unit):
            self.commanded = unit

    stage = Stage()
    plant = [trial for trial in TRIALS if trial.entry == "plant"]
    for trial in plant:
        trial.begin(stage)
    assert len(stage.broken) >= len(plant) >= 7
    # No thing has two faults of one kind: one trial's end would be another's.
    assert len({(each.kind, each.target, each.sensor) for each in stage.broken}) == len(stage.broken)
    for trial in plant:
        trial.end(stage)
    assert stage.broken == []
    assert stage.commanded == "crah-a2"


def test_every_trial_makes_a_fault_and_none_writes_what_would_be_found():
    assert {trial.entry for trial in TRIALS} == {"plant", "device", "file"}


def test_the_plant_knows_every_thing_that_is_broken():
    folder = paths.repository() / "operators" / "examples" / "berlin"
    known = {
        resource["metadata"]["name"]
        for file in sorted(folder.glob("[23]*.yaml"))
        for resource in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    }
    assert {trial.name for trial in TRIALS if trial.entry == "plant" and trial.kind != "site"} <= known
    assert set(_MANY) <= known
    assert len(_MANY) >= 14


def test_settings_for_the_run_are_those_that_processes_know(monkeypatch):
    for process, quick in (
        (AlertingSettings, stage.ALERTING),
        (ScorecardSettings, stage.SCORECARD),
        (FidelitySettings, stage.FIDELITY),
        (UpkeepSettings, stage.UPKEEP),
    ):
        for name in quick:
            assert name.removeprefix("RACKTWIN_").lower() in process.model_fields
            monkeypatch.setenv(name, quick[name])
        process()


def test_a_grafana_rule_is_evaluated_by_its_own_query_reduction_and_threshold():
    asked = []

    def ask(flux):
        asked.append(flux)
        # The newest counts, in whatever order they come.
        return [record("a", 1.0, 10), record("a", 0.0, 5), record("b", 1.0, 1), record("b", 0.0, 2)]

    assert firing(RULES["inlet-rate"], "berlin", ask) == {"a"}
    assert 'from(bucket: "berlin_log")' in asked[0]
    assert 'r.feature == "alert.inlet-rate"' in asked[0]


def test_a_rule_of_another_form_is_named():
    rule = yaml.safe_load(yaml.safe_dump(RULES["inlet-rate"]))
    rule["data"][2]["model"]["conditions"][0]["evaluator"]["type"] = "within_range"
    with pytest.raises(UnknownRule, match="within_range"):
        firing(rule, "berlin", lambda flux: [])


def test_changes_are_counted_by_looking_again():
    referee = Referee("berlin", RULES)
    for value in (0.0, 1.0, 1.0, 0.0, 0.0, 1.0):
        referee.look(lambda flux, value=value: [record("a", value, 0)], ["anomaly"])
    course = referee.course("anomaly", "a")
    assert (course.fired, course.cleared, course.fires) == (2, 1, True)
    assert referee.course("anomaly", "b") == Course()


def test_history_counts_begins_and_ends():
    points = [
        record("a", 0.0, 9, feature="alert.anomaly"),
        record("a", 1.0, 3, feature="alert.anomaly"),
        record("b", 1.0, 4, feature="alert.unit-failed"),
    ]
    found = history("berlin", 0, lambda flux: points)
    assert found == {("anomaly", "a"): Course(1, 1, False), ("unit-failed", "b"): Course(1, 0, True)}


def counted(told, seen):
    """Outcome of a run in which one trial went so, by alerting's history and by Grafana's rule."""
    trial = next(trial for trial in TRIALS if trial.rule == "unit-failed")
    key = trial.rule, trial.thing("berlin")
    referee = Referee("berlin", RULES)
    referee._courses[key] = Course(*seen)
    written = {key: Course(*told), ("inlet-rate", "racktwin.berlin:rack-x"): Course(2, 2)}
    return outcome([Progress(trial, "clear", 10.0, 20.0)], "berlin", referee, written)


@pytest.mark.parametrize(
    ("told", "seen", "fired", "cleared"),
    [
        ((1, 1), (1, 1), 1, 1),
        ((1, 0), (1, 0), 1, 0),
        ((2, 2), (2, 2), 0, 0),
        ((1, 1), (0, 0), 0, 0),
        ((0, 0), (0, 0), 0, 0),
    ],
)
def test_only_exactly_once_by_both_counts(told, seen, fired, cleared):
    result = counted(told, seen)
    assert (result.fired, result.cleared) == (fired, cleared)
    assert (result.progress[0].problem == "") == (fired == cleared == 1)
    assert result.alerts == len(BY_NAME)
    assert result.others == 1
    assert "inlet-rate racktwin.berlin:rack-x" in result.repeated


@pytest.mark.parametrize(
    ("course", "lingering", "well"), [((1, 0), 1, True), ((1, 1), 0, True), ((0, 0), 1, False), ((2, 1), 0, False)]
)
def test_of_what_lingers_the_end_is_not_waited_for(course, lingering, well):
    trial = next(trial for trial in TRIALS if trial.lingers)
    assert trial.rule == "model-drifting"
    key = trial.rule, trial.thing("berlin")
    referee = Referee("berlin", RULES)
    referee._courses[key] = Course(*course)
    result = outcome([Progress(trial, "lingers", 10.0)], "berlin", referee, {key: Course(*course)})
    assert (result.lingering, result.progress[0].problem == "") == (lingering, well)


class Plant:
    """A stage on which everything goes as it should, and alerting and InfluxDB in one."""

    site = "berlin"

    def __init__(self, broken=()):
        self.points = []
        self.broken = broken
        self.tidied = 0
        self.checked = 0

    def prepare(self, rack, judged, scale, calm_scale):
        """Nothing to prepare."""

    def check(self):
        self.checked += 1

    def skill(self, rack):
        """Well from the third look on."""
        return 0.5 if self.checked > 2 else None

    def anomaly(self, rack):
        """Beyond doubt from the fourth look on."""
        return 0.99 if self.checked > 3 else 0.8

    def tidy(self):
        self.tidied += 1

    def told(self, rule, value):
        thing = next(trial for trial in TRIALS if trial.rule == rule).thing(self.site)
        self.points.append(record(thing, value, len(self.points), feature=f"alert.{rule}"))

    def ask(self, flux):
        rules = [rule for rule in BY_NAME if f'"alert.{rule}"' in flux]
        return [point for point in self.points if not rules or point["feature"] == f"alert.{rules[0]}"]


def test_a_run_leads_every_trial_to_its_end_and_tidies_up(monkeypatch):
    stage, said = Plant(), []

    def over(rule, *, lingers):
        # What lingers is over after the run.
        if not lingers:
            stage.told(rule, 0.0)

    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    quick = tuple(
        run.Trial(
            trial.rule,
            trial.kind,
            trial.name,
            trial.entry,
            trial.what,
            lambda stage, rule=trial.rule: stage.told(rule, 1.0),
            lambda stage, rule=trial.rule, lingers=trial.lingers: over(rule, lingers=lingers),
            ready=trial.ready,
            sure=trial.sure,
            lingers=trial.lingers,
        )
        for trial in TRIALS
    )
    monkeypatch.setattr(run, "TRIALS", quick)
    result = run.provoke(stage, stage.ask, said.append, patience_s=5.0)
    assert [each.problem for each in result.progress] == [""] * len(TRIALS)
    assert (result.fired, result.others, result.repeated) == (len(TRIALS), 0, [])
    assert (result.cleared, result.lingering) == (len(TRIALS) - 1, 1)
    assert stage.tidied == 1


@pytest.mark.parametrize(("looks", "left"), [(0, []), (3, []), (10**6, ["anomaly"])])
def test_what_fires_at_the_beginning_has_time_to_end(monkeypatch, looks, left):
    """A plant's start may look unusual; what fires for ever is no start."""

    class Judge:
        seen, forgotten = 0, 0

        def look(self, ask, names):
            self.seen += 1

        def course(self, rule, thing):
            return Course(1, 0, rule == "anomaly" and self.seen <= looks)

        def forget(self):
            self.forgotten += 1

    clock, said, judge = iter(range(0, 10**9, 10)), [], Judge()
    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(run.time, "monotonic", lambda: float(next(clock)))
    progress = [Progress(trial) for trial in TRIALS]
    found = run._not_calm(progress, Plant(), judge, lambda flux: [], said.append)
    assert [each.trial.rule for each in found] == left
    # What was counted until then is of before.
    assert judge.forgotten == 1
    assert said == (["waiting for what fires already: anomaly"] if looks else [])


def test_when_a_process_of_the_run_ends_the_run_ends_tidily(monkeypatch):
    def gone():
        raise run.StageError("ended by itself: scorecard (see scorecard.log)")

    stage = Plant()
    stage.check = gone
    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(run, "TRIALS", ())
    with pytest.raises(run.StageError, match="scorecard"):
        run.provoke(stage, stage.ask, lambda line: None, patience_s=5.0)
    assert stage.tidied == 1


def test_what_cannot_be_begun_is_said_and_the_rest_goes_on(monkeypatch):
    def fails(stage):
        raise run.StageError("Hono's HTTP adapter: 503")

    stage = Plant()
    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    trial = run.Trial("certificates", "site", "", "file", "nothing", fails, lambda stage: None)
    monkeypatch.setattr(run, "TRIALS", (trial,))
    result = run.provoke(stage, stage.ask, lambda line: None, patience_s=5.0)
    assert (result.fired, result.cleared) == (0, 0)
    assert "503" in result.progress[0].problem
    assert stage.tidied == 1


def test_a_run_waits_until_a_plants_own_start_is_out_of_sight():
    clock, said = [1_000_000.0], []
    began = datetime.datetime.fromtimestamp(clock[0] - 100.0, datetime.UTC)

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    def wait(rows: list[dict[str, object]]) -> float:
        before = clock[0]
        warm.wait(lambda _: rows, "berlin", said.append, now_s=lambda: clock[0], sleep=sleep)
        return clock[0] - before

    assert wait([{"_time": began}]) == pytest.approx(warm.OLD_ENOUGH_S - 100.0)
    assert "waiting 470 s" in said[0]
    assert wait([{"_time": began}]) == 0.0
    assert wait([]) == 0.0
    # What a stack of before told does not count.
    now = datetime.datetime.fromtimestamp(clock[0], datetime.UTC)
    ages = [3000, 2970, 2940, 60, 30, 0]
    assert wait([{"_time": now - datetime.timedelta(seconds=age)} for age in ages]) == pytest.approx(
        warm.OLD_ENOUGH_S - 60.0
    )
