"""What a backup keeps of the cluster, and that a half one is none."""

import datetime as dt

import pytest

from provision.backup import resources, whole
from provision.failure import Failure
from provision.settings import BackupSettings

NOW = dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC)


def secret(name, **labels):
    return {
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "uid": "1", "resourceVersion": "2", "labels": labels, "ownerReferences": [{}]},
        "data": {"password": "eA=="},
    }


class Api:
    """A namespace in memory."""

    def __init__(self):
        self.kept = [secret("rack-a-device"), secret("berlin-kafka-admin", **{"app.kubernetes.io/part-of": "racktwin"})]
        self.others = [
            secret("berlin-kafka-tls", **{"app.kubernetes.io/part-of": "racktwin"}),
            secret("somebody-elses"),
            {**secret("sh.helm.release.v1.berlin.v1"), "type": "helm.sh/release.v1"},
        ]
        self.racks = [
            {
                "kind": "Rack",
                "metadata": {"name": "a", "uid": "3", "finalizers": ["racktwin.io/x"]},
                "spec": {"row": "r1"},
                "status": {},
            }
        ]
        self.made = []

    def secrets(self):
        return [*self.kept, *self.others]

    def resources(self, group, version, plural):
        return self.racks if plural == "racks" else []

    def make_secret(self, body):
        self.made.append(("secret", body["metadata"]["name"]))
        return True

    def make_resource(self, group, version, plural, body):
        self.made.append((plural, body))
        return True


def settings(tmp_path, **more):
    return BackupSettings(backup_dir=tmp_path, provision_namespace="berlin", **more)


def test_secrets_of_devices_and_release_are_kept_and_made_before_resources(tmp_path):
    api = Api()
    manifest = whole.save(settings(tmp_path), api, NOW, 7, lambda line: None)
    assert manifest["parts"]["resources"]["secrets"] == 2
    assert manifest["parts"]["resources"]["racks"] == 1
    whole.load(settings(tmp_path), api, manifest["name"], lambda line: None)
    assert [what for what, _ in api.made] == ["secret", "secret", "racks"]
    rack = api.made[-1][1]
    assert rack == {"kind": "Rack", "metadata": {"name": "a"}, "spec": {"row": "r1"}}


def test_only_the_newest_are_kept(tmp_path):
    for hour in range(4):
        whole.save(settings(tmp_path), Api(), NOW + dt.timedelta(hours=hour), 2, lambda line: None)
    assert whole.names(tmp_path) == ["20260101T050000Z", "20260101T060000Z"]


def test_a_backup_that_failed_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise Failure("x", "y")

    monkeypatch.setattr(whole.influx, "save", fail)
    with pytest.raises(Failure):
        whole.save(settings(tmp_path, influx_url="http://127.0.0.1:1"), Api(), NOW, 7, lambda line: None)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_backup_is_answered_with_those_there_are(tmp_path):
    whole.save(settings(tmp_path), Api(), NOW, 7, lambda line: None)
    with pytest.raises(Failure, match="20260101T030000Z"):
        whole.load(settings(tmp_path), Api(), "yesterday", lambda line: None)


def test_nothing_to_back_up_is_an_error(tmp_path):
    with pytest.raises(Failure, match="nothing to back up"):
        whole.save(BackupSettings(backup_dir=tmp_path), None, NOW, 7, lambda line: None)


def test_certificates_and_strangers_are_left_out():
    assert [resources.is_ours(body) for body in Api().secrets()] == [True, True, False, False, False]
