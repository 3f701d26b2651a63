"""A Grafana is laid out as the chart says, and what it tells people is counted and read."""

from __future__ import annotations

import stat

import pytest
import requests

from dashboards.grafana.inbox import listening
from dashboards.grafana.provision import MissingError, Secrets, lay_out, sooner
from dashboards.grafana.server import _read
from dashboards.grafana.told import Told, faults

TEXT = """\

WRONG (critical): Inlet above allowable
What: 33 °C at the top
Where: racktwin.berlin:rack-r1, in hall-a
Since: 2026-03-01T10:00:00.000000000Z
What to do: look behind it
Dashboard: https://grafana.example/d/racktwin-room
Console: https://console.example/alerts/berlin
"""


def alert(status="firing", begin=1, end=0, thing="racktwin.berlin:rack-r1"):
    return {
        "status": status,
        "labels": {"rule": "inlet-allowable", "thing": thing},
        "annotations": {"dashboard": "d", "console": "c"},
        "startsAt": f"2026-03-01T10:00:0{begin}Z",
        "endsAt": f"2026-03-01T10:00:0{end}Z",
    }


def message(*alerts, text=TEXT, **more):
    return {
        "groupLabels": {"alertname": "Inlet above allowable", "site": "berlin"},
        "title": "1 wrong at berlin: Inlet above allowable",
        "message": text,
        "alerts": list(alerts) or [alert()],
        **more,
    }


class Inbox:
    def __init__(self, *messages):
        self.all = list(messages)

    def messages(self):
        return self.all


def test_what_is_still_open_is_repeated_and_counts_once():
    told = Told(Inbox(message(alert()), message(alert(), alert(thing="other")), message(alert("resolved", 3, 4))))
    rack = "inlet-allowable", "racktwin.berlin:rack-r1"
    assert (told.fired(*rack), told.cleared(*rack), told.count()) == (1, 1, 3)
    assert (told.fired("inlet-allowable", "other"), told.cleared("inlet-allowable", "other")) == (1, 0)
    assert told.links() == ["c", "d"]
    again = Told(Inbox(message(alert()), message(alert("resolved", 3, 4)), message(alert(begin=5))))
    assert again.fired(*rack) == 2


def test_what_began_before_a_run_is_none_of_it():
    inbox = Inbox(message(alert()))
    told, rack = Told(inbox), ("inlet-allowable", "racktwin.berlin:rack-r1")
    told.begin()
    assert (told.fired(*rack), told.cleared(*rack)) == (0, 0)
    inbox.all += [message(alert("resolved", 1, 4)), message(alert(begin=5)), message(alert("resolved", 5, 7))]
    assert (told.fired(*rack), told.cleared(*rack), told.count()) == (1, 1, 4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (message(), None),
        (message(title="2 wrong, 1 over at berlin: Inlet above allowable"), None),
        (message(title="1 over at berlin: Inlet above allowable"), None),
        (message(title=" at : "), "title"),
        (message(text=TEXT.replace("33 °C at the top", "")), "'What:' says nothing"),
        (message(text=TEXT.replace("33 °C at the top", "<no value>")), "'What:' says nothing"),
        (message(text=TEXT.replace("look behind it", "{{ .Labels.what }}")), "'What to do:' says nothing"),
        (message(text=TEXT.replace("2026-03-01T", "yesterday ")), "since 'yesterday"),
        (message(text=TEXT.replace("Where", "There")), "0 × 'Where:' for 1 alerts"),
        (message(groupLabels={"alertname": "A"}), "grouped by alertname"),
    ],
)
def test_a_message_that_does_not_read_well_is_found(given, said):
    found = "; ".join(faults(given))
    assert said in found if said else found == ""


def test_an_inbox_takes_what_comes_to_its_own_address_alone():
    with listening() as inbox, requests.Session() as session:
        session.trust_env = False
        assert session.post(inbox.url, json={"alerts": []}, timeout=10).status_code == 200
        assert session.post(inbox.url + "x", json={"alerts": []}, timeout=10).status_code == 404
        assert session.post(inbox.url, data="no JSON", timeout=10).status_code == 404
        assert inbox.messages() == [{"alerts": []}]


def documents(**more):
    mounts = [
        {"name": "data", "mountPath": "/var/lib/grafana"},
        {"name": "alerting", "mountPath": "/etc/racktwin/provisioning/alerting"},
        {"name": "sources", "mountPath": "/etc/racktwin/provisioning/datasources"},
        {"name": "token", "mountPath": "/etc/racktwin/influxdb"},
    ]
    volumes = [
        {"name": "data", "emptyDir": {}},
        {"name": "alerting", "projected": {"sources": [{"configMap": {"name": "b-grafana-alerting"}}]}},
        {"name": "sources", "configMap": {"name": "b-grafana", "items": [{"key": "ds.yaml", "path": "racktwin.yaml"}]}},
        {"name": "token", "secret": {"secretName": "token"}},
    ]
    env = [
        {"name": "GF_PATHS_PROVISIONING", "value": "/etc/racktwin/provisioning"},
        {"name": "GF_SECURITY_ADMIN_USER", "valueFrom": {"secretKeyRef": {"name": "admin", "key": "username"}}},
    ]
    pod = {"volumes": volumes, "containers": [{"volumeMounts": mounts, "env": env}]}
    rules = "groups:\n- interval: 30s\n  name: racktwin\n"
    source = "token: $__file{/etc/racktwin/influxdb/token}\n"
    return [
        {"kind": "ConfigMap", "metadata": {"name": "b-grafana-alerting"}, "data": {"rules.yaml": rules}},
        {"kind": "ConfigMap", "metadata": {"name": "b-grafana"}, "data": {"ds.yaml": source, "other": ""}},
        {"kind": "Deployment", "metadata": {"name": "b-grafana"}, "spec": {"template": {"spec": pod}}, **more},
    ]


SECRETS = Secrets({"token": {"token": "t"}, "admin": {"username": "admin"}})


def test_volumes_become_folders_and_their_paths_follow(tmp_path):
    environment = lay_out(documents(), "b", SECRETS, tmp_path)
    assert environment == {"GF_PATHS_PROVISIONING": f"{tmp_path}/provisioning", "GF_SECURITY_ADMIN_USER": "admin"}
    written = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*") if path.is_file()}
    assert sorted(written) == [
        "influxdb/token",
        "provisioning/alerting/rules.yaml",
        "provisioning/datasources/racktwin.yaml",
    ]
    assert (
        written["provisioning/datasources/racktwin.yaml"].read_text()
        == f"token: $__file{{{tmp_path}/influxdb/token}}\n"
    )
    assert "interval: 10s" in written["provisioning/alerting/rules.yaml"].read_text()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written.values())


def test_what_the_chart_wants_and_nobody_has_is_named(tmp_path):
    with pytest.raises(MissingError, match="Secret token"):
        lay_out(documents(), "b", Secrets({}), tmp_path)
    with pytest.raises(MissingError, match="no Deployment c-grafana"):
        lay_out(documents(), "c", SECRETS, tmp_path)
    with pytest.raises(MissingError, match="ConfigMap b-grafana-alerting"):
        lay_out(documents()[1:], "b", SECRETS, tmp_path)


def test_only_waiting_times_of_alerts_are_shortened():
    policies = sooner(
        "policies.yaml", "apiVersion: 1\npolicies:\n- group_by: [site]\n  group_wait: 30s\n  receiver: r\n"
    )
    assert "group_wait: 1s" in policies
    assert "receiver: r" in policies
    assert "- site" in policies
    assert sooner("contact-points.yaml", "interval: 30s\n") == "interval: 30s\n"


def test_what_stands_in_a_file_is_read_as_the_image_does(tmp_path):
    (tmp_path / "password").write_text("secret\n")
    assert _read("GF_SECURITY_ADMIN_PASSWORD__FILE", f"{tmp_path}/password") == ("GF_SECURITY_ADMIN_PASSWORD", "secret")
    assert _read("GF_LOG_MODE", "console") == ("GF_LOG_MODE", "console")
