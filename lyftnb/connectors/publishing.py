"""Files for outsiders, exactly once: staged beside their destination under a name that no glob
takes, and renamed to a name made of the batch after its commit.

A rename within a folder is atomic, and the final name is the same for every attempt and every
repeat; so however often a publication is carried out, and wherever it is killed, readers find each
file once and whole.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lyftnb.connectors.base import SinkEnv
from lyftnb.errors import StorageError, is_full, unwritten
from lyftnb.model import Publication

STAGED = ".lyftnb-"


def stage_file(
    env: SinkEnv,
    kind: str,
    folder: Path,
    extension: str,
    part: int,
    write: Callable[[Path], None],
) -> Publication:
    """Write a file under a hidden unique name in `folder`, safe on disk.

    Args:
        env: the batch.
        kind: name of the sink.
        folder: the destination; it is made where it does not exist.
        extension: of the final name, with its dot.
        part: number of the file within the split.
        write: writes the file's content to a path.

    Raises:
        StorageError: the destination cannot be written to.
    """
    stem = f"{STAGED}{env.stem}-{env.step}-{part:04d}-"
    staged = _staged_path(folder, f"{stem}{env.attempt}", extension)
    try:
        _make_folder(folder)
        write(staged)
        _sync(staged)
        _sync(folder)
    except Exception as error:
        if not isinstance(error, OSError) and not is_full(error):
            raise
        with suppress(OSError):
            staged.unlink()
        raise unwritten(
            "the output",
            error,
            where=str(folder),
            hint="make room or repair its permissions; the batch is tried again",
        ) from error
    return Publication(
        id=f"{env.batch}/{env.step}/{env.split}/{part}",
        step=env.step,
        kind=kind,
        group=env.group,
        payload={
            "staged": str(staged),
            "rivals": stem,
            "final": str(folder / f"{env.stem}-{env.step}-{part:04d}{extension}"),
        },
    )


def _staged_path(folder: Path, stem: str, extension: str) -> Path:
    """A name that is used once."""
    return folder / f"{stem}-{uuid.uuid4().hex[:8]}{extension}"


def publish_file(payload: Any) -> None:
    """Give a staged file its final name; done already counts as done.

    Raises:
        StorageError: neither the staged file nor the final one is there.
    """
    staged, final = Path(payload["staged"]), Path(payload["final"])
    try:
        os.rename(staged, final)
    except FileNotFoundError as error:
        if not final.exists():
            raise StorageError(
                "a file that was staged for this output is gone",
                where=str(staged),
                hint="its rows were committed; write them again with a backfill of the step",
            ) from error
    except OSError as error:
        raise StorageError(
            f"the file cannot be published: {error.strerror}",
            where=str(final),
            hint="repair the folder; publishing is tried again",
        ) from error
    remove_staged(payload)
    _sync(final.parent)


def remove_staged(payload: Any) -> None:
    """Remove what any attempt has staged for a publication that is done, or given up."""
    for rival in Path(payload["staged"]).parent.glob(payload["rivals"] + "*"):
        rival.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, each safe in the one above it."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        _sync(made.parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
