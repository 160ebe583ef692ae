"""Which folder is a workspace, and which workspace a folder lies in."""

from __future__ import annotations

from pathlib import Path

from lyftnb.errors import NotFound

FILE_NAME = "lyftnb.toml"
STATE_DIR = ".lyftnb"


def folder_of(start: Path) -> Path | None:
    """The workspace that a folder lies in: the nearest one at or above it.

    A folder is one if it has settings or a state directory.
    """
    return next((p for p in (start, *start.parents) if _is_workspace(p)), None)


def root_of(path: str | Path) -> Path:
    """The folder of the workspace that `path` lies in, or that would be made there.

    Raises:
        NotFound: there is no such folder.
    """
    start = Path(path).expanduser().resolve()
    if not start.is_dir():
        raise NotFound(f"there is no folder {start}", hint="make it, or run `lyftnb init` in it")
    return folder_of(start) or start


def existing_root(path: str | Path) -> Path:
    """The folder of the workspace that `path` lies in.

    Raises:
        NotFound: it lies in none.
    """
    root = root_of(path)
    if not _is_workspace(root):
        raise NotFound(
            "there is no workspace here",
            where=str(root),
            hint="make one with `lyftnb init`, go to its folder, or name it: lyftnb -w FOLDER …",
        )
    return root


def _is_workspace(folder: Path) -> bool:
    return (folder / FILE_NAME).is_file() or (folder / STATE_DIR).is_dir()
