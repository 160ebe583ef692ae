"""Whether workers that we did not start see the storage root as this process does.

A cluster whose workers write to another folder of the same name would lose every segment; so before
the first task a worker of each group reads a word that this process has written, and answers it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lyftnb.engine.answers import failure_of
from lyftnb.errors import StorageError, unwritten

if TYPE_CHECKING:
    from lyftnb.engine.cluster import Cluster

PREFIX = ".lyftnb-probe-"
"""Of the names of probe files."""


def write_probe(probe: Path, word: str) -> None:
    """Leave a word in a probe file.

    Raises:
        StorageError: the storage root cannot be written (`StorageFull`: there is no room).
    """
    try:
        probe.write_text(word)
    except OSError as error:
        probe.unlink(missing_ok=True)
        raise unwritten(
            "the storage root",
            error,
            where=str(probe.parent),
            hint="make room there, and try again",
        ) from error


def read_probe(path: str) -> str:
    """The word in a probe file, read on a worker; says what failed where it cannot."""
    try:
        word = Path(path).read_text()
        Path(path).with_suffix(".answer").write_text(word)
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}"
    return word


def check_storage(cluster: Cluster, root: Path, groups: Iterable[str], timeout_s: float) -> None:
    """See that a worker of each group reads and writes what this process does under `root`.

    Raises:
        StorageError: it does not, or it did not answer in time.
    """
    from lyftnb.engine.cluster import resource

    word = secrets.token_hex(16)
    probe = root / f"{PREFIX}{word}"
    write_probe(probe, word)
    try:
        for group in sorted(groups):
            future = cluster.client.submit(
                read_probe, str(probe), resources=resource(group), pure=False
            )
            try:
                answer = str(future.result(timeout=timeout_s))
            except Exception as error:
                answer = str(failure_of(error))
            if answer != word:
                raise elsewhere(group, root, answer)
    finally:
        probe.unlink(missing_ok=True)
        probe.with_suffix(".answer").unlink(missing_ok=True)


def elsewhere(group: str, root: Path, answer: str) -> StorageError:
    """The error for a worker of `group` that answered so."""
    return StorageError(
        f"a worker of group '{group}' does not see the storage root as this process does: {answer}",
        where=str(root),
        hint="mount the same folder under the same path for all workers, or set storage.root in "
        "lyftnb.toml to one that they share; they need the same lyftnb too",
    )
