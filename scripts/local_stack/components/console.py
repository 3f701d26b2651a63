"""The console: its page, its users and where it listens."""

import json
import subprocess
import sys
from pathlib import Path

from local_stack.instance import LOOPBACK, Instance
from local_stack.toolchain.catalogue import CONSOLE_PAGE

ROLES = ("viewer", "operator", "engineer")


def users_file(instance: Instance) -> Path:
    """Names, roles and hashes of the console's users."""
    return instance.folder / "secrets" / "console-users.json"


def password_file(instance: Instance, role: str) -> Path:
    """The password of the user who is called as its role."""
    return instance.folder / "secrets" / f"console-{role}-password"


def environment(instance: Instance) -> dict[str, str]:
    """Settings of the console on this machine."""
    return {
        "RACKTWIN_CONSOLE_HOST": LOOPBACK,
        "RACKTWIN_CONSOLE_PORT": str(instance.port("console")),
        "RACKTWIN_CONSOLE_WEB_DIR": str(CONSOLE_PAGE.folder / "web"),
        "RACKTWIN_CONSOLE_USERS_FILE": str(users_file(instance)),
        "RACKTWIN_CONSOLE_SESSION_KEY": instance.secret("console-session-key", 32),
    }


def ensure_users(instance: Instance) -> None:
    """One user for each role, with a generated password, where they are not there yet."""
    users_file(instance).parent.mkdir(parents=True, exist_ok=True)
    for role in ROLES:
        place = password_file(instance, role)
        if place.exists() and users_file(instance).exists():
            continue
        users = (sys.executable, "-m", "console.users", "--file", str(users_file(instance)))
        done = subprocess.run(
            [*users, "add", role, "--role", role, "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        place.touch(mode=0o600)
        place.write_text(json.loads(done.stdout)["password"], encoding="utf-8")
