"""Files of a backup: what is read back is what was written, and what is cut off is noticed."""

import io

import bson
import pytest
import requests

from provision.backup import influx, mongo


def test_documents_follow_one_another():
    documents = [{"n": n, "text": "x" * n} for n in range(50)]
    file = io.BytesIO(b"".join(bson.encode(document) for document in documents))
    assert [bson.decode(document.raw) for document in mongo._documents(file)] == documents


@pytest.mark.parametrize("cut", [1, 3, 7])
def test_a_file_that_ends_within_a_document_is_broken(cut):
    raw = bson.encode({"a": 1})
    with pytest.raises(ValueError, match="within a document"):
        list(mongo._documents(io.BytesIO(raw + raw[:-cut])))


@pytest.mark.parametrize("name", ["things_journal", "a/b", 'quo"te', "umläut"])
def test_a_collections_file_stays_in_its_folder(name):
    assert "/" not in mongo.bson_name(name)


def test_the_parts_of_influxdbs_metadata_are_told_apart():
    body = (
        b'--x\r\nContent-Disposition: attachment; name="kv"; filename="kv.bolt"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x00\x01bolt\r\n--x\r\n"
        b'Content-Disposition: attachment; name="buckets"\r\nContent-Type: application/json\r\n\r\n[]\r\n--x--\r\n'
    )
    answer = requests.Response()
    answer._content = body
    answer.headers["Content-Type"] = 'multipart/mixed; boundary="x"'
    assert dict(influx._multipart(answer)) == {"kv": b"\x00\x01bolt", "buckets": b"[]"}


def test_shards_of_groups_that_ran_out_are_left_out():
    groups = [{"shards": [{"id": 1}, {"id": 2}]}, {"deletedAt": "2026-01-01", "shards": [{"id": 3}]}, {}]
    assert list(influx._shards([{"retentionPolicies": [{"shardGroups": groups}]}, {}])) == [1, 2]
