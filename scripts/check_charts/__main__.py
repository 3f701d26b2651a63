"""`make check-charts`: everything about the charts that needs no pod to run. The last line is JSON.

Exit code 1 when anything is wrong; each finding is one line on standard error.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import yaml

from check_charts import (
    broker,
    hardening,
    installing,
    known_secrets,
    reaching,
    recovering,
    rendering,
    restoring,
    schema,
    sizes,
    upgrading,
    validating,
)
from check_charts.cluster import Cluster, running
from check_charts.tools import CHART, PROFILES, CheckError, build, profiles
from local_stack.toolchain import chart_tools
from local_stack.toolchain.artefact import BuildError


def say(line: str) -> None:
    """Progress, for people."""
    print(line, file=sys.stderr, flush=True)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Values over the defaults, as helm puts them together."""
    result = dict(below)
    for key, value in above.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return result


def static(profile: str) -> tuple[list[rendering.Document], list[str], list[str]]:
    """A profile without a cluster: its documents, what is wrong, and its known secrets. Raises CheckError."""
    rendering.lint(profile)
    documents = rendering.render(profile)
    again = rendering.render(profile)
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    values = merged(defaults, yaml.safe_load((PROFILES / f"{profile}.yaml").read_text(encoding="utf-8")))
    closed = rendering.render(profile, rendering.CLOSED)
    wrong = hardening.findings(documents) + sizes.findings(values) + reaching.findings(documents)
    wrong += reaching.findings(closed)
    return documents, wrong, known_secrets.weak(documents) + known_secrets.repeated(documents, again)


class Check:
    """One run: what was found, and the figures at the end."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.wrong: list[str] = []
        self.known: list[str] = []
        self.figures: dict[str, Any] = {
            "profiles": len(profiles()),
            "rendered": 0,
            "schema_errors": 0,
            "installed": 0,
            "known_secrets": 0,
            "upgrades": 0,
            "upgraded_from": None,
        }
        self.documents: dict[str, list[rendering.Document]] = {}

    def without_cluster(self) -> None:
        """Schema, lint, unit tests, rendering, secrets, hardening, sizes."""
        if schema.is_stale():
            self.wrong.append("values.schema.json is stale: python -m check_charts.schema --write")
        rendering.unit_tests()
        self.known += known_secrets.in_files(CHART)
        for profile in profiles():
            documents, wrong, known = static(profile)
            self.documents[profile] = documents
            self.figures["rendered"] += 1
            self.wrong += [f"{profile}: {line}" for line in wrong]
            self.known += [f"{profile}: {line}" for line in known]
            say(f"{profile}: {len(documents)} documents rendered")
        everything = rendering.render(None, rendering.EVERYTHING)
        found = hardening.findings(everything) + reaching.findings(everything)
        self.wrong += [f"everything on: {line}" for line in found]
        self.known += [f"everything on: {line}" for line in known_secrets.weak(everything)]
        self.documents["everything"] = everything

    def on_cluster(self, cluster: Cluster) -> None:
        """The server's schemas and dry run, each profile's life, a restore, and the previous version's upgrade."""
        definitions = [path for files in chart_tools.NEIGHBOURS for path in sorted(files.folder.glob("*.yaml"))]
        definitions += sorted((CHART.parent / "racktwin-crds" / "templates").glob("*.yaml"))
        ours = {"kind": "CustomResourceDefinition", "group": "racktwin.io"}
        neighbours = [
            document
            for path in definitions
            for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
            if document and document["spec"]["group"] != ours["group"]
        ]
        cluster.apply(neighbours)
        schemas = cluster.folder / "schemas"
        time.sleep(1.0)
        say(f"{validating.write_schemas(cluster, schemas)} schemas from the server")
        cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": rendering.SITE}}])
        for name, documents in self.documents.items():
            errors = validating.schema_errors(documents, schemas)
            refused = validating.dry_run(cluster, documents, rendering.SITE)
            self.figures["schema_errors"] += len(errors)
            self.wrong += [f"{name}: schema: {line}" for line in errors] + [
                f"{name}: refused: {line}" for line in refused
            ]
            say(f"{name}: {len(errors)} schema errors, {len(refused)} refusals")
        for profile in profiles():
            outcome = installing.Life(cluster, profile, profile.replace("-1k", "").replace("-10k", ""), say).live()
            self.figures["installed"] += 1
            self.figures["upgrades"] += outcome.upgraded
            self.wrong += [f"{profile}: {line}" for line in outcome.wrong]
        self.wrong += installing.side_by_side(cluster, say)
        self.wrong += recovering.recovered(cluster, say)
        # The last: the release's resource definitions are part of it, and it leaves them as they are now.
        self.figures["upgraded_from"], wrong = upgrading.upgraded(cluster, say)
        self.wrong += wrong


def main() -> int:
    """The exit code."""
    check = Check()
    try:
        build(chart_tools.ALL)
        check.without_cluster()
        check.wrong += broker.secured(say)
        check.wrong += restoring.restored(say)
        with running(say) as cluster:
            check.on_cluster(cluster)
    except (CheckError, BuildError) as error:
        check.wrong.append(str(error))
    check.figures["known_secrets"] = len(check.known)
    for line in check.wrong + check.known:
        say(f"wrong: {line}")
    print(json.dumps(check.figures))
    return 1 if check.wrong or check.known else 0


if __name__ == "__main__":
    sys.exit(main())
