"""`python -m dashboards.generate --write|--check`: the chart's dashboard files from the pages.

One JSON file a dashboard; a file that no page makes any more is an error, so that none is left over.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.frame import build
from dashboards.pages import PAGES

FOLDER: Final = Path(__file__).resolve().parents[2] / "charts" / "racktwin" / "charts" / "grafana" / "dashboards"


def files() -> dict[str, str]:
    """File name -> content, as they should be."""
    encoder = JSONEncoder(sort_keys=True, indent=1)
    return {f"{page.uid.removeprefix('racktwin-')}.json": encoder.encode(build(page)) + "\n" for page in PAGES}


def stale(folder: Path) -> list[str]:
    """Names of files that are missing, differ, or are left over."""
    wanted = files()
    present = {path.name: path.read_text() for path in folder.glob("*.json")} if folder.is_dir() else {}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


@click.command()
@click.option("--write", "mode", flag_value="write", help="Write the files.")
@click.option("--check", "mode", flag_value="check", default="check", help="Fail when a file is stale (the default).")
def main(mode: str) -> None:
    """The chart's dashboards: one source, in Python."""
    if mode == "write":
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path in FOLDER.glob("*.json"):
            if path.name not in files():
                path.unlink()
        for name, content in files().items():
            (FOLDER / name).write_text(content)
        return
    old = stale(FOLDER)
    if old:
        sys.exit(f"error: stale dashboards: {', '.join(old)}; run `make generate`")


if __name__ == "__main__":
    main()
