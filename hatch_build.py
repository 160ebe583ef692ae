"""Builds what is not Python: the front end where Node is at hand, C where a compiler is.

From a clone, `pip install .` and `pip wheel .` build what is stale of the JupyterLab front end with
npm; a source distribution holds its files already. The library of `lyftnb/native` is compiled
wherever a wheel or an editable install is made, and the wheel is then one for this platform and any
Python. What cannot be built is left out with a warning that says what is missing, and everything
else is installed all the same.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

BUILT = "lyftnb/labextension"
LABEXTENSION = "share/jupyter/labextensions/lyftnb"
SERVER_CONFIG = "etc/jupyter/jupyter_server_config.d/lyftnb.json"
SOURCES = ("*/src/**/*", "*/style/**/*", "*/schema/**/*", "*/package.json", "package*.json")
INSTALL = ("install", "--legacy-peer-deps", "--no-audit", "--no-fund")
SKIP = "LYFTNB_SKIP_FRONTEND"
NATIVE = "lyftnb/native/_native.so"
NATIVE_SOURCES = ("lyftnb/native/json_lines.c", "lyftnb/native/csv_records.c")
FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared")
EXACT = ("-fno-fast-math",)
"""Behind what `CFLAGS` says: floats are made of their digits by exact arithmetic."""
INEXACT = ("-Ofast", "-funsafe-math-optimizations")
"""Left out of `CFLAGS`: with them compilers also link a start-up that has the whole process take
the smallest floats for zero, whatever stands behind them.
"""
SKIP_NATIVE = "LYFTNB_SKIP_NATIVE"


class Builds(BuildHookInterface[Any]):
    """What a wheel and a source distribution hold beside Python."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what this target holds, and list the data files.

        An editable install leaves the front end to `make lab`, which links it: a copy would go
        stale with the first change.
        """
        root = Path(self.root)
        if self.target_name == "wheel":
            self._compile(root, build_data)
        shared = build_data.setdefault("shared_data", {})
        shared["jupyter-config/lyftnb.json"] = SERVER_CONFIG
        if version == "editable":
            return
        if is_stale(root):
            trouble = build(root)
            if trouble:
                self.app.display_warning(trouble)
        if not (root / BUILT / "package.json").is_file():
            return
        if self.target_name == "sdist":
            build_data["artifacts"].append(f"/{BUILT}")
        else:
            shared[BUILT] = LABEXTENSION
            shared["jupyter-config/install.json"] = f"{LABEXTENSION}/install.json"

    def _compile(self, root: Path, build_data: dict[str, Any]) -> None:
        trouble = compile_native(root)
        if trouble:
            self.app.display_warning(trouble)
            return
        build_data["artifacts"].append(f"/{NATIVE}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(iter(platform_tags()))}"


def compile_native(root: Path) -> str | None:
    """Compile the library beside its sources; gives back what went wrong, for people."""
    made = root / NATIVE
    slower = "Everything works without; text files are read at a third of the speed"
    if os.environ.get(SKIP_NATIVE):
        return f"the compiled part is not built: {SKIP_NATIVE} is set. {slower}"
    try:
        made.unlink(missing_ok=True)
    except OSError as error:
        return f"the compiled part is not built: {error}. {slower}"
    command = shlex.split(
        os.environ.get("CC", "").strip() or sysconfig.get_config_var("CC") or "cc"
    )
    if sys.platform == "win32" or shutil.which(command[0]) is None:
        return f"the compiled part is not built: no C compiler was found. {slower}"
    asked = [flag for flag in shlex.split(os.environ.get("CFLAGS", "")) if flag not in INEXACT]
    flags = (*FLAGS, *asked, *EXACT)
    part = made.with_suffix(".part")
    sources = [str(root / source) for source in NATIVE_SOURCES]
    done = subprocess.run(
        [*command, *flags, "-o", str(part), *sources], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip()[-2000:]
        return f"the compiled part is not built: {command[0]} failed. {slower}:\n{said}"
    # Renamed into its place: a process that has the old one loaded keeps it.
    part.replace(made)
    return None


def is_stale(root: Path) -> bool:
    """Whether there are sources that are newer than what was built of them."""
    built = root / BUILT / "package.json"
    if not (root / "extensions").is_dir():
        return False
    if not built.is_file():
        return True
    if not (root / ".git").exists():
        return False  # an unpacked source distribution: its times say nothing, its files fit
    since = built.stat().st_mtime
    found = (file for pattern in SOURCES for file in (root / "extensions").glob(pattern))
    return any(file.stat().st_mtime > since for file in found if file.is_file())


def build(root: Path) -> str | None:
    """Build with npm; gives back what went wrong, for people."""
    if os.environ.get(SKIP):
        return f"the JupyterLab front end is not built: {SKIP} is set"
    npm = shutil.which("npm")
    if npm is None:
        return (
            "the JupyterLab front end is not built: npm was not found. Everything else works; "
            "for the canvas install Node 20 or newer and install lyftnb again"
        )
    for command in (INSTALL, ("run", "build")):
        done = subprocess.run(
            [npm, *command], cwd=root / "extensions", capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-2000:]
            return f"the JupyterLab front end is not built: `npm {command[0]}` failed:\n{said}"
    return None
