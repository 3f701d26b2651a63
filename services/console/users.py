"""Local users: a file of names, roles, sites and scrypt hashes; and the command that makes it.

`python -m console.users --file FILE add NAME --role operator` prints a generated password once. Roles: a viewer sees,
an operator also commands and acknowledges, an engineer also makes scenarios and accepts proposals.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
from pathlib import Path
from typing import Final, Literal, get_args

import click
import msgspec

Role = Literal["viewer", "operator", "engineer"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

# RFC 7914: N=2^14, r=8, p=1 takes 16 MiB and some 50 ms, once a login.
_N: Final = 2**14
_R: Final = 8
_P: Final = 1


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One local user. ``sites`` holds names of sites, or ``*`` for all."""

    name: str
    role: Role
    sites: list[str]
    password: str

    def may_see(self, site: str) -> bool:
        """Whether the site is among the user's."""
        return "*" in self.sites or site in self.sites


class UsersError(Exception):
    """The users' file cannot be used; the text names the field."""


def hash_password(password: str, salt: bytes | None = None) -> str:
    """``scrypt$<salt>$<hash>``, base64."""
    salt = salt if salt is not None else secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def password_matches(password: str, stored: str) -> bool:
    """Whether it is the password, in time that does not depend on where they differ."""
    try:
        scheme, salt, _ = stored.split("$")
    except ValueError:
        return False
    return scheme == "scrypt" and hmac.compare_digest(hash_password(password, base64.b64decode(salt)), stored)


def read(path: Path) -> dict[str, User]:
    """Users by name.

    Raises:
        UsersError: not readable, or not of the form that `add` writes.
    """
    try:
        users = msgspec.json.decode(path.read_bytes(), type=list[User])
    except OSError as error:
        raise UsersError(f"users file {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsersError(f"users file {path}: {error}") from error
    return {user.name: user for user in users}


class LocalUsers:
    """The users' file, read again when it changes."""

    # What a name that nobody has is checked against, so that it takes as long as one that somebody has.
    _NOBODY: Final = hash_password(secrets.token_hex(8))

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        self._current()

    def verify(self, name: str, password: str) -> User | None:
        """The user, if name and password fit."""
        user = self._current().get(name)
        fits = password_matches(password, user.password if user else self._NOBODY)
        return user if user is not None and fits else None

    def get(self, name: str) -> User | None:
        """The user as the file has it now: a session ends with its user, and follows its role."""
        return self._current().get(name)

    def _current(self) -> dict[str, User]:
        with self._lock:
            state = self._path.stat() if self._path.exists() else None
            stamp = (state.st_mtime_ns, state.st_size) if state else None
            if stamp is None or stamp != self._seen:
                self._users = read(self._path)
                self._seen = stamp
            return self._users


def write(path: Path, users: dict[str, User]) -> None:
    """Replace the file as a whole; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(list(users.values()))))
    new.replace(path)


def add(path: Path, name: str, role: Role, sites: list[str]) -> str:
    """Add a user or give one a new password and role; returns the password."""
    users = read(path) if path.exists() else {}
    password = secrets.token_urlsafe(18)
    users[name] = User(name=name, role=role, sites=sites, password=hash_password(password))
    write(path, users)
    return password


@click.group()
@click.option("--file", "path", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The users' file.")
@click.pass_context
def main(context: click.Context, path: Path) -> None:
    """Local users of the console."""
    context.obj = path


@main.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.option("--site", "sites", multiple=True, default=("*",), show_default="*", help="A site that the user may see.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def add_command(path: Path, name: str, role: Role, sites: tuple[str, ...], as_json: bool) -> None:
    """Add NAME, or give NAME a new password; it is printed once."""
    password = add(path, name, role, list(sites))
    click.echo(json.dumps({"name": name, "role": role, "password": password}) if as_json else password)


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(path: Path, as_json: bool) -> None:
    """Who there is."""
    try:
        users = [{"name": u.name, "role": u.role, "sites": u.sites} for u in read(path).values()]
    except UsersError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(users))
        return
    for user in users:
        click.echo(f"{user['name']:<20} {user['role']:<10} {', '.join(user['sites'])}")


@main.command("remove")
@click.argument("name")
@click.pass_obj
def remove_command(path: Path, name: str) -> None:
    """Remove NAME; open sessions end with the next request."""
    users = read(path)
    if users.pop(name, None) is None:
        raise click.ClickException(f"no user {name}; `list` shows who there is")
    write(path, users)


if __name__ == "__main__":
    main()
