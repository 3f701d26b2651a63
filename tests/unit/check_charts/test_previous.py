"""Which version of the chart an upgrade begins at: the one before the present, as it last was."""

import shutil
import subprocess

import pytest
import yaml

from check_charts import previous
from check_charts.tools import CheckError


class History:
    """A repository with a chart."""

    def __init__(self, folder):
        self.folder = folder
        self.git("init", "--quiet")

    def git(self, *arguments):
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def write(self, version, notes):
        chart = self.folder / "charts" / "racktwin"
        chart.mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text(yaml.safe_dump({"name": "racktwin", "version": version}))
        (chart / "values.yaml").write_text(notes)
        rights = self.folder / "operators" / "rack_operator" / "rbac.yaml"
        rights.parent.mkdir(parents=True, exist_ok=True)
        rights.write_text(notes)
        if not (chart / "rbac.yaml").is_symlink():
            (chart / "rbac.yaml").symlink_to("../../operators/rack_operator/rbac.yaml")

    def commit(self, version, notes):
        self.write(version, notes)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", notes)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def history(tmp_path):
    made = History(tmp_path)
    made.commit("0.1.0", "first")
    made.commit("0.2.0", "second")
    return made


def test_it_is_the_last_commit_with_the_version_before(history, tmp_path):
    last = history.commit("0.2.0", "mended since")
    history.commit("0.3.0", "third")
    history.commit("0.3.0", "mended too")
    assert previous.find(tmp_path) == previous.Previous("0.2.0", last)


def test_a_version_that_is_not_yet_committed_counts(history, tmp_path):
    history.write("0.3.0", "under way")
    assert previous.find(tmp_path) == previous.Previous("0.2.0", history.git("rev-parse", "HEAD"))


def test_the_chart_of_then_comes_with_what_it_links_to(history, tmp_path):
    history.commit("0.3.0", "third")
    found = previous.find(tmp_path)
    assert found is not None
    chart = previous.extract(tmp_path, found.commit, tmp_path / "then")
    assert yaml.safe_load((chart / "Chart.yaml").read_text())["version"] == "0.2.0"
    assert (chart / "values.yaml").read_text() == (chart / "rbac.yaml").read_text() == "second"


def test_a_shallow_clone_has_none_and_says_so(history, tmp_path):
    shallow = tmp_path / "shallow"
    history.git("clone", "--quiet", "--depth=1", f"file://{tmp_path}", str(shallow))
    assert previous.find(shallow) is None
    with pytest.raises(CheckError, match="history"):
        previous.extract(shallow, "0" * 40, tmp_path / "then")


def test_files_without_a_history_have_none(tmp_path, monkeypatch):
    History(tmp_path).write("0.1.0", "first")
    shutil.rmtree(tmp_path / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert previous.find(tmp_path) is None
