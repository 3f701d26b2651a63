"""Policies: every level of the document, imports, and that they are enforced."""

from __future__ import annotations

import pytest

from rack_operator.desired.policies import base_policy

READ = {"grant": ["READ"], "revoke": []}
READ_WRITE = {"grant": ["READ", "WRITE"], "revoke": []}


def test_create_read_replace_delete(ditto):
    policy = ditto.new_policy()
    read = ditto.get(f"/policies/{policy}")
    assert read.json()["policyId"] == policy
    assert read.json()["imports"] == {}
    assert read.json()["entries"]["mine"]["importable"] == "implicit"
    assert read.headers["etag"] == '"rev:1"'
    assert ditto.put(f"/policies/{policy}", {"entries": read.json()["entries"]}).headers["etag"] == '"rev:2"'
    assert ditto.delete(f"/policies/{policy}").status_code == 204
    assert ditto.get(f"/policies/{policy}").status_code == 404


def test_preconditions(ditto, problem):
    policy = ditto.new_policy()
    body = {"entries": ditto.get(f"/policies/{policy}").json()["entries"]}
    assert ditto.get(f"/policies/{policy}", if_none_match='"rev:1"').status_code == 304
    problem(ditto.put(f"/policies/{policy}", body, if_match='"rev:9"'), 412, "policies:precondition.failed")
    problem(ditto.put(f"/policies/{policy}", body, if_none_match="*"), 412, "policies:precondition.failed")


@pytest.mark.parametrize(
    ("path", "body", "changed"),
    [
        ("entries/guest", {"subjects": {"a:b": {"type": "t"}}, "resources": {"thing:/attributes": READ}}, None),
        ("entries/mine/subjects/a:guest", {"type": "t"}, {"type": "u"}),
        ("entries/mine/resources/thing:/features/x", READ, {"grant": ["READ"], "revoke": ["WRITE"]}),
    ],
)
def test_parts_are_created_read_changed_and_deleted(ditto, path, body, changed):
    url = f"/policies/{ditto.new_policy()}/{path}"
    created = ditto.put(url, body)
    assert created.status_code == 201
    assert created.headers["location"].endswith(path)
    assert ditto.get(url).json() == created.json()
    assert ditto.put(url, changed or body).status_code == 204
    assert ditto.delete(url).status_code == 204
    assert ditto.get(url).status_code == 404


@pytest.mark.parametrize(
    ("entry", "status", "code"),
    [
        (
            {"subjects": {"nosuchissuer": {"type": "t"}}, "resources": {"policy:/": READ_WRITE}},
            400,
            "policies:subjectid.invalid",
        ),
        ({"subjects": {"a:b": {"type": "t"}}, "resources": {"thing:/": READ}}, 403, "policies:policy.notcreatable"),
    ],
)
def test_policies_that_are_refused(ditto, problem, entry, status, code):
    problem(ditto.put(f"/policies/{ditto.new_id()}", {"entries": {"x": entry}}), status, code)


def test_the_last_writer_stays(ditto, problem):
    policy = ditto.new_policy({"thing:/": READ_WRITE})
    problem(ditto.delete(f"/policies/{policy}/entries/keeper"), 403, "policies:entry.modificationinvalid")


def test_expiry_in_the_past_is_400(ditto, problem):
    url = f"/policies/{ditto.new_policy()}/entries/mine/subjects/a:b"
    answer = ditto.put(url, {"type": "t", "expiry": "2001-01-01T00:00:00Z"})
    # Ditto 3.9 registers two errors under one code: which of them is told differs from build to build.
    code = answer.json()["error"]
    assert code in ("policies:subjectexpiry.invalid", "policies:label.invalid")
    problem(answer, 400, code)


def test_missing_ones_are_404_and_bad_ids_400(ditto, problem):
    problem(ditto.get(f"/policies/{ditto.new_id()}"), 404, "policies:policy.notfound")
    problem(ditto.get(f"/policies/{ditto.new_policy()}/entries/none"), 404, "policies:entry.notfound")
    problem(ditto.get("/policies/nocolon"), 400, "policies:id.invalid")


def test_nobody_in_particular_is_401(ditto):
    import requests

    answer = requests.get(f"{ditto.url}/api/2/policies/{ditto.new_id()}", timeout=10)
    assert answer.status_code == 401


THING = {
    "attributes": {"secret": 1},
    "features": {"air": {"properties": {"t": 1.5}}, "power": {"properties": {"w": 2}}},
}


class TestEnforcement:
    """What the one subject may do changes with the policy."""

    @pytest.fixture
    def policy(self, ditto):
        return ditto.new_policy()

    @pytest.fixture
    def thing(self, ditto, policy):
        return ditto.new_thing(policy, **THING)

    def test_a_reader_reads_and_writes_nothing(self, ditto, policy, thing, problem):
        ditto.allow(policy, {"thing:/": READ})
        assert ditto.get(f"/things/{thing}").json()["attributes"] == {"secret": 1}
        problem(ditto.put(f"/things/{thing}/attributes/a", 1), 403, "things:attribute.notmodifiable")
        problem(
            ditto.put(f"/things/{thing}/features/air/properties/t", 1), 403, "things:feature.property.notmodifiable"
        )
        problem(ditto.patch(f"/things/{thing}", {"attributes": {"a": 1}}), 403, "things:thing.notmodifiable")
        problem(ditto.delete(f"/things/{thing}"), 403, "things:thing.notdeletable")

    def test_a_partial_reader_sees_a_part(self, ditto, policy, thing):
        ditto.allow(policy, {"thing:/features/air": READ})
        seen = ditto.get(f"/things/{thing}").json()
        assert seen == {"thingId": thing, "features": {"air": THING["features"]["air"]}}
        assert ditto.get(f"/things/{thing}/attributes/secret").status_code == 404
        assert ditto.get(f"/things/{thing}/features/air/properties/t").json() == 1.5

    def test_a_stranger_finds_nothing_and_may_not_write(self, ditto, policy, thing, problem):
        ditto.allow(policy, {"message:/": READ})
        problem(ditto.get(f"/things/{thing}"), 404, "things:thing.notfound")
        problem(ditto.put(f"/things/{thing}/attributes/a", 1), 403, "things:attribute.notmodifiable")
        assert ditto.get(f"/things?ids={thing}").json() == []

    def test_a_revoke_below_a_grant_hides_and_forbids(self, ditto, policy, thing, problem):
        ditto.allow(policy, {"thing:/": READ_WRITE, "thing:/attributes": {"grant": [], "revoke": ["READ", "WRITE"]}})
        assert "attributes" not in ditto.get(f"/things/{thing}").json()
        problem(ditto.put(f"/things/{thing}/attributes/a", 1), 403, "things:attribute.notmodifiable")
        assert ditto.patch(f"/things/{thing}/features", {"air": {"properties": {"t": 3}}}).status_code == 204

    def test_a_grant_below_a_revoke_allows(self, ditto, policy, thing):
        ditto.allow(policy, {"thing:/": READ, "thing:/features/air/properties/t": READ_WRITE})
        assert ditto.put(f"/things/{thing}/features/air/properties/t", 9).status_code == 204

    def test_a_merge_needs_what_it_touches_and_no_more(self, ditto, policy, thing, problem):
        ditto.allow(policy, {"thing:/features": READ_WRITE})
        assert ditto.patch(f"/things/{thing}", {"features": {"air": {"properties": {"t": 4}}}}).status_code == 204
        mixed = {"features": {"air": {"properties": {"t": 5}}}, "attributes": {"a": 1}}
        problem(ditto.patch(f"/things/{thing}", mixed), 403, "things:thing.notmodifiable")


class TestSubjectsOfASite:
    """What the operator's base policy gives pipeline and models: each writes its features, in one merge or none."""

    SAID = "prediction.inlet.top"

    @pytest.fixture
    def rights(self):
        entries = base_policy("any", ["anomaly", self.SAID])["entries"]
        return {name: entries[name]["resources"] for name in ("pipeline", "models")}

    @pytest.fixture
    def policy(self, ditto):
        return ditto.new_policy()

    @pytest.fixture
    def thing(self, ditto, policy):
        features = {self.SAID: {"properties": {"value": 1, "hi": 2}}, "environment.top": {"properties": {"t": 20}}}
        return ditto.new_thing(policy, features=features)

    def features(self, ditto, policy, thing):
        ditto.allow(policy, {"thing:/": READ})
        return ditto.get(f"/things/{thing}").json()["features"]

    def test_models_write_and_withdraw_what_is_theirs(self, ditto, policy, thing, rights):
        ditto.allow(policy, rights["models"])
        said = {self.SAID: {"properties": {"value": 3, "hi": None}}, "anomaly": {"properties": {"score": 0.5}}}
        assert ditto.patch(f"/things/{thing}/features", said).status_code == 204
        found = self.features(ditto, policy, thing)
        assert found[self.SAID] == {"properties": {"value": 3}}
        assert found["anomaly"] == {"properties": {"score": 0.5}}
        ditto.allow(policy, rights["models"])
        assert ditto.patch(f"/things/{thing}/features", {self.SAID: None}).status_code == 204
        assert set(self.features(ditto, policy, thing)) == {"environment.top", "anomaly"}

    def test_models_write_nothing_else(self, ditto, policy, thing, rights, problem):
        ditto.allow(policy, rights["models"])
        measured = {"environment.top": {"properties": {"t": 99}}}
        for patch in (
            measured,
            {**measured, self.SAID: {"properties": {"value": 3}}},
            {"prediction": {"properties": {"a": 1}}},
        ):
            problem(ditto.patch(f"/things/{thing}/features", patch), 403, "things:thing.notmodifiable")
        problem(ditto.patch(f"/things/{thing}", {"attributes": {"a": 1}}), 403, "things:thing.notmodifiable")
        found = self.features(ditto, policy, thing)
        assert found["environment.top"] == {"properties": {"t": 20}}
        assert found[self.SAID] == {"properties": {"value": 1, "hi": 2}}

    def test_the_pipeline_writes_all_but_what_models_say(self, ditto, policy, thing, rights, problem):
        ditto.allow(policy, rights["pipeline"])
        measured = {"environment.top": {"properties": {"t": 21}}, "scorecard": {"properties": {"n": 1}}}
        assert ditto.patch(f"/things/{thing}/features", measured).status_code == 204
        forged = {self.SAID: {"properties": {"value": 99}}}
        for patch in (forged, {**forged, "environment.top": {"properties": {"t": 22}}}, {self.SAID: None}):
            problem(ditto.patch(f"/things/{thing}/features", patch), 403, "things:thing.notmodifiable")
        found = self.features(ditto, policy, thing)
        assert found["environment.top"] == {"properties": {"t": 21}}
        assert found[self.SAID] == {"properties": {"value": 1, "hi": 2}}


class TestImports:
    """Entries of one policy count in another that imports it."""

    @pytest.fixture
    def base(self, ditto):
        base = ditto.new_policy({"thing:/": READ})
        audit = {
            "subjects": {ditto.subject: {"type": "t"}},
            "resources": {"thing:/": READ_WRITE},
            "importable": "explicit",
        }
        assert ditto.put(f"/policies/{base}/entries/audit", audit).status_code == 201
        return base

    def test_implicit_entries_come_along_and_explicit_ones_when_named(self, ditto, base, problem):
        policy = ditto.new_policy()
        thing = ditto.new_thing(policy, attributes={"a": 1})
        ditto.allow(policy, {"message:/": READ})
        assert ditto.get(f"/things/{thing}").status_code == 404
        assert ditto.put(f"/policies/{policy}/imports/{base}", {"entries": []}).status_code == 201
        assert ditto.get(f"/things/{thing}").status_code == 200
        problem(ditto.put(f"/things/{thing}/attributes/a", 2), 403, "things:attribute.notmodifiable")
        assert ditto.put(f"/policies/{policy}/imports/{base}", {"entries": ["audit"]}).status_code == 204
        assert ditto.put(f"/things/{thing}/attributes/a", 2).status_code == 204
        assert ditto.delete(f"/policies/{policy}/imports/{base}").status_code == 204
        assert ditto.get(f"/things/{thing}").status_code == 404

    def test_a_change_of_the_imported_policy_counts(self, ditto, base):
        policy = ditto.new_policy(imports={base: {"entries": []}})
        thing = ditto.new_thing(policy)
        ditto.allow(policy, {"message:/": READ})
        assert ditto.get(f"/things/{thing}").status_code == 200
        ditto.allow(base, {"message:/": READ})
        assert ditto.get(f"/things/{thing}").status_code == 404

    def test_imports_are_read_back_and_what_is_missing_is_404(self, ditto, base, problem):
        policy = ditto.new_policy(imports={base: {"entries": ["audit"]}})
        assert ditto.get(f"/policies/{policy}/imports").json() == {base: {"entries": ["audit"]}}
        absent = ditto.new_id("absent")
        problem(ditto.put(f"/policies/{policy}/imports/{absent}", {"entries": []}), 404, "policies:policy.notfound")


def test_resources_are_read_back_as_given(ditto, everything):
    policy = ditto.new_policy()
    assert ditto.get(f"/policies/{policy}/entries/mine/resources").json() == everything
