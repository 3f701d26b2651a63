"""``python -m definitions.generate --write|--check``: thing-definitions/ from the catalogue and the mapping table.

Writes only what differs, removes models that are no longer made. ``--check`` writes nothing and exits 1 when
anything is stale, naming each file. A released model is never edited: change the version instead.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from definitions.build import build
from definitions.mapping import load, markdown
from racktwin.thing_models import SUFFIX

DEFAULT_DIRECTORY = Path(__file__).resolve().parents[2] / "thing-definitions"
MAPPING = "mapping.yaml"
TABLE = "mapping.md"


def rendered(directory: Path) -> dict[str, str]:
    """Text of every generated file, by name.

    Raises:
        OSError: the mapping table cannot be read.
        ValueError: the mapping table is not well formed.
    """
    files = {name: json.dumps(model, indent=2, ensure_ascii=False) + "\n" for name, model in build().items()}
    files[TABLE] = markdown(load(directory / MAPPING))
    return files


def stale(directory: Path, files: dict[str, str]) -> list[str]:
    """Names of files that are missing, differ, or should not be there."""
    wrong = [
        name
        for name, text in files.items()
        if not (directory / name).is_file() or (directory / name).read_text(encoding="utf-8") != text
    ]
    wrong += [path.name for path in directory.glob(f"*{SUFFIX}") if path.name not in files]
    return sorted(wrong)


def write(directory: Path, files: dict[str, str]) -> list[str]:
    """Bring the directory up to date; the names of what changed."""
    changed = stale(directory, files)
    for name in changed:
        if name in files:
            (directory / name).write_text(files[name], encoding="utf-8")
        else:
            (directory / name).unlink()
    return changed


def main(argv: list[str] | None = None) -> int:
    """Entry point; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m definitions.generate", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write what is stale")
    what.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is stale")
    parser.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY, help="default: %(default)s")
    arguments = parser.parse_args(argv)
    try:
        files = rendered(arguments.directory)
    except (OSError, ValueError) as error:
        print(f"definitions: {error}", file=sys.stderr)
        return 1
    changed = (write if arguments.write else stale)(arguments.directory, files)
    for name in changed:
        print(f"{'wrote' if arguments.write else 'stale'}: {name}")
    if arguments.check and changed:
        print("run: python -m definitions.generate --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
