"""Intervals, time-outs, back-off; check, discovery's ranges, proposals; the configuration and the command."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from tests.unit.collector.helpers import NOW

from collector import __main__ as command
from collector import check, config, discovery, proposal, settings
from collector.backoff import Backoff
from collector.config import Common, Interval
from collector.model import ConfigError, Emit, Found, Reading, SourceError
from collector.points import Binding, Point, bind
from collector.protocols import NAMES
from collector.runner import Runner
from collector.secrets import Secret
from collector.sources import Made
from rack_operator.api.rack import Rack

LOG = structlog.stdlib.get_logger("test")


class Device:
    """A source that is asked, and does what the test says."""

    def __init__(self, name: str = "d") -> None:
        self.name = name
        points = [
            Point(feature="power", property="power", cadence=0.1),
            Point(feature="power", property="energy", cadence="slow"),
        ]
        self.bindings = bind(points, site="t", thing="rack-a", interval=Interval(slow=0.3))
        self.asked: list[list[str]] = []
        self.trouble: BaseException | None = None
        self.takes_s = 0.0
        self.closed = 0

    async def read(self, due: Sequence[Binding[Any]]) -> list[Reading]:
        self.asked.append([binding.property for binding in due])
        if self.trouble is not None:
            raise self.trouble
        await asyncio.sleep(self.takes_s)
        return [r for b in due if (r := b.reading(1.0, NOW)) is not None]

    async def close(self) -> None:
        self.closed += 1


class Speaker:
    """A source that speaks twice and ends."""

    name = "speaker"
    bindings: tuple[Binding[Any], ...] = ()

    async def listen(self, emit: Emit) -> None:
        emit([Reading("racktwin.t:rack-a", "power", "power", 1.0, NOW)])

    async def close(self) -> None:
        """Nothing."""


def made(source: Any, **options: Any) -> Made:
    return Made(source, Common(name=source.name, protocol="test", **options), "test")


async def run(*sources: Made, seconds: float) -> list[Reading]:
    taken: list[Reading] = []
    stopped = asyncio.Event()
    running = asyncio.create_task(Runner(taken.extend, LOG, random.Random(1)).run(sources, stopped))
    await asyncio.sleep(seconds)
    stopped.set()
    await running
    return taken


async def test_each_value_has_its_own_interval() -> None:
    device = Device()
    taken = await run(made(device), seconds=1.05)
    power = sum(r.property == "power" for r in taken)
    energy = sum(r.property == "energy" for r in taken)
    assert 8 <= power <= 11 and 2 <= energy <= 4
    assert all(len(set(asked)) == 1 for asked in device.asked)
    assert device.closed


async def test_a_failing_device_is_left_alone_and_does_not_hold_up_others() -> None:
    dead, good = Device("dead"), Device("good")
    dead.trouble = SourceError("unplugged")
    taken = await run(made(dead), made(good), seconds=1.0)
    assert len(dead.asked) <= 4
    assert len(taken) > 8


async def test_a_device_that_hangs_is_given_up_on() -> None:
    device = Device()
    device.takes_s = 30.0
    await run(made(device, timeout_s=0.1), seconds=0.5)
    assert device.closed >= 1 and device.asked


async def test_a_connection_that_ends_is_made_again() -> None:
    taken = await run(made(Speaker()), seconds=1.3)
    assert len(taken) == 2


async def test_a_mistake_of_ours_is_not_swallowed() -> None:
    device = Device()
    device.trouble = KeyError("ours")
    with pytest.raises(KeyError):
        await run(made(device), seconds=0.5)


def test_backoff_doubles_up_to_the_longest_with_jitter() -> None:
    backoff = Backoff(10.0, random.Random(1))
    waits = [backoff.failed() for _ in range(200)]
    assert 0.5 <= waits[0] <= 1 and 1 <= waits[1] <= 2 and 2 <= waits[2] <= 4
    assert all(5 <= wait <= 10 for wait in waits[5:]) and len(set(waits)) == 200
    backoff.good()
    assert backoff.failed() <= 1


async def test_check_says_what_would_be_sent_and_what_is_missing() -> None:
    good, dead = Device("good"), Device("dead")
    dead.trouble = SourceError("unplugged")
    rows = await check.check([made(good), made(dead), made(Speaker())], 0.2)
    assert [row["ok"] for row in rows] == [True, False, True]
    assert {"feature": "power", "property": "power", "value": 1.0, "unit": "W"}.items() <= rows[0]["readings"][
        0
    ].items()
    assert rows[1]["error"] == "unplugged" and len(rows[1]["missing"]) == 2
    assert "2 of 3 sources answer, 3 values" in check.text(rows)


@pytest.mark.parametrize(
    ("text", "count", "last"),
    [("192.0.2.0/29", 6, "192.0.2.6"), ("192.0.2.5-9", 5, "192.0.2.9"), ("192.0.2.250-192.0.3.2", 9, "192.0.3.2"),
     ("a.example, b.example", 2, "b.example"), ("2001:db8::/126", 3, "2001:db8::3")],
)  # fmt: skip
def test_ranges(text: str, count: int, last: str) -> None:
    found = discovery.addresses(text)
    assert (len(found), found[-1]) == (count, last)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.0.0.9-5", "300.1.1.1/24", "", "10.0.0.1-10.9.0.0"])
def test_a_wrong_range_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="range"):
        discovery.addresses(text)


async def test_only_some_protocols_can_discover() -> None:
    with pytest.raises(ConfigError, match="no discovery"):
        await discovery.discover("modbus", ["h"], [], None)  # type: ignore[arg-type]


def test_proposed_racks_are_valid_and_hold_what_was_found() -> None:
    found = [
        Found(protocol="redfish", host="192.0.2.1", port=443, name="Node 01", kind="server", map="redfish", rack="A03",
              row="R1", unit=10.0, height=2.0, serial="S1", model="M"),
        Found(protocol="redfish", host="192.0.2.2", port=443, name="node-01", kind="server", map="redfish",
              rack="A03", unit=11.0),
        Found(protocol="redfish", host="192.0.2.3", port=443, name="lost", kind="server", map="redfish"),
        Found(protocol="snmp", host="192.0.2.8", port=161, name="pdu-01", kind="pdu", map="apc-rpdu2", rack="A03"),
        Found(protocol="snmp", host="192.0.2.9", port=161, name="box", kind="unknown", model="Box OS"),
    ]  # fmt: skip
    text = proposal.text(found, {"user": "ops"}, site="berlin", room="hall-a", gateway="edge")
    racks = list(yaml.safe_load_all(text))
    for document in racks:
        Rack.model_validate(document)
    a03, unplaced = racks
    assert [(s["name"], s["position"]) for s in a03["spec"]["servers"]] == [("node-01", 10), ("node-01-2", 1)]
    assert a03["spec"]["feeds"] == [{"name": "A", "pdu": "pdu-01"}] and a03["spec"]["row"] == "r1"
    assert unplaced["metadata"]["name"] == "unplaced"
    assert "# No map is shipped for box (192.0.2.9): Box OS" in text
    below = yaml.safe_load("\n".join(line[2:] for line in text.partition("collectors.yaml ---\n")[2].splitlines()))
    (pdu,) = [d for entry in below["collectors"] for d in entry["devices"] if d["host"] == "192.0.2.8"]
    assert (pdu["thing"], pdu["feed"]) == ("rack-a03", "A")


def test_what_finds_no_place_in_a_proposal_is_said_and_not_collected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def server(number: int, **more: Any) -> Found:
        host, name = f"192.0.2.{number}", f"node-{number:02}"
        return Found(
            protocol="redfish", host=host, port=443, name=name, kind="server", map="redfish", rack="a1", **more
        )

    def pdu(number: int) -> Found:
        host, name = f"192.0.2.{100 + number}", f"pdu-{number}"
        return Found(protocol="snmp", host=host, port=161, name=name, kind="pdu", map="apc-rpdu2", rack="a1")

    found = [*(server(number, height=2.0) for number in range(1, 24)), *(pdu(number) for number in range(1, 5))]
    made = proposal.propose(found, site="berlin", room="hall-a", gateway="edge")
    (rack,) = made.racks
    Rack.model_validate(rack)
    assert len(rack["spec"]["servers"]) == 21
    assert [(one["name"], one["host"], one["rack"]) for one in made.left_out] == [
        ("node-22", "192.0.2.22", "a1"), ("node-23", "192.0.2.23", "a1"),
        ("pdu-3", "192.0.2.103", "a1"), ("pdu-4", "192.0.2.104", "a1"),
    ]  # fmt: skip
    text = proposal.text(found, {}, site="berlin", room="hall-a", gateway="edge")
    assert "# Left out: node-22 (192.0.2.22): rack a1 of 42 U has no 2 U free for it" in text
    assert "# Left out: pdu-3 (192.0.2.103): rack a1 has feeds A and B already" in text

    async def discovered(*_: object) -> list[Found]:
        return found

    monkeypatch.setattr(discovery, "discover", discovered)
    assert command.main(["discover", "snmp", "--range", "h", "--site", "berlin", "--room", "hall-a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["leftOut"] == made.left_out
    # A third PDU's power would stand for the rack's.
    hosts = {d["host"] for entry in proposal.entries(found, {}, made)["collectors"] for d in entry["devices"]}
    assert hosts == {device.host for device in found} - {one["host"] for one in made.left_out}


def test_entries_name_the_servers_as_the_racks_do() -> None:
    found = [
        Found(protocol="redfish", host="192.0.2.1", port=443, name="node", kind="server", map="redfish", rack="z9"),
        Found(protocol="redfish", host="192.0.2.2", port=443, name="node", kind="server", map="redfish", rack="a1"),
        Found(
            protocol="redfish", host="192.0.2.3", port=443, name="node", kind="server", serial="S3", unit=3.0, rack="a1"
        ),
    ]
    made = proposal.propose(found, site="berlin", room="hall-a", gateway="edge")
    things = {
        d["host"]: d["thing"] for entry in proposal.entries(found, {}, made)["collectors"] for d in entry["devices"]
    }
    a1, z9 = made.racks
    assert [(s["name"], s.get("serial")) for s in a1["spec"]["servers"]] == [("node", "S3"), ("node-2", None)]
    assert [s["name"] for s in z9["spec"]["servers"]] == ["node-3"]
    assert things == {"192.0.2.1": "server-node-3", "192.0.2.2": "server-node-2", "192.0.2.3": "server-node"}


GOOD = """
site: t
gateway: edge
uplink: {credentials: secret}
store: {directory: store}
collectors: [{name: a, protocol: modbus, host: h, thing: cooling-c, map: cooling-unit}]
"""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("site: t", "site: T"), "site 'T'"),
        (("gateway: edge", "gateway: Edge!"), "thing id"),
        (("{credentials: secret}", "{}"), "credentials"),
        (("{credentials: secret}", "{credentials: s, protocol: amqp}"), "amqp: host:port"),
        (("store: {directory: store}", "store: {directory: store, maxMB: 1}"), "maxMB"),
        (("store: {directory: store}", "store: {directory: store, maxMb: 0}"), "maxMb of at least"),
        (("store: {directory: store}", "store: {directory: store, drop: some}"), "drop"),
        (("collectors: [", "collectors: [] #"), "at least one entry"),
        (("site: t", "site: ["), "not YAML"),
    ],
)
def test_a_wrong_configuration_is_named(change: tuple[str, str], text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError, match=text):
        config.load(path)


def test_secrets_are_never_in_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s").write_text("word\n")
    assert Secret(file=str(tmp_path / "s")).read() == "word"
    monkeypatch.setenv("WORD", "other")
    assert Secret(env="WORD").read() == "other"
    with pytest.raises(ConfigError, match="NOT_SET"):
        Secret(env="NOT_SET").read()
    with pytest.raises(ValueError, match="expected"):
        Secret()


def test_settings_name_what_is_wrong() -> None:
    assert settings.load({"RACKTWIN_HEALTH_PORT": "9000"}).health_port == 9000
    with pytest.raises(ConfigError, match="RACKTWIN_HEALTH_PORT 'x'"):
        settings.load({"RACKTWIN_HEALTH_PORT": "x"})
    with pytest.raises(ConfigError, match="RACKTWIN_LOG_LEVEL"):
        settings.load({"RACKTWIN_LOG_LEVEL": "loud"})


def test_the_command_checks_and_ends_with_a_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD.replace("host: h", "host: 127.0.0.1, port: 1"))
    assert command.main(["check", "--config", str(path), "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False and "nobody answers" in answer["sources"][0]["error"]
    assert command.main(["check", "--config", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert command.main(["check", "--config", str(path), "--only", "zzz"]) == 2
    assert command.main(["maps", "--json"]) == 0
    assert "apc-rpdu2" in json.loads(capsys.readouterr().out)["snmp"]
    assert command.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["process"] == "collector"


@pytest.mark.parametrize("protocol", NAMES)
def test_every_protocols_options_are_told(protocol: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["options", protocol, "--json"]) == 0
    fields = {field["name"]: field for field in json.loads(capsys.readouterr().out)["fields"]}
    assert fields["name"]["required"] and fields["backoffMaxS"]["default"] == 60
    assert "folder" not in fields
    assert command.main(["options", protocol]) == 0
    assert "backoffMaxS" in capsys.readouterr().out
