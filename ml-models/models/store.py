"""The files of a model registry, in a directory or in a bucket (S3; anything else that fsspec opens), each whole or not
there. Knows nothing of models: that is `models.registry`, the only one to call this.

A directory's file is written beside its place and moved into it; a bucket's object is one PUT and is read by one GET,
so nobody sees half of one. A bucket's client is made from the environment, as AWS's own tools read it:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION, AWS_CA_BUNDLE, and AWS_ENDPOINT_URL for a service other
than Amazon's. Its packages are imported for such a URL alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import fsspec  # type: ignore[import-untyped]

_CONNECT_S: Final = 3
_READ_S: Final = 10
_ATTEMPTS: Final = 2
# Of who changes a file while others do.
_TRIES: Final = 50
# Long enough that who reads several models' files in turn does not wait for each of them.
AWAY_S: Final = 30.0
_S3: Final = {
    # The environment may change between two of a process; a client must be made of the present one.
    "skip_instance_cache": True,
    # Somebody else publishes and promotes: a listing is as old as its look-up.
    "use_listings_cache": False,
    # An object is read by one GET: parts of two of its contents would be neither.
    "max_concurrency": 1,
    "config_kwargs": {
        "connect_timeout": _CONNECT_S,
        "read_timeout": _READ_S,
        "retries": {"mode": "standard", "total_max_attempts": _ATTEMPTS},
    },
}
# What S3 says when a condition does not hold, or two conditions met each other.
_CHANGED: Final = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
# What services say that know no conditions.
_UNCONDITIONAL: Final = {"NotImplemented", "501"}


class RegistryError(Exception):
    """The registry cannot do what was asked: what, and what to do next."""


class Store:
    """Files by their path below a URL. Calls block: a service that hangs is given up after `_ATTEMPTS` times
    `_CONNECT_S` or `_READ_S` seconds, and for `AWAY_S` after that each call fails at once.

    Raises (all methods):
        RegistryError: the place cannot be reached, refuses us, or is not there.
    """

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Opens nothing yet. RegistryError: the URL's protocol is not known, or its package is not installed."""
        if not url:
            raise RegistryError("registry: expected a directory or a URL such as s3://bucket/prefix, got none")
        self.url = url
        self._s3 = url.startswith(("s3://", "s3a://"))
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url, **(_S3 if self._s3 else {}))
        except (ValueError, ImportError) as error:
            raise RegistryError(f"registry {url}: {error}") from error
        self._directory = "file" in self._fs.protocol
        if self._s3:
            # The client repeats what failed already; fsspec would repeat that again.
            self._fs.retries = 1
        self._monotonic = monotonic
        self._away: tuple[float, str] | None = None

    def names(self, relative: str) -> list[str]:
        """What lies in a folder; nothing where there is none."""
        with self._asking():
            try:
                # Other object stores than S3 remember listings too.
                self._fs.invalidate_cache()
                found = self._fs.ls(self._path(relative), detail=False)
            except FileNotFoundError as error:
                self._missing_bucket(error)
                return []
            return sorted({str(entry).rstrip("/").rpartition("/")[2] for entry in found} - {""})

    def read(self, relative: str) -> bytes | None:
        """A file's content; None where there is none."""
        with self._asking():
            try:
                self._fs.invalidate_cache()
                return bytes(self._fs.cat_file(self._path(relative)))
            except FileNotFoundError as error:
                self._missing_bucket(error)
                return None

    def write(self, relative: str, content: bytes) -> None:
        """Put a file there, in the place of the one before."""
        with self._asking(f"cannot write {relative}: "):
            self._put(relative, content)

    def create(self, relative: str, content: bytes) -> bool:
        """Put a file there unless there is one; whether it was put there."""
        return self._replace(relative, content, None)

    def replace(self, relative: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Change a file's content by what it is, also while others change it: `change` is asked again until nobody came
        between. Returns the new content. A service that knows no conditional requests keeps the one written last."""
        for _ in range(_TRIES):
            mark = self._mark(relative)
            before = self.read(relative)
            content = change(before)
            if self._replace(relative, content, (mark, before)):
                return content
        raise RegistryError(f"registry {self.url}: {relative}: somebody else changes it all the time; try again")

    def remove(self, relative: str) -> None:
        """Take a file away."""
        with self._asking(f"cannot remove {relative}: "):
            self._fs.rm_file(self._path(relative))

    def _replace(self, relative: str, content: bytes, expected: tuple[str | None, bytes | None] | None) -> bool:
        """Writes if what is there is what was expected (None: nothing)."""
        mark, before = expected or (None, None)
        with self._asking(f"cannot write {relative}: "), self._locked(relative):
            if self._s3:
                condition = {"IfMatch": mark} if mark is not None else {"IfNoneMatch": "*"}
                try:
                    self._fs.pipe_file(self._path(relative), content, **condition)
                except OSError as error:
                    code = _code(error)
                    if code in _UNCONDITIONAL:
                        self._put(relative, content)
                        return True
                    if code in _CHANGED or (mark is not None and code == "NoSuchKey"):
                        # A request that was repeated because its answer was lost finds its own content.
                        return self.read(relative) == content
                    raise
                return True
            if self.read(relative) != before:
                return False
            self._put(relative, content)
            return True

    def _put(self, relative: str, content: bytes) -> None:
        path = self._path(relative)
        if not self._directory:
            # A bucket has no folders, and must not be made by who only happens to name it.
            self._fs.pipe_file(path, content)
            return
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        # A name of its own: another may write the same file now.
        part = f"{path}.{uuid.uuid4().hex}.part"
        try:
            self._fs.pipe_file(part, content)
            Path(part).replace(path)
        finally:
            Path(part).unlink(missing_ok=True)

    def _mark(self, relative: str) -> str | None:
        """What S3 calls this content of the file; taken before the content, so that a change between is seen."""
        if not self._s3:
            return None
        with self._asking():
            try:
                return str(self._fs.info(self._path(relative))["ETag"])
            except FileNotFoundError:
                return None

    @contextlib.contextmanager
    def _locked(self, relative: str) -> Iterator[None]:
        """Nobody else changes a directory's file by what it is meanwhile. File systems without locks go without."""
        if not self._directory:
            yield
            return
        folder = Path(self._path(relative.partition("/")[0]))
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                fcntl.flock(held.enter_context((folder / ".lock").open("ab")), fcntl.LOCK_EX)
            yield

    def _path(self, relative: str) -> str:
        return f"{self._root.rstrip('/')}/{relative}".rstrip("/")

    def _missing_bucket(self, error: Exception) -> None:
        if _code(error) == "NoSuchBucket":
            raise RegistryError(f"registry {self.url}: the bucket does not exist; make it, or name another") from error

    @contextlib.contextmanager
    def _asking(self, doing: str = "") -> Iterator[None]:
        """Makes one kind of error of each store's own; does not ask a service that was away a moment ago."""
        if self._away is not None and self._monotonic() < self._away[0]:
            raise RegistryError(self._away[1])
        try:
            yield
        except RegistryError:
            raise
        except PermissionError as error:
            who = "the service refuses us (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY): " if self._s3 else ""
            raise RegistryError(f"registry {self.url}: {doing}{who}{error}") from error
        except Exception as error:  # each store raises classes of its own
            self._missing_bucket(error)
            said = f"registry {self.url}: {doing}{_said(error)}"
            if self._s3 and _code(error) is None:
                self._away = (self._monotonic() + AWAY_S, said)
            raise RegistryError(said) from error
        else:
            self._away = None


def _code(error: BaseException) -> str | None:
    """What S3 called the failure; None where S3 did not answer, or the error is another store's."""
    answer: Any = getattr(error.__cause__, "response", None)
    return str(answer["Error"].get("Code")) if isinstance(answer, dict) and "Error" in answer else None


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
