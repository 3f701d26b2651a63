"""Makes the artefacts that are not there yet: in parallel, each once, whole or not at all.

An artefact is made in a temporary folder beside its place and renamed into it. A lock file per artefact lets two runs
share the work; Ctrl-C stops the children and leaves nothing half made.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from local_stack import paths
from local_stack.toolchain.artefact import Artefact, BuildError, Children, Workshop
from local_stack.toolchain.progress import Reporter, reporter


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file; it is released by the kernel even if this process is killed."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def parallel_builds(cores: int) -> int:
    """How many artefacts are made at once, so that downloads and links overlap with compiling."""
    return max(2, min(4, cores))


class Builder:
    """Makes artefacts below one folder."""

    def __init__(self, folder: Path | None = None, cores: int | None = None) -> None:
        """Work in `folder` (the toolchain folder) with `cores` cores (all that this process may use)."""
        self._folder = folder or paths.toolchain_dir()
        self._cores = cores or len(os.sched_getaffinity(0))
        self._children = Children()

    def missing(self, artefacts: Sequence[Artefact]) -> list[Artefact]:
        """Those of `artefacts` that are not made yet, the heaviest first."""
        return sorted((item for item in artefacts if not item.ready), key=lambda item: -item.weight)

    def make(self, artefacts: Sequence[Artefact]) -> None:
        """Make what is missing of `artefacts`.

        Raises:
            BuildError: at least one could not be made; the others that were under way are finished first.
        """
        missing = self.missing(artefacts)
        if not missing:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with reporter() as report, ThreadPoolExecutor(parallel_builds(self._cores)) as pool:
            for item in missing:
                report.waiting(item.name, item.why)
            # Artefacts that exclude each other must not fill the pool by waiting for one another.
            chains = self._chains(missing)
            futures = [pool.submit(self._make_chain, chain, report) for chain in chains]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            except KeyboardInterrupt:
                self._children.cancel()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            self._raise_failures(futures)

    @staticmethod
    def _chains(missing: Sequence[Artefact]) -> list[list[Artefact]]:
        chains: dict[str, list[Artefact]] = {}
        for item in missing:
            chains.setdefault(item.exclusive or item.name, []).append(item)
        return list(chains.values())

    @staticmethod
    def _raise_failures(futures: Sequence["Future[None]"]) -> None:
        errors = [str(error) for future in futures if (error := future.exception()) is not None]
        if errors:
            raise BuildError("\n".join(errors))

    def _make_chain(self, chain: Sequence[Artefact], report: Reporter) -> None:
        for item in chain:
            self._make_one(item, report)

    def _make_one(self, item: Artefact, report: Reporter) -> None:
        report.started(item.name)
        ok = False
        try:
            with _locked(self._folder / f".{item.name}.lock"):
                if not item.ready:
                    self._fill(item, report)
            ok = True
        finally:
            report.finished(item.name, ok)

    def _fill(self, item: Artefact, report: Reporter) -> None:
        log = self._folder / "logs" / f"{item.folder.name}.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text("")
        temporary = self._folder / f".{item.folder.name}.partial"
        # The lock is ours, so what lies here was left by a run that was killed.
        remove_tree(temporary)
        (temporary / "scratch").mkdir(parents=True)
        (temporary / "output").mkdir()
        shop = Workshop(
            scratch=temporary / "scratch",
            output=temporary / "output",
            log=log,
            jobs=self._cores,
            progress=lambda done, total: report.progressed(item.name, done, total),
            children=self._children,
        )
        try:
            item.make(shop)
            shop.output.rename(item.folder)
        except BuildError as error:
            raise BuildError(
                f"could not build {item.name} {item.version}: {error}\n"
                f"  the full log is {log}\n"
                f"  next: read its last lines, mend what it names, and run the same command again"
            ) from error
        finally:
            remove_tree(temporary)


def remove_tree(path: Path) -> None:
    """Remove a folder, read-only folders inside included (Go's modules are)."""
    if not path.exists():
        return
    for folder, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(path)
