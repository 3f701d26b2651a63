"""Leads through the trials: all begin together, each is mended when it has fired, and is done when it is clear.

What counts is what was seen: a rule has fired (cleared) when alerting wrote exactly one begin (end) for its thing, and
Grafana's rule changed exactly once too.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import requests
import yaml

from alerting.rules import RULES
from dashboards import alerts
from dashboards.provoke import referee
from dashboards.provoke.referee import Ask, Course, Referee
from dashboards.provoke.stage import Stage, StageError
from dashboards.provoke.trials import CALM_SCALE, JUDGED, RACK, SCALE, TRIALS, Trial
from local_stack.stack import StackError
from racktwin.ditto_client import DittoError

_LOOK_S: Final = 2.0
# After everything is clear nothing may fire again for this long (s).
_REST_S: Final = 15.0
# What fires before the beginning may go on for this long (s).
_CALM_S: Final = 180.0
_TOLD_S: Final = 30.0
# A trial that could not be begun or ended by one of these is said to have failed, and the others go on.
FAILURES: Final = (StageError, StackError, DittoError, requests.RequestException, OSError)
Say = Callable[[str], None]


@dataclass(slots=True)
class Progress:
    """Where one trial is, with the times (s since the beginning)."""

    trial: Trial
    state: str = "to begin"
    fired_s: float | None = None
    cleared_s: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    progress: list[Progress]
    alerts: int
    fired: int
    cleared: int
    lingering: int
    """Those whose end was not waited for."""
    others: int
    """Alerts on other things, which the same faults made."""
    repeated: list[str]
    """Rule and thing of whatever began more than once."""


class Audience(Protocol):
    """Whom Grafana tells: how often, of a rule and a thing."""

    def begin(self) -> None:
        """Count from now on."""

    def fired(self, rule: str, thing: str) -> int:
        """Begins."""

    def cleared(self, rule: str, thing: str) -> int:
        """Ends."""


def provoke(stage: Stage, ask: Ask, say: Say, *, patience_s: float, told: Audience | None = None) -> Outcome:
    """The whole run; leaves everything mended, also when it fails or is told to end. With ``told`` a fault
    stays until its alert was told too, and a trial is done when its end was."""
    for told_to_end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(told_to_end, signal.default_int_handler)
    group = yaml.safe_load(alerts.provisioning())["groups"][0]
    judge = Referee(stage.site, {rule["labels"]["rule"]: rule for rule in group["rules"]})
    names = [trial.rule for trial in TRIALS]
    progress = [Progress(trial) for trial in TRIALS]
    try:
        stage.prepare(RACK, JUDGED, SCALE, CALM_SCALE)
        for each in _not_calm(progress, stage, judge, ask, say):
            each.state, each.problem = "failed", "fires already, before anything was made wrong"
        if told is not None:
            told.begin()
        began, since_ms = time.monotonic(), int(time.time() * 1000)
        for each in progress:
            _begin(each, stage, say)
        rested = 0.0
        while time.monotonic() - began < patience_s and rested < _REST_S:
            time.sleep(_LOOK_S)
            stage.check()
            for each in progress:
                _begin(each, stage, say)
            judge.look(ask, names)
            written = referee.history(stage.site, since_ms, ask)
            for each in progress:
                _step(each, stage, _known(each, stage.site, written, told), time.monotonic() - began, say)
            rested = rested + _LOOK_S if all(each.state in ("clear", "lingers", "failed") for each in progress) else 0.0
        written = referee.history(stage.site, since_ms, ask)
        return outcome(progress, stage.site, judge, written)
    finally:
        stage.tidy()


def _not_calm(progress: list[Progress], stage: Stage, judge: Referee, ask: Ask, say: Say) -> list[Progress]:
    """Trials whose alert fires still, after what was open before has had time to end: a plant's start may look unusual,
    and a verdict that was is well only after a while."""
    until, told = time.monotonic() + _CALM_S, False
    while True:
        # Alerting takes over what was open, and clears what is well.
        time.sleep(_LOOK_S * 2)
        judge.look(ask, [each.trial.rule for each in progress])
        firing = [each for each in progress if judge.course(each.trial.rule, each.trial.thing(stage.site)).fires]
        if not firing or time.monotonic() > until:
            # Grafana tells of an end a while after it.
            time.sleep(_TOLD_S if told else 0.0)
            judge.forget()
            judge.look(ask, [each.trial.rule for each in progress])
            return firing
        if not told:
            say(f"waiting for what fires already: {', '.join(each.trial.rule for each in firing)}")
            told = True
        stage.check()


def _begin(each: Progress, stage: Stage, say: Say) -> None:
    """Begin a trial whose time has come."""
    trial = each.trial
    if each.state != "to begin":
        return

    def begin(stage: Stage) -> None:
        if trial.ready(stage):
            each.state = "to fire"
            say(f"{trial.rule:<18} {trial.entry:<7} {trial.name or 'site'}: {trial.what}")
            trial.begin(stage)

    _try(each, begin, stage)


def _try(each: Progress, act: Callable[[Stage], None], stage: Stage) -> None:
    try:
        act(stage)
    except FAILURES as error:
        each.state, each.problem = "failed", str(error)


def _mend(each: Progress, stage: Stage, now_s: float, say: Say) -> None:
    """End a trial that has fired, once it is sure."""
    if each.trial.sure(stage):
        each.state = "lingers" if each.trial.lingers else "to clear"
        say(f"{each.trial.rule:<18} is mended after {now_s:.0f} s")
        each.trial.end(stage)


def _known(each: Progress, site: str, written: Mapping[tuple[str, str], Course], told: Audience | None) -> Course:
    """What is known of a trial by now: what alerting wrote, as far as people were told."""
    key = each.trial.rule, each.trial.thing(site)
    course = written.get(key, Course())
    if told is None:
        return course
    return Course(min(course.fired, told.fired(*key)), min(course.cleared, told.cleared(*key)), course.fires)


def _step(each: Progress, stage: Stage, course: Course, now_s: float, say: Say) -> None:
    trial = each.trial
    if each.state == "to fire" and course.fired:
        each.state, each.fired_s = "to mend", now_s
        say(f"{trial.rule:<18} fires after {now_s:.0f} s")
    if each.state == "to mend":
        _try(each, lambda stage: _mend(each, stage, now_s, say), stage)
    elif each.state in ("to fire", "to clear") and trial.also is not None:
        _try(each, trial.also, stage)
    if each.state == "to clear" and course.cleared:
        each.state, each.cleared_s = "clear", now_s
        say(f"{trial.rule:<18} is clear after {now_s:.0f} s")


def outcome(progress: list[Progress], site: str, judge: Referee, written: Mapping[tuple[str, str], Course]) -> Outcome:
    """Counts what was seen once, by both; adds to each trial what was wrong with it. Pure."""
    fired = cleared = lingering = 0
    mine = {(each.trial.rule, each.trial.thing(site)) for each in progress}
    for each in progress:
        key = each.trial.rule, each.trial.thing(site)
        told, seen = written.get(key, Course()), judge.course(*key)
        fired += told.fired == 1 and seen.fired == 1
        cleared += told.cleared == 1 and seen.cleared == 1
        ends = (told.cleared, seen.cleared)
        lingering += each.trial.lingers and ends == (0, 0)
        whole = ends == (1, 1) or (each.trial.lingers and ends == (0, 0))
        if not each.problem and not ((told.fired, seen.fired) == (1, 1) and whole):
            each.problem = (
                f"alerting: fired {told.fired}, cleared {told.cleared}; "
                f"Grafana's rule: fired {seen.fired}, cleared {seen.cleared}"
            )
    repeated = [f"{rule} {thing}" for (rule, thing), course in sorted(written.items()) if course.fired > 1]
    others = sum(1 for key in written if key not in mine)
    return Outcome(progress, len(RULES), fired, cleared, lingering, others, repeated)


def untried() -> list[str]:
    """Rules without a trial."""
    tried = {trial.rule for trial in TRIALS}
    return [rule.name for rule in RULES if rule.name not in tried]
