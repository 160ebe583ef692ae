"""What lyftnb needs of the machine and of a workspace, looked at one by one."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lyftnb.errors import LyftError
from lyftnb.installed import ENGINES, versions
from lyftnb.native.library import is_built
from lyftnb.workspace.config import Config
from lyftnb.workspace.folders import STATE_DIR

_LOW_DISK_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    found: str
    hint: str = ""


def examine(folder: Path) -> list[Check]:
    """Every check, in an order that names causes before effects. Changes nothing."""
    checks: list[Callable[[Path], Check]] = [
        *(_python, _packages, _native),
        *(_folder, _disk, _settings, _groups),
    ]
    return [check(folder) for check in checks] + _ledger(folder)


def _python(_: Path) -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, platform.python_version(), "" if ok else "use Python 3.11 or newer")


def _packages(_: Path) -> Check:
    found = {name: number for name, number in versions().items() if name in ENGINES}
    missing = [name for name, number in found.items() if number == "missing"]
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    hint = f"pip install {' '.join(missing)}" if missing else ""
    return Check("packages", not missing, text, hint)


def _native(_: Path) -> Check:
    if is_built():
        return Check("compiled part", True, "there; NDJSON and CSV are read at full speed")
    hint = "with a C compiler at hand install lyftnb again: both are then read 3 to 5 times as fast"
    return Check("compiled part", True, "not built; Polars decodes NDJSON and CSV", hint)


def _folder(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("folder", False, f"there is no {folder}", "make it, or name another")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Check("folder", True, f"{folder.resolve()} can be written")
    except OSError as error:
        return Check(
            "folder", False, str(error), "lyftnb keeps its state in the workspace's folder"
        )


def _disk(folder: Path) -> Check:
    existing = next(p for p in (folder.resolve(), *folder.resolve().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    hint = "" if free >= _LOW_DISK_BYTES else "make room, or set [storage] root to another disk"
    return Check("disk", not hint, f"{free / 2**30:.1f} GiB free", hint)


def _settings(folder: Path) -> Check:
    try:
        Config.load(folder)
    except LyftError as error:
        return Check("settings", False, error.with_where("").message, error.hint or "")
    return Check("settings", True, "lyftnb.toml is sound" if folder.is_dir() else "defaults")


def _groups(folder: Path) -> Check:
    try:
        config = Config.load(folder)
    except LyftError:
        return Check("workers", False, "unknown, the settings cannot be read", "see above")
    if config.cluster.scheduler:
        return Check("workers", True, f"of the scheduler {config.cluster.scheduler}")
    if config.cluster.class_:
        return Check("workers", True, f"of a {config.cluster.class_}")
    threads = sum(group.workers.max * group.threads for group in config.groups.values())
    cores = os.cpu_count() or 1
    each = ", ".join(f"{name} {g.workers} x {g.threads}" for name, g in config.groups.items())
    crowded = f" (more threads than the {cores} cores: they will take turns)"
    return Check("workers", True, each + (crowded if threads > cores else ""))


def _ledger(folder: Path) -> list[Check]:
    """The ledger and its spools, if there is one; opening it would make one."""
    if not (folder / STATE_DIR).is_dir():
        return [Check("ledger", True, "none yet; the first run makes one")]
    from lyftnb.workspace.local import open

    try:
        with open(folder) as workspace:
            damage = workspace.verify()
            count = len(workspace.spools())
    except LyftError as error:
        return [Check("ledger", False, error.message, error.hint or "")]
    spools = f"{count} spools"
    if not damage:
        return [Check("ledger", True, f"opens; {spools}, every segment is sound")]
    return [Check("ledger", False, f"opens; {spools}"), *(_damaged(str(d)) for d in damage)]


def _damaged(text: str) -> Check:
    return Check("segment", False, text)
