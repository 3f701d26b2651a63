"""Every model folder is whole and well formed; broken definitions and manifests are refused with the reason."""

from __future__ import annotations

from importlib import resources

import msgspec
import pytest

from models.definition import Definition, ModelError, check, read_definition, read_manifest
from models.statistics import InputPlan
from racktwin.catalogue_computed import resolve
from training import registry

FILES = ("model.yaml", "features.py", "train.py", "evaluate.py", "CARD.md")


@pytest.mark.parametrize("name", registry.names())
def test_model_folder_has_all_files_and_known_channels(name):
    model = registry.load(name)
    definition = model.definition
    folder = resources.files("models").joinpath(definition.package)
    assert [file for file in FILES if not folder.joinpath(file).is_file()] == []
    assert definition.name == name
    for channel in definition.channels:
        features = [resolve(kind, channel.feature) for kind in definition.kinds]
        # What maintains judges things of several kinds, each by channels of its own.
        assert all(features) if definition.task != "maintain" else any(features)
        known = [one for one in features if one is not None]
        units = {one.by_name[channel.property].unit for one in known if channel.property in one.by_name}
        assert units == {channel.unit}
    if definition.task != "maintain":
        InputPlan.of(model.inputs(), definition)


def test_prediction_features_are_named_after_model_and_target():
    definition = read_definition("inlet_temperature")
    names = [definition.prediction_feature(target) for target in definition.targets]
    assert names == ["prediction.inlet-temperature.top", "prediction.inlet-temperature.bottom"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"window_s": 905}, "no multiple"),
        ({"targets": []}, "at least one target"),
        ({"channels": []}, "distinct names"),
    ],
)
def test_contradictions_are_refused(change, says):
    good = read_definition("inlet_temperature")
    with pytest.raises(ModelError, match=says):
        check(msgspec.structs.replace(good, **change))


def test_target_of_unknown_channel_is_refused():
    plain = msgspec.to_builtins(read_definition("inlet_temperature"))
    plain["targets"][0]["channel"] = "middle"
    with pytest.raises(ModelError, match="middle"):
        check(msgspec.convert(plain, Definition))


def test_unknown_model_lists_those_there_are():
    with pytest.raises(ModelError, match="inlet-temperature"):
        registry.load("tomorrow")
    with pytest.raises(ModelError, match="does not exist"):
        read_definition("tomorrow")


def test_missing_and_broken_manifests_name_the_file(tmp_path):
    with pytest.raises(ModelError, match=r"model.json: no such file"):
        read_manifest(tmp_path)
    (tmp_path / "model.json").write_text('{"format": "one"}')
    with pytest.raises(ModelError, match=r"model\.json: .*format"):
        read_manifest(tmp_path)
    (tmp_path / "model.json").write_bytes(b'{"version": "\xff"}')
    with pytest.raises(ModelError, match=r"model\.json: .*utf-8"):
        read_manifest(tmp_path)
