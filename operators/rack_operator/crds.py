"""Writes the CRDs as YAML, or checks that the files are what the types say.

`python -m rack_operator.crds --write` after a change of `api`; `--check` fails when they are stale.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from rack_operator.api.crd import KINDS, Kind, custom_resource_definition

DEFAULT_DIR = Path(__file__).resolve().parents[2] / "charts" / "racktwin-crds" / "templates"
_HEADER = "# Generated from operators/rack_operator/api by `python -m rack_operator.crds --write`. Do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Indents lists under their key and never writes anchors, as people write manifests."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent list items (PyYAML leaves them flush otherwise)."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Write repeated values out: the API server knows no anchors in server-side apply diffs."""
        return True


def render(kind: Kind) -> str:
    """The YAML text of the kind's CRD."""
    text = yaml.dump(custom_resource_definition(kind), Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return _HEADER + text


def file_name(kind: Kind) -> str:
    """Name of the kind's file in the chart."""
    return f"crd-{kind.plural}.yaml"


def stale_files(directory: Path) -> list[Path]:
    """Files under `directory` that differ from what the types say, or are missing."""
    stale = []
    for kind in KINDS:
        path = directory / file_name(kind)
        if not path.is_file() or path.read_text(encoding="utf-8") != render(kind):
            stale.append(path)
    return stale


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rack_operator.crds", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write the files")
    mode.add_argument("--check", action="store_true", help="exit 1 when a file is stale")
    parser.add_argument("--dir", type=Path, default=DEFAULT_DIR, help="folder of the files")
    arguments = parser.parse_args(argv)
    if arguments.write:
        arguments.dir.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            (arguments.dir / file_name(kind)).write_text(render(kind), encoding="utf-8")
        return 0
    stale = stale_files(arguments.dir)
    for path in stale:
        sys.stderr.write(f"{path.name} is stale: run python -m rack_operator.crds --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
