"""`python -m api_docs --write|--check`: the files of `racktwin openapi` from the code. `--check` writes nothing and
exits 1 when one is stale, naming it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from api_docs.documents import documents

FOLDER = Path(__file__).resolve().parents[1] / "racktwin_cli" / "openapi"


def rendered() -> dict[str, str]:
    """Text of every file, by name; what the environment sets changes nothing."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("RACKTWIN_")}
    try:
        found = asyncio.run(documents())
    finally:
        os.environ.update(kept)
    return {f"{name}.json": json.dumps(body, indent=1, ensure_ascii=False) + "\n" for name, body in found.items()}


def stale(files: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """Names of files that are missing, differ, or should not be there."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in {*files, *there} if files.get(name) != there.get(name))


def main(argv: list[str] | None = None) -> int:
    """Entry point; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api_docs", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write what is stale")
    what.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is stale")
    arguments = parser.parse_args(argv)
    files = rendered()
    changed = stale(files)
    for name in changed:
        if arguments.write:
            if name in files:
                FOLDER.mkdir(exist_ok=True)
                (FOLDER / name).write_text(files[name], encoding="utf-8")
            else:
                (FOLDER / name).unlink()
        print(f"{'wrote' if arguments.write else 'stale'}: {name}")
    return 1 if arguments.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
