"""Where the local stack keeps things: build caches and the state of each stack below one home folder.

Nothing here creates or removes anything; `toolchain` and `stack` do.
"""

import os
from pathlib import Path


def home() -> Path:
    """The folder for everything that is not in the repository: `$RACKTWIN_HOME`, else `~/.cache/racktwin`."""
    configured = os.environ.get("RACKTWIN_HOME")
    return Path(configured).expanduser().resolve() if configured else Path.home() / ".cache" / "racktwin"


def toolchain_dir() -> Path:
    """Built programs and fetched libraries, one folder per artefact, version and recipe."""
    return home() / "toolchain"


def stack_dir(name: str) -> Path:
    """All state of the stack `name`: configuration, secrets, data, logs."""
    return home() / "stacks" / name


def models_dir() -> Path:
    """Trained models, one folder per source digest."""
    return home() / "models"


def repository() -> Path:
    """The checkout this package belongs to."""
    return Path(__file__).resolve().parents[2]
