"""What a cluster leaves behind is told, whatever it is."""

from cluster.traces import Snapshot, differences, take


def test_nothing_has_changed() -> None:
    here = take()
    assert Snapshot.parse(here.dump()) == here
    assert differences(here, here) == []


def test_what_is_new_and_what_is_gone() -> None:
    before = Snapshot({"mounts": ["/", "/proc"], "routes": ["a"]})
    after = Snapshot({"mounts": ["/", "/run/netns"], "routes": ["a"]})
    assert differences(before, after) == ["mounts: /run/netns was left behind", "mounts: /proc is gone"]
