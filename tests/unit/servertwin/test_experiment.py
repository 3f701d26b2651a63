"""Schedules are drawn by a seed; what ran is written down; twin and Grafana are told, and never waited for."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest
from click.testing import CliRunner
from tests.unit.servertwin.machines import Mac

from racktwin import senml
from racktwin.device_credentials import Credentials
from servertwin import config as configs
from servertwin import fingerprint
from servertwin.cli import cli
from servertwin.config import Experiment, Grafana, Limits
from servertwin.experiment import schedule as schedules
from servertwin.experiment.annotations import Annotation, Writer, read
from servertwin.experiment.announce import Announcer, Begun, GrafanaAnnotations, started, stopped
from servertwin.failures import Failure
from servertwin.hono.credentials import read as credentials
from servertwin.hono.events import Post
from servertwin.hono.packs import pack
from servertwin.log.probe import Probe


def test_equal_seeds_give_equal_schedules():
    plan = Experiment(seed=7, phases=12, mode="mixed")
    assert schedules.draw(plan, Limits()) == schedules.draw(plan, Limits())
    assert schedules.draw(plan, Limits()) != schedules.draw(plan.model_copy(update={"seed": 8}), Limits())


@pytest.mark.parametrize("mode", ["sequential", "parallel", "mixed"])
def test_phases_do_not_overlap_and_know_every_load(mode):
    plan = Experiment(seed=3, phases=12, mode=mode, stressors=("cpu", "memory", "disk", "network"))
    drawn = schedules.draw(plan, Limits())
    ends = [0.0, *(phase.end for phase in drawn.phases)]
    assert all(phase.start >= end for phase, end in zip(drawn.phases, ends, strict=False))
    assert {load.kind for phase in drawn.phases for load in phase.loads} == {"cpu", "memory", "disk", "network"}
    together = max(len(phase.loads) for phase in drawn.phases)
    assert together == 1 if mode == "sequential" else together > 1


def test_schedules_are_files(tmp_path):
    drawn = schedules.draw(Experiment(phases=3), Limits())
    schedules.write(tmp_path / "s.json", drawn)
    assert schedules.read(tmp_path / "s.json", Limits()) == drawn


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 9}, "version 9"),
        ({"length": 5}, "length 5 s: expected at least"),
        ({"phases": []}, "no phases"),
        ({"phases": [{"start": 0, "loads": [{"kind": "gpu", "level": 5, "duration": 1}]}]}, "kind 'gpu'"),
        ({"phases": [{"start": 0, "loads": [{"kind": "cpu", "level": 500, "duration": 1}]}]}, "level 500 %"),
        ({"phases": [{"loads": []}]}, "expected one load"),
        ({"phases": [{"start": 0, "loads": [{"kind": "cpu", "level": 5}]}]}, "field duration is missing"),
    ],
)
def test_a_wrong_schedule_is_named(tmp_path, change, expected):
    document = schedules.document(schedules.draw(Experiment(phases=2), Limits())) | change
    (tmp_path / "s.json").write_text(json.dumps(document))
    with pytest.raises(Failure, match=expected):
        schedules.read(tmp_path / "s.json", Limits())


def test_annotations_are_written_at_once_and_read_back(tmp_path):
    each = Annotation("p01", "cpu", 55.5, 10.0, 20.0, 1_700_000_000_123, 1_700_000_020_456)
    writer = Writer(tmp_path / "annotations.csv")
    writer.write(each)
    assert read(tmp_path / "annotations.csv") == [each]
    assert "2023-11-14T22:13:20.123Z" in (tmp_path / "annotations.csv").read_text()
    writer.close()


def test_an_experiment_of_this_machine(tmp_path):
    plan = {"seed": 1, "phases": 2, "stressors": ["network", "memory"], "memoryLevels": [1], "levels": [10],
            "duration": [0.5, 0.6], "gap": [0.2, 0.3], "lead": 0.1}  # fmt: skip
    limits = {"memory": 20_000_000}
    (tmp_path / "c.yaml").write_text(json.dumps({"experiment": plan, "stress": {"limits": limits}}))
    words = ["experiment", "run", "--config", str(tmp_path / "c.yaml"), "--out", str(tmp_path / "run")]
    told = CliRunner().invoke(cli, [*words, "--interval", "100ms", "--json"])
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    assert said["annotations"] == 2
    assert said["logger"]["samples"] > 10
    assert not said["interrupted"]
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found == {"schedule.json", "log.csv", "annotations.csv", "fingerprint.json", "run.json"}
    first, second = read(tmp_path / "run" / "annotations.csv")
    assert 0.45 <= (first.stopped_at - first.started_at) / 1000 <= 2.0
    assert first.stopped_at < second.started_at
    assert first.outcome == "done"


class Web:
    """A small HTTP server that keeps what was posted; answers with the given codes, the last again and again."""

    def __init__(self, *codes):
        self.got = []
        outer, left = self, list(codes)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, dict(self.headers), body))
                self.send_response(left.pop(0) if len(left) > 1 else left[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def web():
    made = []

    def make(*codes):
        made.append(Web(*codes))
        return made[-1]

    yield make
    for each in made:
        each.server.shutdown()
        each.server.server_close()


LOGIN = {
    "host": "127.0.0.1", "port": "1883", "username": "u@berlin", "password": "p", "tenant": "berlin",
    "deviceId": "racktwin.berlin:server-web-1", "httpUrl": "http://127.0.0.1:1/",
}  # fmt: skip


def test_the_twin_is_told_of_begin_and_end_over_http(web):
    hono = web(503, 202)
    who = Credentials("h", 1, "u@berlin", "p", "berlin", LOGIN["deviceId"], hono.url)
    said = []
    announcer = Announcer(Post(lambda: who), None, said.append)
    begun = Begun("p01: cpu 50 %", "cpu", 50.0, 1_700_000_000_000)
    announcer.begin(begun)
    announcer.end(begun, 1_700_000_010_000, [])
    announcer.close()
    assert announcer.failed == 0
    assert said == []
    assert len(hono.got) == 3, "what was refused was tried again"
    path, headers, body = hono.got[-1]
    assert path == "/telemetry"
    assert headers["Content-Type"] == senml.CONTENT_TYPE
    values = {record["n"]: record.get("v", record.get("vs")) for record in json.loads(body)}
    assert values["experiment/annotation"] == "p01: cpu 50 %, over"
    assert values["experiment/startedAt"] == 1_700_000_000_000
    assert values["experiment/stoppedAt"] == 1_700_000_010_000


def test_what_runs_began_after_the_last_one_ended():
    begun = Begun("p02", "disk", 10.0, 2000)
    assert started(begun)["experiment/startedAt"] > stopped(Begun("p01", "cpu", 5.0, 500), 1500)["experiment/stoppedAt"]
    assert "experiment/stoppedAt" not in started(begun)


def test_grafana_gets_annotations_with_start_and_end(web, tmp_path):
    grafana = web(200)
    (tmp_path / "token").write_text("generated\n")
    settings = Grafana(url=grafana.url + "/", token_file=str(tmp_path / "token"))
    adding = GrafanaAnnotations(settings, "racktwin.berlin:server-web-1")
    adding.add(Annotation("p01", "cpu", 50, 0, 10, 1000, 11000))
    path, headers, body = grafana.got[0]
    assert path == "/api/annotations"
    assert headers["Authorization"] == "Bearer generated"
    document = json.loads(body)
    assert (document["time"], document["timeEnd"], document["dashboardUID"]) == (1000, 11000, "racktwin-server")
    assert document["tags"] == ["experiment", "cpu", "racktwin.berlin:server-web-1"]


def test_nobody_there_is_said_and_delays_nothing(tmp_path):
    (tmp_path / "token").write_text("generated")
    gone = GrafanaAnnotations(Grafana(url="http://127.0.0.1:9", token_file=str(tmp_path / "token")), None)
    said = []
    announcer = Announcer(None, gone, said.append)
    begin = time.monotonic()
    announcer.end(Begun("p01", "cpu", 50.0, 1), 2, [Annotation("p01", "cpu", 50, 0, 10, 1, 2)])
    assert time.monotonic() - begin < 0.2
    announcer.close()
    assert announcer.failed == 1
    assert "is grafana.url right?" in said[0]


@pytest.mark.parametrize("form", ["folder", "secret", "flat"])
def test_credentials_come_as_files(tmp_path, form):
    import base64

    if form == "folder":
        for key, value in LOGIN.items():
            (tmp_path / key).write_text(value + "\n")
        where = tmp_path
    else:
        where = tmp_path / "secret.json"
        coded = {key: base64.b64encode(value.encode()).decode() for key, value in LOGIN.items()}
        where.write_text(json.dumps({"kind": "Secret", "data": coded} if form == "secret" else LOGIN))
    found = credentials(str(where))
    assert (found.device_id, found.port, found.http_url) == (LOGIN["deviceId"], 1883, "http://127.0.0.1:1")
    assert "'p'" not in repr(found)


@pytest.mark.parametrize(
    ("change", "expected"), [({"port": "x"}, "port 'x'"), ({"deviceId": "racktwin.b:rack-a"}, "no server")]
)
def test_wrong_credentials_are_named(tmp_path, change, expected):
    (tmp_path / "s.json").write_text(json.dumps(LOGIN | change))
    with pytest.raises(Failure, match=expected):
        credentials(str(tmp_path / "s.json"))


def test_the_twin_gets_what_it_takes_and_nothing_else():
    records = json.loads(pack(1500, 7, {"cpu/utilization": 5.0, "cpu/core0": 9.0, "processes/top1": "db"}))
    assert records == [{"bt": 1.5, "n": "cpu/utilization", "v": 5.0, "u": "%"}, {"n": "seq", "v": 7}]
    assert pack(1500, 7, {"cpu/core0": 9.0}) is None


def test_the_printed_config_is_the_default():
    import yaml

    assert configs.parse(yaml.safe_load(configs.documented())) == configs.Config()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"experiment": {"duration": [5, 1]}}, "the smaller one first"),
        ({"experiment": {"levels": [101]}}, "expected levels above 0"),
        ({"stress": {"limits": {"level": 0}}}, "stress.limits.level"),
        ({"mail": 1}, "mail"),
    ],
)
def test_a_wrong_config_is_named(document, expected):
    with pytest.raises(Failure, match=expected):
        configs.parse(document)


def test_a_fingerprint_leaves_out_what_is_absent_and_serials(tmp_path):
    (tmp_path / "product_serial").write_text("SN-1\n")
    (tmp_path / "sys_vendor").write_text("Maker\n")
    plain = fingerprint.take(probe=Probe(Mac()), dmi=tmp_path)
    assert plain["memory"] == {"totalBytes": 8000}
    assert plain["board"] == {"vendor": "Maker"}
    assert "swap" not in plain
    assert "host" not in plain
    assert "SN-1" not in json.dumps(plain)
    full = fingerprint.take(True, Probe(Mac()), tmp_path)
    assert full["board"]["serial"] == "SN-1"
    assert full["host"]
    assert fingerprint.take(probe=Probe(Mac()), dmi=tmp_path)["digest"] == plain["digest"]


def test_the_fingerprint_of_this_machine_is_json_and_yaml(tmp_path):
    told = CliRunner().invoke(cli, ["fingerprint", "--json", "--out", str(tmp_path / "f.yaml")])
    assert json.loads(told.stdout)["cpu"]["threads"] >= 1
    assert (tmp_path / "f.yaml").read_text().startswith("cpu:")


def test_the_death_of_an_experiment_ends_its_logger_and_its_loads(tmp_path):
    load = {"kind": "network", "level": 1, "duration": 60}
    plan = {"version": 1, "length": 60, "phases": [{"name": "p", "start": 0, "loads": [load]}]}
    (tmp_path / "s.json").write_text(json.dumps(plan))
    words = ["experiment", "run", "--schedule", str(tmp_path / "s.json"), "--out", str(tmp_path / "run")]
    process = subprocess.Popen([sys.executable, "-m", "servertwin", *words], stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline().startswith("p: network 1 %")
    begun = psutil.Process(process.pid).children(recursive=True)
    assert len(begun) == 2
    process.kill()
    process.communicate(timeout=60)
    assert psutil.wait_procs(begun, timeout=60)[1] == []
