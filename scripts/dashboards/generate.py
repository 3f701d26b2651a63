"""`python -m dashboards.generate --write|--check`: the chart's dashboards and alert rules.

One JSON file a dashboard; a file that no page makes any more is an error, so that none is left over.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import alerts
from dashboards.frame import build
from dashboards.pages import PAGES

FOLDER: Final = Path(__file__).resolve().parents[2] / "charts" / "racktwin" / "charts" / "grafana"
_KINDS: Final = ("dashboards/*.json", "alerting/*.yaml")


def files() -> dict[str, str]:
    """File name -> content, as they should be."""
    encoder = JSONEncoder(sort_keys=True, indent=1)
    boards = {
        f"dashboards/{page.uid.removeprefix('racktwin-')}.json": encoder.encode(build(page)) + "\n" for page in PAGES
    }
    return {**boards, "alerting/rules.yaml": alerts.provisioning(), "alerting/templates.yaml": alerts.templates()}


def _present(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for kind in _KINDS for path in folder.glob(kind)}


def stale(folder: Path) -> list[str]:
    """Names of files that are missing, differ, or are left over."""
    wanted = files()
    present = {name: path.read_text() for name, path in _present(folder).items()}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


@click.command()
@click.option("--write", "mode", flag_value="write", help="Write the files.")
@click.option("--check", "mode", flag_value="check", default="check", help="Fail when a file is stale (the default).")
def main(mode: str) -> None:
    """The chart's dashboards and alert rules: one source, in Python."""
    if mode == "write":
        wanted = files()
        for name, path in _present(FOLDER).items():
            if name not in wanted:
                path.unlink()
        for name, content in wanted.items():
            (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / name).write_text(content)
        return
    old = stale(FOLDER)
    if old:
        sys.exit(f"error: stale: {', '.join(old)}; run `make generate`")


if __name__ == "__main__":
    main()
