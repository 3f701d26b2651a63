"""Stand-ins for InfluxDB's client and Kafka's, with the behaviour that was seen of the real ones."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from influxdb_client.rest import ApiException
from tests.unit.kafka_fakes import Consumer, Message, Producer


def answer(status, message, headers=None):
    """The exception influxdb-client raises for an error answer."""
    error = ApiException(status=status, reason="reason")
    error.body = json.dumps({"code": "x", "message": message})
    error.headers = headers or {}
    return error


class FakeInflux:
    """Takes lines, refuses those with `poison` in them; like InfluxDB, it keeps the good lines of a refused request."""

    def __init__(self):
        self.buckets = {}
        self.orgs = {"racktwin"}
        self.down = None
        self.requests = 0

    def write_api(self, write_options=None):
        return SimpleNamespace(write=self._write)

    def organizations_api(self):
        def find(org):
            if org not in self.orgs:
                raise answer(404, "organization name not found")
            return [SimpleNamespace(id=f"id-of-{org}")]

        def create(name):
            self.orgs.add(name)
            return SimpleNamespace(id=f"id-of-{name}")

        return SimpleNamespace(find_organizations=find, create_organization=create)

    def buckets_api(self):
        def find(name, org_id):
            if name not in self.buckets:
                raise answer(404, f'bucket "{name}" not found')
            return SimpleNamespace(buckets=[name])

        def create(bucket_name, org_id, description):
            self.buckets[bucket_name] = {}

        return SimpleNamespace(find_buckets=find, create_bucket=create)

    def close(self):
        pass

    def _write(self, bucket, org, record, write_precision):
        self.requests += 1
        if self.down is not None:
            raise self.down
        if bucket not in self.buckets:
            raise answer(404, f'bucket "{bucket}" not found')
        lines = record.decode().split("\n")
        if any("unparsable" in line for line in lines):
            raise answer(400, "unable to parse: missing fields")
        for line in lines:
            if "poison" not in line:
                series, fields, time = line.rsplit(" ", 2)
                self.buckets[bucket][series, time] = fields
        if any("poison" in line for line in lines):
            raise answer(422, "failure writing points: partial write: field type conflict: input field is type float")


@pytest.fixture(scope="session")
def fakes():
    """The stand-ins, by name."""
    return SimpleNamespace(answer=answer, Influx=FakeInflux, Consumer=Consumer, Producer=Producer, Message=Message)
