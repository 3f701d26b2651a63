"""Things: create, read, replace, merge and delete at every level, with Ditto's statuses and error codes."""

from __future__ import annotations

import pytest

FEATURES = {
    "air": {"properties": {"inlet": 21.5, "outlet": 34.25}, "desiredProperties": {"fan": 60}},
    "power": {"definition": ["racktwin:power:1.0.0"], "properties": {"watts": 8200, "phases": {"a": 1, "b": 2}}},
}


@pytest.fixture
def thing(ditto):
    return ditto.new_thing(attributes={"serial": "A-1", "slot": {"from": 1, "to": 42}}, features=FEATURES)


def test_create_answers_201_with_location_revision_and_the_thing(ditto):
    policy, thing = ditto.new_policy(), ditto.new_id()
    answer = ditto.put(f"/things/{thing}", {"policyId": policy, "attributes": {"a": 1}}, correlation_id="c-1")
    assert answer.status_code == 201
    assert answer.json() == {"thingId": thing, "policyId": policy, "attributes": {"a": 1}}
    assert answer.headers["location"].endswith(f"/api/2/things/{thing}")
    assert answer.headers["etag"] == '"rev:1"'
    assert answer.headers["entity-revision"] == "1"
    assert answer.headers["correlation-id"] == "c-1"


def test_replace_answers_204_and_counts_revisions(ditto, thing):
    body = ditto.get(f"/things/{thing}").json()
    answer = ditto.put(f"/things/{thing}", body)
    assert (answer.status_code, answer.headers["etag"]) == (204, '"rev:2"')


def test_replace_keeps_the_policy_and_drops_what_is_left_out(ditto, thing):
    assert ditto.put(f"/things/{thing}", {"attributes": {"b": 2}}).status_code == 204
    after = ditto.get(f"/things/{thing}").json()
    assert after["attributes"] == {"b": 2}
    assert "features" not in after
    assert after["policyId"]


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("attributes/serial", "B-2", 204),
        ("attributes/geo/room/name", "hall-2", 201),
        ("attributes", {"only": True}, 204),
        ("features/leak", {"properties": {"wet": False}}, 201),
        ("features/air/properties", {"inlet": 1.5}, 204),
        ("features/air/properties/inlet", 23.125, 204),
        ("features/air/properties/humidity", 48, 201),
        ("features/air/desiredProperties/fan", 65, 204),
        ("features/air/desiredProperties", {"fan": 1, "mode": "eco"}, 204),
        ("features/power/definition", ["racktwin:power:1.1.0"], 204),
        ("definition", "racktwin:rack:1.0.0", 201),
    ],
)
def test_put_below_a_thing_sets_exactly_that(ditto, thing, path, value, status):
    answer = ditto.put(f"/things/{thing}/{path}", value)
    assert answer.status_code == status
    if status == 201:
        assert answer.json() == value
        assert answer.headers["location"].endswith(f"/things/{thing}/{path}")
    read = ditto.get(f"/things/{thing}/{path}")
    assert read.json() == value
    assert read.headers["etag"].startswith('"hash:')
    assert read.headers["entity-revision"] == answer.headers["entity-revision"] == "2"


@pytest.mark.parametrize(
    "path",
    ["attributes/serial", "attributes", "features/air/properties/inlet", "features/air/desiredProperties/fan",
     "features/air/properties", "features/power/definition", "features/air", "features"],
)  # fmt: skip
def test_delete_below_a_thing_removes_exactly_that(ditto, thing, path):
    before = ditto.get(f"/things/{thing}").json()
    assert ditto.delete(f"/things/{thing}/{path}").status_code == 204
    assert ditto.get(f"/things/{thing}/{path}").status_code == 404
    expected, parts = before, path.split("/")
    for part in parts[:-1]:
        expected = expected[part]
    del expected[parts[-1]]
    assert ditto.get(f"/things/{thing}").json() == before


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "things:thing.notfound"),
        ("/attributes/none", "things:attribute.notfound"),
        ("/features/none", "things:feature.notfound"),
        ("/features/air/properties/none", "things:feature.property.notfound"),
        ("/features/air/desiredProperties/none", "things:feature.desiredProperty.notfound"),
        ("/definition", "things:definition.notfound"),
    ],
)
def test_what_is_not_there_is_404_with_its_own_code(ditto, thing, problem, path, code):
    target = thing if path else ditto.new_id()
    problem(ditto.get(f"/things/{target}{path}"), 404, code)
    problem(ditto.delete(f"/things/{target}{path}"), 404, code)


def test_property_of_a_missing_feature_is_404_of_the_feature(ditto, thing, problem):
    problem(ditto.put(f"/things/{thing}/features/none/properties/x", 1), 404, "things:feature.notfound")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", {"thingId": "other:thing"}, "things:id.notsettable"),
        ("/definition", "not a definition", "things:definition.identifier.invalid"),
        ("/features/power/definition", ["nonsense"], "things:definition.identifier.invalid"),
        ("/attributes/a%2F%2Fb", 1, "json.pointer.invalid"),
    ],
)
def test_wrong_bodies_are_400(ditto, thing, problem, path, body, code):
    problem(ditto.put(f"/things/{thing}{path}", body), 400, code)


@pytest.mark.parametrize("name", ["nocolon", "name.space:a%2Fb"])
def test_wrong_ids_are_400(ditto, problem, name):
    problem(ditto.get(f"/things/{name}"), 400, "things:id.invalid")


def test_body_that_is_not_json_or_not_an_object_is_400(ditto, thing, problem):
    url = f"{ditto.url}/api/2/things/{thing}"
    headers = {"content-type": "application/json"}
    for text in ('{"attributes":', "[1]"):
        problem(ditto.session.put(url, data=text, headers=headers, timeout=10), 400, "json.invalid")


def test_other_media_types_are_415(ditto, thing, problem):
    url = f"{ditto.url}/api/2/things/{thing}"
    text = {"content-type": "text/plain"}
    problem(ditto.session.put(url, data="x", headers=text, timeout=10), 415, "mediatype.unsupported")
    problem(ditto.patch(f"/things/{thing}", {}, content_type="application/json"), 415, "mediatype.unsupported")


def test_more_than_100_kb_is_413(ditto, thing, problem):
    problem(ditto.put(f"/things/{thing}/attributes/blob", "z" * 110_000), 413, "things:thing.toolarge")


def test_unknown_paths_and_methods_are_answered_in_text(ditto, thing):
    assert ditto.get(f"/things/{thing}/nosuch").status_code == 404
    answer = ditto.call("POST", f"/things/{thing}", {})
    assert answer.status_code == 405
    assert "PUT" in answer.headers["allow"]


def test_thing_of_an_unknown_policy_is_404(ditto, problem):
    answer = ditto.put(f"/things/{ditto.new_id()}", {"policyId": ditto.new_id("absent")})
    problem(answer, 404, "policies:policy.notfound")


def test_policies_made_with_the_thing(ditto):
    plain, inline, copied = ditto.new_id(), ditto.new_id(), ditto.new_id()
    assert ditto.put(f"/things/{plain}", {"attributes": {"a": 1}}).json()["policyId"] == plain
    default = ditto.get(f"/policies/{plain}").json()["entries"]["DEFAULT"]
    assert ditto.subject in default["subjects"]
    entries = ditto.get(f"/policies/{plain}").json()["entries"]
    assert ditto.put(f"/things/{inline}", {"_policy": {"entries": entries}}).json()["policyId"] == inline
    assert ditto.put(f"/things/{copied}", {"_copyPolicyFrom": plain}).json()["policyId"] == copied
    ditto.made += [f"/policies/{each}" for each in (plain, inline, copied)]


def test_post_makes_an_id_and_takes_none(ditto, problem):
    policy = ditto.new_policy()
    answer = ditto.call("POST", f"/things?namespace={ditto.namespace}", {"policyId": policy})
    assert answer.status_code == 201
    thing = answer.json()["thingId"]
    ditto.made.append(f"/things/{thing}")
    assert thing.startswith(ditto.namespace + ":")
    assert answer.headers["location"].endswith(thing)
    problem(ditto.call("POST", "/things", {"thingId": "a:b"}), 400, "things:id.notsettable")


def test_several_by_ids_in_the_order_asked_for_without_the_missing(ditto):
    first, second = ditto.new_thing(attributes={"n": 1}), ditto.new_thing(attributes={"n": 2})
    answer = ditto.get(f"/things?ids={second},{ditto.new_id()},{first}&fields=thingId,attributes/n")
    assert answer.json() == [
        {"thingId": second, "attributes": {"n": 2}},
        {"thingId": first, "attributes": {"n": 1}},
    ]


def test_fields_select_and_pseudo_fields_tell(ditto, thing):
    chosen = ditto.get(f"/things/{thing}?fields=thingId,attributes/serial,features/air/properties(inlet,none)").json()
    assert chosen == {
        "thingId": thing,
        "attributes": {"serial": "A-1"},
        "features": {"air": {"properties": {"inlet": 21.5}}},
    }
    told = ditto.get(f"/things/{thing}?fields=_revision,_modified,_created,_namespace,_policy").json()
    assert (told["_revision"], told["_namespace"]) == (1, ditto.namespace)
    assert told["_modified"].endswith("Z")
    assert told["_policy"]["entries"]["mine"]
    assert ditto.get(f"/things/{thing}/attributes?fields=slot/from").json() == {"slot": {"from": 1}}


def test_wrong_selector_is_400(ditto, thing, problem):
    problem(ditto.get(f"/things/{thing}?fields=attributes("), 400, "json.fieldselector.invalid")


def test_a_thing_created_again_goes_on_counting(ditto, thing):
    policy = ditto.get(f"/things/{thing}").json()["policyId"]
    assert ditto.delete(f"/things/{thing}").headers["entity-revision"] == "2"
    assert ditto.get(f"/things/{thing}").status_code == 404
    assert ditto.put(f"/things/{thing}", {"policyId": policy}).headers["entity-revision"] == "3"


def test_no_response_wanted_is_202_and_still_done(ditto, thing):
    answer = ditto.put(f"/things/{thing}/attributes/serial", "late", response_required="false")
    assert answer.status_code == 202
    assert ditto.put(f"/things/{thing}/attributes/other?timeout=0", "later").status_code == 202
    attributes = ditto.get(f"/things/{thing}/attributes").json()
    assert (attributes["serial"], attributes["other"]) == ("late", "later")


def test_timeouts_beyond_a_minute_are_400(ditto, thing, problem):
    problem(ditto.put(f"/things/{thing}/attributes/a?timeout=10m", 1), 400, "gateway:timeout.invalid")


def test_acknowledgement_of_search_makes_the_change_searchable(ditto, thing):
    query = "requested-acks=twin-persisted,search-persisted&timeout=20s"
    answer = ditto.put(f"/things/{thing}/attributes/serial?{query}", "found")
    assert answer.status_code == 200
    assert {label: part["status"] for label, part in answer.json().items()} == {
        "twin-persisted": 204,
        "search-persisted": 204,
    }
    found = ditto.get(
        f'/search/things?namespaces={ditto.namespace}&filter=eq(attributes/serial,"found")&fields=thingId'
    )
    assert found.json()["items"] == [{"thingId": thing}]


def test_a_thing_model_that_cannot_be_fetched_is_421(ditto, problem):
    body = {"policyId": ditto.new_policy(), "definition": "http://127.0.0.1:9/none-1.0.0.tm.jsonld"}
    problem(ditto.put(f"/things/{ditto.new_id()}", body), 421, "wot:tm.notfound")
