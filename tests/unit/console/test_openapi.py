"""The API against its own document: whatever is sent, it answers as it says, and never breaks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from tests import fuzzing
from tests.unit.console.conftest import NOW, Console, thing

from console import users
from console.limits import Limiter
from console.sessions import COOKIE

REAL = {
    "site": "berlin",
    "thing": "racktwin.berlin:rack-r1",
    "room": "hall-a",
    "unit": "crah-1",
    "name": "s-1",
    "rule": "inlet-high",
    "what": "command",
}
POINT = {"at": NOW, "thing": "racktwin.berlin:rack-r1", "event": "refused", "who": "ann", "fanSpeed": 20.0}
PAST = {
    "thing": "racktwin.berlin:rack-r1", "rule": "inlet-high", "severity": "warning", "title": "Hot",
    "text": "hot", "since": NOW, "until": None, "acknowledged_by": None, "acknowledged_at": None,
}  # fmt: skip
PREDICTED = {"model": "m", "target": "t", "horizonS": 900, "issuedAt": NOW, "validAt": NOW, "value": 1.0}
PLACE = {
    "row": "r1", "x": 1.0, "y": 2.0, "own_inlet_c": 22.0, "hottest_c": 23.0, "hottest_one_lost_c": 30.0,
    "worst_loss": "crah-1", "fits": True, "why": "it does",
}  # fmt: skip
LEFT = {"power_w": 1000.0, "cooling_w": 2000.0, "cooling_one_lost_w": 500.0, "limit": "cooling with one unit lost"}


def _console(folder) -> Console:
    """A console with something behind every route."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_N", 2)
        console = Console(folder)
    open_alert = {"alerts": {"open": {"inlet-high": {"severity": "warning", "since": NOW}}}}
    console.fleet.put(thing("rack", "r1", location="hall-a", serial="SN-7", features=open_alert))
    proposed = {"optimisation": {"proposal": "p-1", "state": "proposed", "settings": {}}}
    console.fleet.put(thing("room", "hall-a", location="hall-a", features=proposed))
    console.services.history = SimpleNamespace(
        series=lambda *_: {"temperature": [[NOW, 20.5], [NOW + 1000, None]]},
        predictions=lambda *_: [PREDICTED | {"lo": None, "hi": 2.0}],
        states=lambda *_: {"step_s": 60, "times": [NOW], "texts": {}, "values": {"r1": {"power/power": [None]}}},
        inlets=lambda *_: {"hottest": [[NOW, 25.5]], "coldest": []},
        alerts=lambda *_: [PAST],
        records=lambda *_, **_options: [POINT],
        extent=lambda *_: NOW,
        scenario=lambda *_: {"start": NOW, "times": [0.0], "cases": {"a": {"inlets": {"r": [1.0]}, "power": [None]}}},
        report=lambda *_: "<p>report</p>",
    )
    console.scenarios.items = [{"metadata": {"name": "s-1"}, "spec": {"room": "hall-a"}, "status": {"phase": "Done"}}]
    console.questions.answers = {"placement": {"powerW": 1.0, "places": [PLACE]}, "capacity": LEFT}
    console.services.requests = console.services.logins = console.services.ways = Limiter(1e9, 1e9)
    return console


CONSOLE = _console(Path(tempfile.mkdtemp(prefix="racktwin-openapi-")))
BEHIND = (CONSOLE.services.history, CONSOLE.scenarios, CONSOLE.questions)
_, COOKIE_OF = CONSOLE.sessions.begin("ann", "engineer", ("berlin",), local=False)
CSRF = CONSOLE.sessions.read(COOKIE_OF).csrf
SCHEMA = schemathesis.openapi.from_asgi("/api/openapi.json", CONSOLE.app)
OPERATIONS = {
    f"{each.method.upper()} {each.path}": each for found in SCHEMA.get_all_operations() if (each := found.ok())
}
CHECKS = [
    schemathesis.checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
REFUSES = [*CHECKS, schemathesis.checks.CHECKS.get_one("negative_data_rejection")]


def fuzz(operation, mode, examples, checks, path_parameters):
    """Send what a strategy makes of an operation; each answer is held against the document."""

    @settings(
        max_examples=fuzzing.examples(examples),
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=path_parameters))
    def run(case):
        headers, cookies = {"x-csrf-token": CSRF}, {COOKIE: COOKIE_OF}
        case.call_and_validate(headers=headers, cookies=cookies, checks=checks, allow_redirects=False)

    run()


def real_names(operation):
    """Names that there are, or nothing behind the first check would ever be seen."""
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    return {name: REAL[name] for name in names}


@pytest.mark.hypothesis
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_what_is_documented_is_what_comes(operation):
    fuzz(operation, GenerationMode.POSITIVE, 6, CHECKS, real_names(operation))


NAMED = {name: each for name, each in OPERATIONS.items() if "{" in name}
# Those that take more than names and a session.
CHOOSY = {name: each for name, each in OPERATIONS.items() if each.query or each.body}


@pytest.mark.hypothesis
@pytest.mark.parametrize("operation", NAMED.values(), ids=NAMED)
def test_names_of_nothing_are_refused_as_documented(operation):
    fuzz(operation, GenerationMode.POSITIVE, 2, CHECKS, None)


@pytest.mark.hypothesis
@pytest.mark.parametrize("operation", CHOOSY.values(), ids=CHOOSY)
def test_what_the_document_does_not_allow_is_refused(operation):
    fuzz(operation, GenerationMode.NEGATIVE, 6, REFUSES, real_names(operation))
