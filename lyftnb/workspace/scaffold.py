"""A new workspace on disk: files that ship with the package, copied where nothing stands yet."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from lyftnb.errors import SetupError
from lyftnb.workspace.folders import FILE_NAME

_INIT = {FILE_NAME: FILE_NAME, "hello.workflow.yaml": "workflows/hello.workflow.yaml"}
_NOTEBOOKS = "notebooks"


def init_workspace(folder: Path) -> list[Path]:
    """Make a workspace of `folder`: settings, a first workflow, a folder for notebooks.

    Raises:
        SetupError: it is a workspace already; nothing is touched.
    """
    if (folder / FILE_NAME).exists():
        raise SetupError(
            f"{folder / FILE_NAME} exists", hint="this is a workspace already; use it as it is"
        )
    written = copy_files("init_files", _INIT, folder)
    (folder / _NOTEBOOKS).mkdir(exist_ok=True)
    return written


def copy_files(source: str, targets: Mapping[str, str], folder: Path) -> list[Path]:
    """Copy files of the package to places in `folder`; one that exists is left as it is.

    Args:
        source: folder beside this module.
        targets: file name there → path in `folder`.
        folder: made if it is missing.

    Returns:
        The files that were written.
    """
    written = []
    for name, target in targets.items():
        path = folder / target
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((files("lyftnb.workspace") / source / name).read_text(encoding="utf-8"))
        written.append(path)
    return written
